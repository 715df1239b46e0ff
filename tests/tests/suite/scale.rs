//! Large files: their cost in memory and write units.
//!
//! `cargo test --profile server --workspace --test suite scale -- --nocapture` measures with the million rows for which
//! the product is built, and prints the figures; debug builds use fewer. `OWSC_TEST_ROWS` sets the number.

use anyhow::Context;
use serde_json::Value;
use std::time::Instant;
use tests::generate::{self, Exceeding};
use tests::{Api, Server};

/// The most that the server's resident memory may grow over an ingest, however long the file is.
const MEMORY: u64 = 64 * 1024 * 1024;

/// The documented figures for a million rows.
const MEASURED: &str = include_str!("../../../docs/measured.md");
/// The write units of 200,000 rows, as used by debug builds, counted by the embedded database.
const SHORT: [(&str, f64); 3] = [("tidy", 232.0), ("wide", 647.0), ("tidy, every row exceeds its limit", 1486.0)];
/// Write units of leases, which are renewed more often on a slow machine.
const LEASES: f64 = 20.0;

/// The write units of a file: those of `docs/measured.md`, or of [`SHORT`]. `None` for other lengths.
fn expected(name: &str, rows: usize) -> anyhow::Result<Option<f64>> {
    if rows != 1_000_000 {
        let is_short = rows == 200_000 && tests::table::engine().is_none();
        let short = SHORT.iter().find(|(other, _)| is_short && *other == name);
        return Ok(short.map(|(_, units)| *units));
    }
    let rows = MEASURED.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    // `| tidy | 17.4 MB | 0.30 | 16 MB | 1,064 (0.11 % of one per row) | 6,182 |`
    let mut rows = rows.filter(|cells| cells.len() == 8 && cells[1] == name);
    let row = rows.next().with_context(|| format!("docs/measured.md has no {name}"))?;
    let units = row[5].split(' ').next().unwrap_or_default().replace(',', "");
    Ok(Some(units.parse().with_context(|| format!("{units} write units"))?))
}

fn rows() -> anyhow::Result<usize> {
    match std::env::var("OWSC_TEST_ROWS") {
        Ok(text) => text.parse().context("OWSC_TEST_ROWS is a number of rows"),
        Err(_) => Ok(if cfg!(debug_assertions) { 200_000 } else { 1_000_000 }),
    }
}

/// Ingests a file into an empty database on disk, within the allowed memory and with exactly the claimed write units:
/// if it took fewer, the claim would have to change.
async fn ingest(name: &str, file: String) -> anyhow::Result<Value> {
    let server = Server::options().env("OW_SC_MAX_CSV_BYTES", "100000000").start().await?;
    let api = Api::new(&server);
    // The first file of a process warms up code and caches.
    let (status, small) = api.ingest("?site=small", generate::tidy(1000, Exceeding::Some)).await?;
    anyhow::ensure!(status.is_success(), "{small}");
    let bytes = file.len();
    let (before, _) = server.memory()?;
    let started = Instant::now();
    let (status, answer) = api.ingest("", file).await?;
    let seconds = started.elapsed().as_secs_f64();
    let (_, highest) = server.memory()?;
    anyhow::ensure!(status.is_success(), "{answer}");
    let rows = answer["rows"].as_u64().context("no rows in the answer")?;
    let units = answer["write_units"].as_f64().context("no write units in the answer")?;
    let grown = highest.saturating_sub(before);
    eprintln!(
        "{name}: {rows} rows, {:.1} MB in {seconds:.2} s ({:.0} rows/s); {units} write units; memory {:.1} MB, at most \
         {:.1} MB more; {} exceedances",
        bytes as f64 / 1e6,
        rows as f64 / seconds,
        before as f64 / 1e6,
        grown as f64 / 1e6,
        answer["alerts"]["total"],
    );
    assert!(grown <= MEMORY, "{name}: resident memory grew by {grown} bytes");
    if let Some(expected) = expected(name, rows as usize)? {
        let allowed = expected * 0.99..=expected * 1.01 + LEASES;
        assert!(allowed.contains(&units), "{name}: {units} write units for {rows} rows, not {expected}");
    }
    Ok(answer)
}

/// One after the other, because their memory and time are measured.
#[tokio::test]
async fn long_files_take_little_memory_and_few_write_units() -> anyhow::Result<()> {
    let rows = rows()?;
    let answer = ingest("tidy", generate::tidy(rows, Exceeding::Some)).await?;
    assert_eq!((&answer["rows_taken"], &answer["readings"]), (&rows.into(), &rows.into()), "{answer}");
    let answer = ingest("wide", generate::wide(rows, Exceeding::Some)).await?;
    assert_eq!((&answer["rows_taken"], &answer["readings"]), (&rows.into(), &(3 * rows).into()), "{answer}");
    Ok(())
}

/// Two alerts for nearly every reading: its own and that of the mean of three, which the first two readings of a series
/// do not have.
#[tokio::test]
async fn a_long_file_may_exceed_all_over() -> anyhow::Result<()> {
    let rows = rows()?;
    let answer = ingest("tidy, every row exceeds its limit", generate::tidy(rows, Exceeding::All)).await?;
    assert_eq!(answer["alerts"]["total"], 2 * rows - 3 * 2);
    assert_eq!(answer["alerts"]["new"], answer["alerts"]["total"]);
    assert_eq!(answer["alerts"]["items"].as_array().map(Vec::len), Some(100));
    Ok(())
}

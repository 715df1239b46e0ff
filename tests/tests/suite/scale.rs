//! Long files: what they cost in memory and write units.
//!
//! `cargo test --profile server --workspace --test suite scale -- --nocapture` measures with the million rows that the
//! product is built for and prints the figures; debug builds take fewer. `OWSC_TEST_ROWS` says how many.

use anyhow::Context;
use serde_json::Value;
use std::time::Instant;
use tests::generate::{self, Exceeding};
use tests::{Api, Server};

/// By how much the server's resident memory may grow over an ingest, however long the file is.
const MEMORY: u64 = 64 * 1024 * 1024;

/// Write units that a file may cost besides, however short it is: the feed takes up to a thousand of its alerts.
const PUSHED_ALERTS: f64 = 1000.0;

fn rows() -> anyhow::Result<usize> {
    match std::env::var("OWSC_TEST_ROWS") {
        Ok(text) => text.parse().context("OWSC_TEST_ROWS is a number of rows"),
        Err(_) => Ok(if cfg!(debug_assertions) { 200_000 } else { 1_000_000 }),
    }
}

/// Ingests a file into an empty database on disk, within the memory and the write units that it may take: 1 % of one
/// per row, and what is allowed besides.
async fn ingest(name: &str, file: String, besides: f64) -> anyhow::Result<Value> {
    let server = Server::options().env("OW_SC_MAX_CSV_BYTES", "100000000").start().await?;
    let api = Api::new(&server);
    // The first file of a process touches code and caches that stay.
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
    assert!(units < rows as f64 / 100.0 + besides, "{name}: {units} write units for {rows} rows");
    Ok(answer)
}

/// One after the other: their memory is measured, and so is their time.
#[tokio::test]
async fn long_files_take_little_memory_and_few_write_units() -> anyhow::Result<()> {
    let rows = rows()?;
    let answer = ingest("tidy", generate::tidy(rows, Exceeding::Some), 0.0).await?;
    assert_eq!((&answer["rows_taken"], &answer["readings"]), (&rows.into(), &rows.into()), "{answer}");
    let answer = ingest("wide", generate::wide(rows, Exceeding::Some), 0.0).await?;
    assert_eq!((&answer["rows_taken"], &answer["readings"]), (&rows.into(), &(3 * rows).into()), "{answer}");
    Ok(())
}

/// Two alerts for nearly every reading: its own and that of the mean of three, which the first two readings of a
/// series do not have.
#[tokio::test]
async fn a_long_file_may_exceed_all_over() -> anyhow::Result<()> {
    let rows = rows()?;
    let answer = ingest("tidy, all exceeding", generate::tidy(rows, Exceeding::All), PUSHED_ALERTS).await?;
    assert_eq!(answer["alerts"]["total"], 2 * rows - 3 * 2);
    assert_eq!(answer["alerts"]["new"], answer["alerts"]["total"]);
    assert_eq!(answer["alerts"]["items"].as_array().map(Vec::len), Some(100));
    Ok(())
}

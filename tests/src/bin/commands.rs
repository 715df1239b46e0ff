//! `owsc monitor` against a server in the same run: the time for a million rows, and how its memory grows with a pipe.
//! And how fits on a server slow down publishers.

use ::tests::generate::{self, Exceeding};
use ::tests::plant::{Plant, p99};
use ::tests::server::owsc;
use ::tests::{Api, Server};
use anyhow::{Context, ensure};
use clap::Parser;
use serde_json::json;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// Measures the command line.
#[derive(Parser)]
struct Options {
    /// How often each is measured: the fastest counts, for fits the median
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Rows, in millions, of the short and of the long pipe
    #[arg(long, num_args = 2, default_values_t = [1, 8])]
    millions: Vec<usize>,
}

const MILLION: usize = 1_000_000;
const FITS: usize = 32;
/// How long publishers are measured without fits.
const MEASURED: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut out = std::io::stdout();
    let (mut posted, mut judged) = (Duration::MAX, Duration::MAX);
    let rows = generate::tidy(MILLION, Exceeding::Some);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &rows)?;
    for _ in 0..options.rounds {
        posted = posted.min(post(&rows).await?);
        judged = judged.min(monitor(&file.path().display().to_string(), 0).await?.0);
    }
    let ratio = judged.as_secs_f64() / posted.as_secs_f64();
    writeln!(
        out,
        "a million rows: posted {posted:.2?}, monitored {judged:.2?} (with start and end), {ratio:.2} of it"
    )?;
    let mut memory = Vec::new();
    for millions in &options.millions {
        memory.push(monitor("-", millions * MILLION).await?.1);
        let most = memory.last().copied().unwrap_or_default();
        writeln!(out, "{millions} million rows of a pipe: {:.1} MB at most", most as f64 / 1e6)?;
    }
    let mut ratios = Vec::new();
    for _ in 0..options.rounds {
        let [without, with] = beside_fits().await?;
        writeln!(out, "publishers' p99: {without:.2} ms, with {FITS} fits of a million points {with:.2} ms")?;
        ratios.push(with / without);
    }
    ratios.sort_by(f64::total_cmp);
    writeln!(out, "{:.2} times the p99 without fits, at the median", ratios[ratios.len() / 2])?;
    Ok(())
}

/// The p99 of published readings without fits and while they are queued, in milliseconds.
async fn beside_fits() -> anyhow::Result<[f64; 2]> {
    let server = Server::options().env("LOG_LEVEL", "warn").env("OW_SC_MAX_CSV_BYTES", "100000000");
    let server = server.env("OW_SC_WS_MSGS_PER_SEC", "1000000").env("OW_SC_RL_PER_SEC", "1000").start().await?;
    let api = Api::new(&server);
    let decay = |at: usize| 50.0 * (-1e-5 * at as f64).exp() + (at % 7) as f64 * 0.01;
    let rows: String = (0..MILLION).map(|at| format!("{},H2O2,{:.4}\n", at as f64 / 1000.0, decay(at))).collect();
    let (status, answer) = api.ingest("?site=jars", format!("time,species,concentration\n{rows}")).await?;
    ensure!(status == 200, "{status} {answer}");
    let series = api.list("/api/series?site=jars", "series").await?[0]["id"].clone();
    let plant = Plant::start(&server, 0.0).await?;
    tokio::time::sleep(MEASURED).await;
    let moment = plant.micros();
    let wanted = json!({"model": "decay_first", "series": {"site": "jars", "series": series}});
    let mut last = String::new();
    for _ in 0..FITS {
        let (status, answer) = api.post("/api/chemistry/fit", &wanted).await?;
        ensure!(status == 202, "{status} {answer}");
        last = format!("/api/chemistry/fit/{}", answer["id"].as_str().unwrap_or_default());
    }
    // As long as there is one.
    let begun = Instant::now();
    let state = loop {
        let state = api.json(&last).await?["state"].take();
        if state != "waiting" && state != "running" {
            break state;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    ensure!(state == "done" && begun.elapsed() > Duration::from_secs(2), "{state} after {:?}", begun.elapsed());
    Ok(plant.latencies(moment).await?.map(|latencies| p99(&latencies)))
}

async fn post(rows: &str) -> anyhow::Result<Duration> {
    let server = Server::options().env("LOG_LEVEL", "warn").env("OW_SC_MAX_CSV_BYTES", "100000000").start().await?;
    let began = Instant::now();
    let (status, answer) = Api::new(&server).ingest("?site=north", rows.to_owned()).await?;
    ensure!(status == 200 && answer["rows_taken"] == MILLION, "{status} {answer}");
    Ok(began.elapsed())
}

/// How long a file or a pipe of so many rows takes, and the command's peak memory.
async fn monitor(file: &str, rows: usize) -> anyhow::Result<(Duration, u64)> {
    let mut command = owsc();
    command.args(["monitor", file, "--json", "--limit", "0"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let status = format!("/proc/{}/status", child.id().context("it runs")?);
    let mut pipe = child.stdin.take().context("it has a standard input")?;
    let writing = tokio::spawn(async move {
        for piece in generate::tidy_pieces(rows, Exceeding::Some).take_while(|_| rows > 0) {
            pipe.write_all(piece.as_bytes()).await?;
        }
        anyhow::Ok(())
    });
    let mut most = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kib.unwrap_or_default() * 1024);
        tokio::select! {
            ended = child.wait() => break ended?,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    };
    writing.await??;
    ensure!(ended.code() == Some(1), "some of the rows exceed: {ended}");
    Ok((began.elapsed(), most))
}

//! Files from HTTP to disk: how fast, and for how many write units.

use super::report::{Better, Bound, Figure};
use anyhow::{Context, bail, ensure};
use reqwest::{Body, StatusCode};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::generate::{self, Exceeding};
use tests::{Api, Server};

const ROWS: usize = 1_000_000;
/// How often it is asked whether a file that was answered before it was done is done.
const LOOK: Duration = Duration::from_millis(20);
/// For a file that has nobody beside it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) const FIGURES: [Figure; 2] = [
    Figure { name: "million rows/s", better: Better::More, places: 3, bound: Bound::Ratio },
    Figure { name: "write units", better: Better::Less, places: 0, bound: Bound::Ratio },
];

pub(crate) async fn million(program: &Path, exceeding: Exceeding) -> anyhow::Result<[f64; 2]> {
    let file = generate::tidy(ROWS, exceeding);
    let (_server, api) = start(program).await?;
    let (answer, time) = post(&api, file, PATIENCE).await?;
    ensure!(answer["rows_taken"] == ROWS, "not all rows were taken: {answer}");
    let units = answer["write_units"].as_f64().context("no write units in the answer")?;
    Ok([ROWS as f64 / time.as_secs_f64() / 1e6, units])
}

/// A new server that takes files of any length, and as many messages as there are.
pub(crate) async fn start(program: &Path) -> anyhow::Result<(Server, Api)> {
    let options = Server::options().program(program).env("LOG_LEVEL", "warn");
    let options = options.env("OW_SC_MAX_CSV_BYTES", "1000000000").env("OW_SC_MAX_CSV_ROWS", "100000000");
    let server = options.env("OW_SC_WS_MSGS_PER_SEC", "10000000").start().await?;
    let api = Api::new(&server);
    // The first file of a process touches code and caches that stay.
    let (status, answer) = api.ingest("?site=small", generate::tidy(1000, Exceeding::Some)).await?;
    ensure!(status == StatusCode::OK, "{answer}");
    Ok((server, api))
}

/// Posts a file and waits until it is done, whenever it is answered: the answer, and how long it took.
pub(crate) async fn post(api: &Api, file: impl Into<Body>, patience: Duration) -> anyhow::Result<(Value, Duration)> {
    let posted = Instant::now();
    let answer = tokio::time::timeout(patience, done(api, file)).await;
    let answer = answer.with_context(|| format!("not done after {} s", patience.as_secs()))??;
    Ok((answer, posted.elapsed()))
}

async fn done(api: &Api, file: impl Into<Body>) -> anyhow::Result<Value> {
    let (status, answer) = api.ingest("", file).await?;
    match status {
        StatusCode::OK => return Ok(answer),
        StatusCode::ACCEPTED => {}
        refused => bail!("{refused}: {answer}"),
    }
    let id = answer["id"].as_str().context("no id in the answer")?;
    loop {
        let mut record = api.json(&format!("/api/ingests/{id}")).await?;
        if record["state"] == "done" {
            return Ok(record["answer"].take());
        }
        tokio::time::sleep(LOOK).await;
    }
}

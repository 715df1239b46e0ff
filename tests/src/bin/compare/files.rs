//! Files from HTTP to disk: how fast, and for how many write units.

use super::report::{Better, Bound, Figure};
use ::tests::generate::{self, Exceeding};
use ::tests::{Api, Server};
use anyhow::{Context, bail, ensure};
use reqwest::{Body, StatusCode};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const ROWS: usize = 1_000_000;
/// How often to check whether a file that was answered early is done.
const LOOK: Duration = Duration::from_millis(20);
/// The limit for a file that runs alone.
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

/// A new server without limits on files and messages.
pub(crate) async fn start(program: &Path) -> anyhow::Result<(Server, Api)> {
    let options = Server::options().program(program).env("LOG_LEVEL", "warn");
    let options = options.env("OW_SC_MAX_CSV_BYTES", "1000000000").env("OW_SC_MAX_CSV_ROWS", "100000000");
    let server = options.env("OW_SC_WS_MSGS_PER_SEC", "10000000").start().await?;
    let api = Api::new(&server);
    // The first file of a process warms up code and caches.
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::State;
    use axum::routing::{get, post as posted};
    use axum::{Json, Router};
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::net::TcpListener;

    /// A server that answers a file before it is done, and is polled so often until it is.
    async fn answers_early(looks: u32) -> anyhow::Result<(Api, Arc<AtomicU32>)> {
        let asked = Arc::new(AtomicU32::new(0));
        let record = move |State(asked): State<Arc<AtomicU32>>| async move {
            let done = asked.fetch_add(1, Ordering::Relaxed) + 1 >= looks;
            let answer = if done { json!({"write_units": 7.0}) } else { json!(null) };
            Json(json!({"state": if done { "done" } else { "under way" }, "answer": answer}))
        };
        let router = Router::new()
            .route("/api/ingest", posted(|| async { (axum::http::StatusCode::ACCEPTED, Json(json!({"id": "a"}))) }))
            .route("/api/ingests/a", get(record))
            .with_state(asked.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = Api::at(&format!("http://{}", listener.local_addr()?));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((api, asked))
    }

    #[tokio::test]
    async fn a_file_counts_until_it_is_done() -> anyhow::Result<()> {
        let (api, asked) = answers_early(3).await?;
        let (answer, time) = post(&api, "", PATIENCE).await?;
        assert_eq!((answer, asked.load(Ordering::Relaxed)), (json!({"write_units": 7.0}), 3));
        assert!(time >= 2 * LOOK, "{time:?}");
        Ok(())
    }

    #[tokio::test]
    async fn a_file_that_is_never_done_is_given_up() -> anyhow::Result<()> {
        let (api, asked) = answers_early(u32::MAX).await?;
        assert!(post(&api, "", 5 * LOOK).await.is_err());
        assert!(asked.load(Ordering::Relaxed) > 0);
        Ok(())
    }
}

//! Measures the requests to a table and their cost: a proxy that has the table itself report the cost of each answer.

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The operations that consume read units.
const READS: [&str; 5] = ["BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"];

/// Requests, and the read units of their answers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reads {
    /// Requests, including writes.
    pub requests: u32,
    /// Read units.
    pub units: f64,
}

/// The requests in some time.
#[derive(Debug)]
pub struct Bill {
    /// By operation and partition.
    pub reads: BTreeMap<(String, String), Reads>,
    /// The length of that time.
    pub time: Duration,
}

impl Bill {
    /// All of it.
    pub fn sum(&self) -> Reads {
        self.reads.values().fold(Reads::default(), |sum, reads| Reads {
            requests: sum.requests + reads.requests,
            units: sum.units + reads.units,
        })
    }
}

/// A proxy in front of a table. It runs as long as the runtime in which it was created.
#[derive(Debug)]
pub struct Meter {
    endpoint: String,
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    client: Client,
    table: String,
    reads: Mutex<BTreeMap<(String, String), Reads>>,
}

impl Meter {
    /// A proxy for the table at this address.
    pub async fn before(table: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let line = Arc::new(Line { client: Client::new(), table: table.to_owned(), reads: Mutex::default() });
        let proxy = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(line.clone());
        tokio::spawn(async move { axum::serve(listener, proxy).await });
        Ok(Self { endpoint, line })
    }

    /// The proxy's address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The requests from now on, for so long.
    pub async fn over(&self, time: Duration) -> Bill {
        let begin = Instant::now();
        self.take();
        tokio::time::sleep(time).await;
        Bill { reads: self.take(), time: begin.elapsed() }
    }

    fn take(&self) -> BTreeMap<(String, String), Reads> {
        std::mem::take(&mut *self.line.reads.lock().expect("nobody panics with it"))
    }
}

/// Passes a request on and records the cost of the answer. The signature, which the change invalidates, is not
/// verified.
async fn pass(
    State(line): State<Arc<Line>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, HeaderMap, Bytes), (StatusCode, String)> {
    line.pass(headers, &body).await.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
}

impl Line {
    async fn pass(&self, mut headers: HeaderMap, body: &[u8]) -> anyhow::Result<(StatusCode, HeaderMap, Bytes)> {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut question: Value = serde_json::from_slice(body).context("the request is not JSON")?;
        let partition = partition(&question);
        let reads = READS.contains(&operation.as_str());
        if reads {
            question["ReturnConsumedCapacity"] = json!("TOTAL");
        }
        // Both have changed.
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        let request = self.client.post(&self.table).headers(headers).body(question.to_string());
        let answer = request.send().await?;
        let (status, headers, body) = (answer.status(), answer.headers().clone(), answer.bytes().await?);
        let units = if reads && status.is_success() { units(&body)? } else { 0.0 };
        self.note((operation, partition), units);
        Ok((status, headers, body))
    }

    fn note(&self, key: (String, String), units: f64) {
        let mut reads = self.reads.lock().expect("nobody panics with it");
        let sum = reads.entry(key).or_default();
        sum.requests += 1;
        sum.units += units;
    }
}

/// The partition of a request, if it names one.
fn partition(question: &Value) -> String {
    let key = [&question["Key"]["pk"]["S"], &question["ExpressionAttributeValues"][":pk"]["S"]];
    key.iter().find_map(|key| key.as_str()).unwrap_or_default().to_owned()
}

/// The cost of an answer, summed over its tables. An answer without it would count as free.
fn units(body: &[u8]) -> anyhow::Result<f64> {
    let mut answer: Value = serde_json::from_slice(body)?;
    let consumed = match answer["ConsumedCapacity"].take() {
        Value::Array(several) => several,
        one => vec![one],
    };
    consumed
        .iter()
        .map(|one| one["CapacityUnits"].as_f64().context("the table does not report the cost of a read"))
        .sum()
}

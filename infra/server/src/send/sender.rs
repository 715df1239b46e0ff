//! Sending files.

use super::Ingest;
use super::parts;
use crate::remote::{Asked, Failure, Remote, encoded};
use crate::terminal::Bar;
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use engine::original::GZIP;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Larger files go in parts, so that a broken connection costs only one of them.
const IN_ONE: u64 = 5_000_000;
/// How often to check the progress of a file.
const LOOK: Duration = Duration::from_millis(300);

/// A server, and what is sent with every file.
pub(super) struct Sender {
    pub(super) remote: Remote,
    pub(super) site: Option<String>,
    again: bool,
    strict: bool,
}

impl Sender {
    pub(super) fn new(options: &Ingest) -> anyhow::Result<Self> {
        let remote = Remote::new(&options.address)?;
        Ok(Self { remote, site: options.site.clone(), again: options.again, strict: options.strict })
    }

    /// Sends a file, and waits for its outcome.
    pub(super) async fn send(&self, file: &Path, bar: &Bar) -> Result<Value, Failure> {
        let metadata = std::fs::metadata(file).map_err(|error| Failure::io(&error))?;
        if !metadata.is_file() {
            return Err(Failure::of("unreadable", "not a file"));
        }
        let (in_one, is_plain) = (metadata.len() <= IN_ONE, !self.again && !self.strict);
        if in_one || !is_plain {
            return self.post(file, bar).await;
        }
        match parts::send(self, file, metadata.len(), bar).await {
            // A host without an inbox accepts whatever fits into a request.
            Err(failure) if failure.code() == "no_inbox" => self.post(file, bar).await,
            done => done,
        }
    }

    async fn post(&self, file: &Path, bar: &Bar) -> Result<Value, Failure> {
        let bytes = Bytes::from(std::fs::read(file).map_err(|error| Failure::io(&error))?);
        bar.begin("sending", bytes.len() as u64);
        let kind = if bytes.starts_with(&GZIP) { "application/gzip" } else { "text/csv" };
        let name = name_of(file);
        let mut query: Vec<(&str, &str)> = vec![("source", &name)];
        query.extend(self.site.as_deref().map(|site| ("site", site)));
        query.extend(self.again.then_some(("again", "true")));
        query.extend(self.strict.then_some(("strict", "true")));
        let path = format!("/api/ingest?{}", encoded(&query));
        let answer =
            self.remote.ask(&Asked { method: Method::POST, url: &path, kind: Some(kind), body: bytes }).await?;
        if answer.status != StatusCode::ACCEPTED {
            return answer.json();
        }
        let location = answer.headers.get(LOCATION).and_then(|at| at.to_str().ok());
        self.settled(location.unwrap_or_default(), bar).await
    }

    /// The answer of an ingest, once it is complete.
    pub(super) async fn settled(&self, path: &str, bar: &Bar) -> Result<Value, Failure> {
        loop {
            let mut record = self.remote.json(Method::GET, path).await?;
            if record["state"] == "done" {
                return Ok(record["answer"].take());
            }
            bar.far(record["state"].as_str().unwrap_or_default(), &record["progress"]);
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The name of a file, without its folders.
pub(super) fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

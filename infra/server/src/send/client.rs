//! Talking to a server.

use super::parts;
use super::shown::Bar;
use crate::cli::Ingest;
use anyhow::Context;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use engine::original::GZIP;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer files go in parts, which a broken connection costs one of.
const IN_ONE: u64 = 5_000_000;
/// How long a server that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked how far a file is.
const LOOK: Duration = Duration::from_millis(300);
/// How long one request may take: a part of a file on a slow line is the longest.
const ONE: Duration = Duration::from_secs(900);
/// More of an answer is not read.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
const AGENT: &str = concat!("owsc/", env!("CARGO_PKG_VERSION"));

/// Why a file was not taken: as the server's envelope says it.
#[derive(Debug)]
pub(crate) struct Failure(Value);

impl Failure {
    pub(super) fn of(code: &str, message: &str) -> Self {
        Self(json!({"code": code, "message": message, "details": null}))
    }

    pub(super) fn with(mut self, details: Value) -> Self {
        self.0["details"] = details;
        self
    }

    pub(super) fn io(error: &std::io::Error) -> Self {
        Self::of("unreadable", &error.to_string())
    }

    fn unreachable(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::of("unreachable", &text)
    }

    pub(super) fn code(&self) -> &str {
        self.0["code"].as_str().unwrap_or_default()
    }

    pub(super) fn envelope(self) -> Value {
        self.0
    }
}

/// A server, and what is sent with every file.
pub(super) struct Client {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    token: Option<String>,
    /// The query of a file, but for its name.
    pub(super) site: Option<String>,
    again: bool,
    strict: bool,
}

impl Client {
    pub(super) fn new(options: &Ingest) -> anyhow::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots().context("no certificates to trust")?;
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self {
            http: Http::builder(TokioExecutor::new()).build(connector),
            url: options.url.trim_end_matches('/').to_owned(),
            token: options.token.clone().filter(|token| !token.is_empty()),
            site: options.site.clone(),
            again: options.again,
            strict: options.strict,
        })
    }

    /// Asks the server, or who stands where it says, until there is an answer: what is asked here may be asked twice. The
    /// token goes to the server alone.
    pub(super) async fn ask(&self, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let (began, mut pause) = (Instant::now(), LOOK);
        loop {
            let (failure, wait) = match tokio::time::timeout(ONE, self.once(asked)).await {
                Ok(Ok(answer)) if is_passing(answer.status) => {
                    let wait = answer.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
                    (answer.refusal(), wait.map_or(pause, Duration::from_secs))
                }
                Ok(Ok(answer)) if answer.status.is_success() => return Ok(answer),
                Ok(Ok(answer)) => return Err(answer.refusal()),
                Ok(Err(failure)) => (failure, pause),
                Err(late) => (Failure::unreachable(&late), pause),
            };
            if began.elapsed() + wait > PATIENCE {
                return Err(failure);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    async fn once(&self, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let is_ours = asked.url.starts_with('/');
        let url = if is_ours { format!("{}{}", self.url, asked.url) } else { asked.url.to_owned() };
        let mut request = Request::builder().method(&asked.method).uri(url).header(USER_AGENT, AGENT);
        if let Some(token) = self.token.as_ref().filter(|_| is_ours) {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(kind) = asked.kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        let request = request.body(Full::new(asked.body.clone())).map_err(|error| Failure::unreachable(&error))?;
        let answer = self.http.request(request).await.map_err(|error| Failure::unreachable(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| Failure::of("unreachable", &error.to_string()))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    pub(super) async fn json(&self, method: Method, path: &str) -> Result<Value, Failure> {
        self.ask(&Asked { method, url: path, kind: None, body: Bytes::new() }).await?.json()
    }

    /// Sends a file, and waits for what becomes of it.
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
            // A host without an inbox takes what fits into a request.
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
        let answer = self.ask(&Asked { method: Method::POST, url: &path, kind: Some(kind), body: bytes }).await?;
        if answer.status != StatusCode::ACCEPTED {
            return answer.json();
        }
        let location = answer.headers.get(LOCATION).and_then(|at| at.to_str().ok());
        self.settled(location.unwrap_or_default(), bar).await
    }

    /// The answer of an ingest, once it is there.
    pub(super) async fn settled(&self, path: &str, bar: &Bar) -> Result<Value, Failure> {
        loop {
            let mut record = self.json(Method::GET, path).await?;
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

/// A query.
pub(super) fn encoded(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        format!("{name}={}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC))
    };
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn is_passing(status: StatusCode) -> bool {
    let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
    passing.contains(&status) || status == StatusCode::GATEWAY_TIMEOUT
}

/// What is asked.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    /// A path of the server, or an address elsewhere.
    pub(super) url: &'a str,
    pub(super) kind: Option<&'a str>,
    pub(super) body: Bytes,
}

/// What is answered.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| Failure::unreachable(&error))
    }

    fn refusal(&self) -> Failure {
        let error = self.json().ok().map(|mut body| body["error"].take()).filter(Value::is_object);
        error.map_or_else(|| Failure::of("unexpected", &format!("the server answers {}", self.status)), Failure)
    }
}

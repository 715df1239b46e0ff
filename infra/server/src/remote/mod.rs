//! A command's requests to a server.

pub(crate) mod socket;

use anyhow::Context;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long requests are retried: to a server that stopped answering, and to one that never answered, whose address may
/// be wrong.
const PATIENCE: Duration = Duration::from_secs(120);
const FIRST: Duration = Duration::from_secs(5);
/// The first pause before a retry.
const PAUSE: Duration = Duration::from_millis(300);
/// How long one request may take: a part of a file on a slow line takes longest.
const ONE: Duration = Duration::from_secs(900);
/// How long an answer may take to begin if no body was sent: no host takes longer than 30 s.
const ANSWER: Duration = Duration::from_secs(60);
/// The most that is read of an answer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
const AGENT: &str = concat!("owsc/", env!("CARGO_PKG_VERSION"));

/// The server, and the token for it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Address {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:8000", env = "OWSC_URL")]
    pub(crate) url: String,
    /// The server's token. Better set in the environment: other users of the machine can see command lines
    #[arg(long, env = "OW_SC_API_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// Why a request failed, in the server's envelope.
#[derive(Debug)]
pub(crate) struct Failure(Value);

impl Failure {
    pub(crate) fn of(code: &str, message: &str) -> Self {
        Self(json!({"code": code, "message": message, "details": null}))
    }

    pub(crate) fn with(mut self, details: Value) -> Self {
        self.0["details"] = details;
        self
    }

    pub(crate) fn io(error: &std::io::Error) -> Self {
        Self::of("unreadable", &error.to_string())
    }

    pub(crate) fn unreachable(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self::of("unreachable", &text)
    }

    pub(crate) fn code(&self) -> &str {
        self.0["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn envelope(self) -> Value {
        self.0
    }
}

impl From<Value> for Failure {
    /// The contents of `error` in an envelope.
    fn from(error: Value) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0["message"].as_str().unwrap_or("something went wrong"))
    }
}

impl std::error::Error for Failure {}

/// The connector, with or without TLS. Its timeout is short: an address where nobody answers is no reason to wait for
/// minutes.
fn connector() -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(FIRST));
    let connector = HttpsConnectorBuilder::new().with_native_roots().context("no certificates to trust")?;
    Ok(connector.https_or_http().enable_http1().wrap_connector(tcp))
}

/// A server.
pub(crate) struct Remote {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    token: Option<String>,
    /// Whether it has ever answered.
    is_there: AtomicBool,
}

impl Remote {
    pub(crate) fn new(address: &Address) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::builder(TokioExecutor::new()).build(connector()?),
            url: address.url.trim_end_matches('/').to_owned(),
            token: address.token.clone().filter(|token| !token.is_empty()),
            is_there: AtomicBool::new(false),
        })
    }

    /// Sends a request to the server, or to another host it names, and retries until there is an answer: all requests
    /// here are idempotent. The token is only sent to the server.
    pub(crate) async fn ask(&self, asked: &Asked<'_>) -> Result<Answer, Failure> {
        let (began, mut pause) = (Instant::now(), PAUSE);
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
            let patience = if self.is_there.load(Ordering::Relaxed) { PATIENCE } else { FIRST };
            if began.elapsed().saturating_add(wait) > patience {
                return Err(failure);
            }
            tracing::warn!(%failure, "retrying a request to the server");
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
        let within = if asked.body.is_empty() { ANSWER } else { ONE };
        let answer = tokio::time::timeout(within, self.http.request(request)).await;
        let answer = answer.map_err(|late| Failure::unreachable(&late))?;
        let answer = answer.map_err(|error| Failure::unreachable(&error))?;
        self.is_there.store(true, Ordering::Relaxed);
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| Failure::of("unreachable", &error.to_string()))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// Loads a page or a document.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        Ok(self.ask(&Asked { method: Method::GET, url: path, kind: None, body: Bytes::new() }).await?.body)
    }

    pub(crate) async fn json(&self, method: Method, path: &str) -> Result<Value, Failure> {
        self.ask(&Asked { method, url: path, kind: None, body: Bytes::new() }).await?.json()
    }
}

/// Encodes a query.
pub(crate) fn encoded(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// Encodes a text as a part of a path or of a query.
pub(crate) fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn is_passing(status: StatusCode) -> bool {
    let passing = [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
    passing.contains(&status) || status == StatusCode::GATEWAY_TIMEOUT
}

/// A request.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    /// A path on the server, or a URL elsewhere.
    pub(crate) url: &'a str,
    pub(crate) kind: Option<&'a str>,
    pub(crate) body: Bytes,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| Failure::unreachable(&error))
    }

    fn refusal(&self) -> Failure {
        // A proxy in between may answer with anything.
        let error =
            self.json().ok().and_then(|mut body| body.get_mut("error").map(Value::take)).filter(Value::is_object);
        error.map_or_else(|| Failure::of("unexpected", &format!("the server answers {}", self.status)), Failure)
    }
}

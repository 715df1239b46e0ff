//! The database as functions reach it: every call is asked for before it is passed on.

use super::{Permissions, access_key};
use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// DynamoDB takes 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Listens on a loopback port of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct Passing {
    permissions: Arc<Permissions>,
    client: reqwest::Client,
    database: String,
}

impl Proxy {
    /// In front of a database.
    pub(crate) async fn start(permissions: Arc<Permissions>, database: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen for functions")?;
        let address = listener.local_addr()?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let passing = Arc::new(Passing { permissions, client, database: database.to_owned() });
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(passing);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "functions do not reach the database any more");
            }
        });
        Ok(Self { address, task })
    }

    /// Where functions find the database.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(passing): State<Arc<Passing>>, mut headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (key, target) = (text("authorization"), text("x-amz-target"));
    let (key, operation) = (access_key(&key), target.rsplit('.').next().unwrap_or_default());
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let wishes = passing.permissions.wishes(operation, &call);
    if let Err(message) = wishes.iter().try_for_each(|wish| passing.permissions.check(key, wish)) {
        return denied(&message);
    }
    for name in [header::HOST, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    match passing.client.post(&passing.database).headers(headers).body(body).send().await {
        Ok(answer) => {
            let status = answer.status();
            let headers = answer.headers().clone();
            match answer.bytes().await {
                Ok(body) => (status, headers, body).into_response(),
                Err(error) => unreachable_database(&error),
            }
        }
        Err(error) => unreachable_database(&error),
    }
}

fn unreachable_database(error: &reqwest::Error) -> Response {
    tracing::error!(%error, "the database does not answer");
    StatusCode::BAD_GATEWAY.into_response()
}

/// As DynamoDB refuses.
fn denied(message: &str) -> Response {
    let kind = "com.amazon.coral.service#AccessDeniedException";
    let headers = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, headers, json!({"__type": kind, "Message": message}).to_string()).into_response()
}

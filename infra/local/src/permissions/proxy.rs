//! The database as functions reach it: calls must be signed with the secret of this start, and permissions are checked
//! before a call is passed on.

use super::{Permissions, access_key};
use crate::database::{Database, JSON};
use crate::signing::is_signed;
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

/// DynamoDB's own limit is 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Listens on a loopback port of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

struct Passing {
    /// `None` if roles are ignored.
    permissions: Option<Arc<Permissions>>,
    database: Database,
    secret: String,
}

impl Proxy {
    /// Starts in front of a database.
    pub(crate) async fn start(
        permissions: Option<Arc<Permissions>>,
        database: Database,
        secret: &str,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen for functions")?;
        let address = listener.local_addr()?;
        let passing = Arc::new(Passing { permissions, database, secret: secret.to_owned() });
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(passing);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "functions can no longer reach the database");
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

async fn pass(State(passing): State<Arc<Passing>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let target = text("x-amz-target");
    let (key, operation) = (access_key(text("authorization")), target.rsplit('.').next().unwrap_or_default());
    if !is_signed(&passing.secret, &headers, &body) {
        tracing::warn!(operation, "a database call is not signed with the secret of this start");
        return denied("InvalidSignatureException", "The request is not signed with the secret of this start.");
    }
    if let Some(permissions) = &passing.permissions {
        let call: Value = serde_json::from_slice(&body).unwrap_or_default();
        let wishes = permissions.wishes(operation, &call);
        if let Err(message) = wishes.iter().try_for_each(|wish| permissions.check(key, wish)) {
            return denied("AccessDeniedException", &message);
        }
    }
    match passing.database.pass(target, body).await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [(header::CONTENT_TYPE, JSON)], answer.body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// An error in DynamoDB's format.
fn denied(kind: &str, message: &str) -> Response {
    let body = json!({"__type": format!("com.amazon.coral.service#{kind}"), "Message": message});
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

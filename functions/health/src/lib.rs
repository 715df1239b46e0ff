//! `GET /health`, `/livez` and `/readyz`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::time;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use table::{Store, StoreError};
use utoipa::{OpenApi, ToSchema};

/// How long the table may take to answer a probe.
const PATIENCE: Duration = Duration::from_secs(2);

/// The documentation of these routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(health, live, ready))]
pub struct Docs;

/// What the routes probe.
#[derive(Clone)]
pub struct Vitals {
    /// The table.
    pub store: Store,
    /// How many events are held in memory for subscribers.
    pub buffer_size: Arc<dyn Fn() -> usize + Send + Sync>,
    /// Whether this process writes to the table, and so may probe with a write.
    pub writes: bool,
}

impl Vitals {
    /// Reads; after a failed write, also writes.
    async fn prove(&self) -> Result<(), StoreError> {
        self.store.ping().await?;
        if self.writes && self.store.has_failed() { self.store.prove_write(time::now()).await } else { Ok(()) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
    version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `unavailable`.
    status: &'static str,
    /// Events held in memory for subscribers.
    buffer_size: usize,
}

/// The routes.
pub fn router(vitals: Vitals) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(vitals)
}

/// The process answers.
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses((status = 200, body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The process answers; for liveness probes.
#[utoipa::path(get, path = "/livez", tag = "health", security(()), responses((status = 200, body = Health)))]
async fn live() -> Json<Health> {
    health().await
}

/// The table answers, and also takes writes if one has failed: readings can be ingested and shown.
#[utoipa::path(
    get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
async fn ready(State(vitals): State<Vitals>) -> Response {
    let buffer_size = (vitals.buffer_size)();
    let answer = tokio::time::timeout(PATIENCE, vitals.prove()).await;
    let failure = match answer {
        Ok(Ok(())) => return Json(Readiness { status: "ready", buffer_size }).into_response(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    tracing::warn!(failure, "not ready");
    let again = [(header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, again, Json(Readiness { status: "unavailable", buffer_size })).into_response()
}

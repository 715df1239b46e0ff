//! The Lambda Runtime API, version 2018-06-01, of one environment.

use super::environment::{Call, Next};
use super::{InvokeError, MAX_RESPONSE};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

type Calls = mpsc::UnboundedSender<Call>;

pub(super) fn router(calls: Calls) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .with_state(calls)
}

/// Waits for an event, without a time limit.
async fn next(State(calls): State<Calls>) -> Response {
    let (reply, event) = oneshot::channel();
    if calls.send(Call::Next(reply)).is_err() {
        return ending();
    }
    match event.await {
        Ok(event) => deliver(event),
        Err(_) => ending(),
    }
}

fn deliver(next: Next) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let trace = trace_id(&next.id);
    set("lambda-runtime-aws-request-id", next.id);
    set("lambda-runtime-deadline-ms", next.deadline_ms.to_string());
    set("lambda-runtime-invoked-function-arn", next.arn);
    set("lambda-runtime-trace-id", trace);
    set("content-type", "application/json".to_owned());
    (headers, next.event).into_response()
}

/// A trace id that is never sampled, made from the digits of the request id.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (root, parent) = (hex.get(..24).unwrap_or_default(), hex.get(16..).unwrap_or_default());
    let seconds = jiff::Timestamp::now().as_second();
    format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0")
}

async fn response(State(calls): State<Calls>, Path(id): Path<String>, body: Body) -> Response {
    let (outcome, too_large) = match to_bytes(body, MAX_RESPONSE).await {
        Ok(payload) => (Ok(payload), false),
        Err(_) => {
            let message =
                format!("Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
            (Err(InvokeError::environment("Function.ResponseSizeTooLarge", message)), true)
        }
    };
    let answer = done(&calls, id, outcome).await;
    if too_large { (StatusCode::PAYLOAD_TOO_LARGE, refusal("RequestEntityTooLarge")).into_response() } else { answer }
}

async fn error(State(calls): State<Calls>, Path(id): Path<String>, body: Body) -> Response {
    done(&calls, id, Err(InvokeError::reported(read_error(body).await))).await
}

async fn init_error(State(calls): State<Calls>, body: Body) -> Response {
    let error = InvokeError::reported(read_error(body).await);
    match calls.send(Call::InitFailed(error)) {
        Ok(()) => accepted(),
        Err(_) => ending(),
    }
}

async fn read_error(body: Body) -> Bytes {
    to_bytes(body, MAX_RESPONSE).await.unwrap_or_default()
}

async fn done(calls: &Calls, id: String, outcome: Result<Bytes, InvokeError>) -> Response {
    let (known, is_known) = oneshot::channel();
    if calls.send(Call::Done { id, outcome, known }).is_err() {
        return ending();
    }
    match is_known.await {
        Ok(true) => accepted(),
        Ok(false) => (StatusCode::BAD_REQUEST, refusal("InvalidRequestID")).into_response(),
        Err(_) => ending(),
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

fn ending() -> Response {
    (StatusCode::FORBIDDEN, refusal("ServiceException")).into_response()
}

fn refusal(kind: &str) -> Json<serde_json::Value> {
    Json(json!({"errorType": kind, "errorMessage": kind}))
}

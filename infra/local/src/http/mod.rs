//! HTTP APIs, payload format 2.0.

mod body;
mod event;
mod response;
pub mod routes;

pub(crate) use body::{Refused, patient, read_away, read_up_to};
pub(crate) use event::{client_headers, pairs, time_of};
pub(crate) use response::{body_of, headers_of, plain, status_of};
pub(crate) use routes::decoded;

use crate::runtime::{InvokeError, Pool};
use crate::template::{HttpApi, HttpRoute};
use crate::throttle::Throttles;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

use routes::Routes;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// The most bytes of a request's body.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// How long an API waits for a function at most.
pub(crate) const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// A running HTTP API.
pub struct Http {
    api_id: String,
    stage: String,
    routes: Routes,
    targets: Vec<Target>,
    throttles: Throttles,
}

struct Target {
    route: HttpRoute,
    pool: Pool,
}

impl Http {
    /// An API of the template, and the functions it calls.
    pub fn new(api: &HttpApi, pools: &HashMap<String, Pool>) -> anyhow::Result<Self> {
        let target = |route: &HttpRoute| {
            let pool = pools.get(&route.function).cloned();
            let pool = pool.ok_or_else(|| anyhow::anyhow!("there is no function {}", route.function))?;
            Ok(Target { route: route.clone(), pool })
        };
        let keys = api.routes.iter().map(HttpRoute::key);
        Ok(Self {
            api_id: api.api_id.clone(),
            stage: api.stage.clone(),
            routes: Routes::new(&api.routes),
            targets: api.routes.iter().map(target).collect::<anyhow::Result<_>>()?,
            throttles: Throttles::new(keys, api.throttle, &api.route_throttles),
        })
    }

    /// The stage, and so the path.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Answers a request. `path` is the path without the stage.
    pub async fn answer(&self, request: Request, path: &str, peer: SocketAddr) -> Response {
        let (parts, body) = request.into_parts();
        let Some(found) = self.routes.find(parts.method.as_str(), path) else {
            read_away(body);
            return plain(StatusCode::NOT_FOUND, "Not Found");
        };
        let target = &self.targets[found.index];
        let key = target.route.key();
        if !self.throttles.admit(&key) {
            read_away(body);
            return plain(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        }
        let body = match read_up_to(body, MAX_BODY).await {
            Ok(body) => body,
            Err(Refused::TooLarge) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Err(Refused::Broken) => return plain(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let call = event::Call {
            parts: &parts,
            body,
            peer,
            route_key: &key,
            parameters: &found.parameters,
            api_id: &self.api_id,
            stage: &self.stage,
        };
        let (request_id, event) = call.event();
        let timeout = target.route.timeout.unwrap_or(INTEGRATION_TIMEOUT).min(INTEGRATION_TIMEOUT);
        let outcome = tokio::time::timeout(timeout, target.pool.invoke(event)).await;
        match outcome {
            Ok(Ok(payload)) => response::answer(&payload, &request_id, &parts.method),
            Ok(Err(error)) => failed(&error),
            Err(_) => {
                tracing::warn!(route = key, function = target.route.function, ?timeout, "the function took too long");
                plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
        }
    }
}

fn failed(error: &InvokeError) -> Response {
    match error {
        InvokeError::Function { .. } => plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        InvokeError::EventTooLarge(_) => plain(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        InvokeError::Throttled | InvokeError::TooLate | InvokeError::Stopping | InvokeError::NotStarted => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
    }
}

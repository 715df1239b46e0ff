//! WebSocket APIs: messages from clients, and posts by functions.
//!
//! A connection exists from the moment its `$connect` has succeeded, slightly before the client learns of it, so that
//! no post from then on is lost. It is removed before `$disconnect` is invoked.

mod connection;
mod event;
mod management;
mod selection;
mod session;

use crate::cli::Options;
use crate::http::{INTEGRATION_TIMEOUT, body_of, headers_of, plain, read_away, status_of};
use crate::permissions::Permissions;
use crate::runtime::{InvokeError, Pool};
use crate::template::{WebSocketApi, WebSocketRoute};
use crate::throttle::Throttles;
use axum::body::Body;
use axum::extract::{FromRequest, Request, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use connection::{Close, Connection};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// The most bytes of a message, in both directions.
const MAX_MESSAGE: usize = 128 * 1024;
/// The most bytes of a frame from a client.
const MAX_FRAME: usize = 32 * 1024;
/// The read buffer. The library's default is 128 KB for each connection; messages are small.
const READ_BUFFER: usize = 4096;

/// A running WebSocket API. Clones share it.
#[derive(Clone)]
pub(crate) struct Live(Arc<Inner>);

struct Inner {
    api: WebSocketApi,
    routes: HashMap<String, Route>,
    throttles: Throttles,
    idle_timeout: Duration,
    connection_duration: Duration,
    parallel: bool,
    connect_delay: Duration,
    lose_disconnects: bool,
    /// The functions' permissions on connections.
    permissions: Option<Arc<Permissions>>,
    connections: Mutex<HashMap<String, Arc<Connection>>>,
    tasks: TaskTracker,
}

/// A route and its function.
struct Route {
    pool: Pool,
    timeout: Duration,
    answers: bool,
}

/// The outcome of an event.
enum Outcome {
    /// The function returned this.
    Returned(Value),
    Failed,
    TimedOut,
}

impl Live {
    /// An API of the template, and the functions it calls.
    pub(crate) fn new(
        options: &Options,
        api: &WebSocketApi,
        pools: &HashMap<String, Pool>,
        permissions: Option<Arc<Permissions>>,
    ) -> anyhow::Result<Self> {
        let route = |route: &WebSocketRoute| {
            let pool = pools.get(&route.function).cloned();
            let pool = pool.ok_or_else(|| anyhow::anyhow!("there is no function {}", route.function))?;
            let timeout = route.timeout.unwrap_or(INTEGRATION_TIMEOUT).min(INTEGRATION_TIMEOUT);
            Ok((route.key.clone(), Route { pool, timeout, answers: route.answers }))
        };
        let keys = api.routes.iter().map(|route| route.key.clone());
        Ok(Self(Arc::new(Inner {
            permissions,
            routes: api.routes.iter().map(route).collect::<anyhow::Result<_>>()?,
            throttles: Throttles::new(keys, api.throttle, &api.route_throttles),
            api: api.clone(),
            idle_timeout: options.idle_timeout,
            connection_duration: options.connection_duration,
            parallel: options.parallel_messages,
            connect_delay: options.connect_delay,
            lose_disconnects: options.lose_disconnects,
            connections: Mutex::default(),
            tasks: TaskTracker::new(),
        })))
    }

    /// The stage, which is the path.
    pub(crate) fn stage(&self) -> &str {
        &self.0.api.stage
    }

    /// Answers a request below the stage: a connect, or management. `path` follows the stage.
    pub(crate) async fn answer(&self, request: Request, path: &str, peer: SocketAddr) -> Response {
        match path.strip_prefix("/@connections/") {
            Some(id) => self.manage(request, id).await,
            None => self.connect(request, peer).await,
        }
    }

    /// Closes all connections and waits until their functions were told.
    pub(crate) async fn end(&self) {
        let connections: Vec<_> = self.0.connections.lock().values().cloned().collect();
        for connection in connections {
            connection.close(Close::going_away());
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn connect(&self, request: Request, peer: SocketAddr) -> Response {
        let (parts, body) = request.into_parts();
        read_away(body);
        let connection = Arc::new(Connection::new(&parts.headers, peer));
        let event = event::connect(&self.0.api, &connection, &parts, peer);
        let upgrade = match WebSocketUpgrade::from_request(Request::from_parts(parts, Body::empty()), &()).await {
            Ok(upgrade) => upgrade,
            Err(_) => return plain(StatusCode::UPGRADE_REQUIRED, "Upgrade Required"),
        };
        match self.ask(connection.clone(), event).await {
            Ok(returned) => self.accept(upgrade, connection, &returned),
            Err(refusal) => *refusal,
        }
    }

    /// Asks the function whether a client may connect. If the client disappears meanwhile, the function is told that,
    /// too.
    async fn ask(&self, connection: Arc<Connection>, event: Bytes) -> Result<Value, Box<Response>> {
        if !self.0.routes.contains_key("$connect") {
            self.remember(&connection);
            return Ok(Value::Null);
        }
        if !self.0.throttles.admit("$connect") {
            return Err(refused(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        let (answer, answered) = oneshot::channel();
        let live = self.clone();
        self.0.tasks.spawn(async move {
            let outcome = live.connect_outcome(event).await;
            if outcome.is_ok() {
                tokio::time::sleep(live.0.connect_delay).await;
                live.remember(&connection);
            }
            if let Err(Ok(_)) = answer.send(outcome) {
                live.forget(&connection, &Close::abnormal()).await;
            }
        });
        answered.await.unwrap_or_else(|_| Err(refused(StatusCode::BAD_GATEWAY, "Internal server error")))
    }

    async fn connect_outcome(&self, event: Bytes) -> Result<Value, Box<Response>> {
        match self.invoke("$connect", event).await {
            Some(Outcome::Returned(returned)) => match status_of(&returned) {
                Some(status) if status.is_success() => Ok(returned),
                Some(status) => Err(Box::new(refusal(status, &returned))),
                None => Err(refused(StatusCode::BAD_GATEWAY, "Internal server error")),
            },
            Some(Outcome::TimedOut) => Err(refused(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out")),
            Some(Outcome::Failed) | None => Err(refused(StatusCode::BAD_GATEWAY, "Internal server error")),
        }
    }

    fn accept(&self, mut upgrade: WebSocketUpgrade, connection: Arc<Connection>, returned: &Value) -> Response {
        let chosen = headers_of(returned).into_iter().find(|(name, _)| name == "sec-websocket-protocol");
        if let Some((_, protocol)) = chosen {
            upgrade.set_selected_protocol(protocol);
        }
        let (live, failed) = (self.clone(), connection.clone());
        let upgrade = upgrade
            .read_buffer_size(READ_BUFFER)
            .max_message_size(MAX_MESSAGE)
            .max_frame_size(MAX_FRAME)
            .on_failed_upgrade(move |error| {
                tracing::debug!(%error, "a connection was not upgraded");
                let tasks = live.0.tasks.clone();
                tasks.spawn(async move { live.forget(&failed, &Close::abnormal()).await });
            });
        // Tracked from now on: the client knows of the connection before the session begins.
        let (live, waited_for) = (self.clone(), self.0.tasks.token());
        upgrade.on_upgrade(move |socket| async move {
            session::run(live, connection, socket).await;
            drop(waited_for);
        })
    }

    fn remember(&self, connection: &Arc<Connection>) {
        self.0.connections.lock().insert(connection.id.clone(), connection.clone());
    }

    /// Removes a connection and tells the function.
    async fn forget(&self, connection: &Connection, close: &Close) {
        self.0.connections.lock().remove(&connection.id);
        tracing::debug!(connection = connection.id, code = close.code, "a connection has ended");
        if self.0.lose_disconnects {
            return;
        }
        // The log has a failure, and there is nobody else to tell.
        let _ = self.invoke("$disconnect", event::disconnect(&self.0.api, connection, close)).await;
    }

    /// Calls a route's function; `None` if there is no such route.
    async fn invoke(&self, route_key: &str, event: Bytes) -> Option<Outcome> {
        let route = self.0.routes.get(route_key)?;
        let outcome = tokio::time::timeout(route.timeout, route.pool.invoke(event)).await;
        Some(match outcome {
            Ok(Ok(payload)) => serde_json::from_slice(&payload).map_or(Outcome::Failed, Outcome::Returned),
            Ok(Err(InvokeError::Stopping)) => Outcome::TimedOut,
            Ok(Err(_)) => Outcome::Failed,
            Err(_) => {
                tracing::warn!(route = route_key, timeout = ?route.timeout, "the function took too long");
                Outcome::TimedOut
            }
        })
    }
}

/// A refusal by the gateway itself.
fn refused(status: StatusCode, message: &str) -> Box<Response> {
    Box::new(plain(status, message))
}

/// The function's refusal of a client.
fn refusal(status: StatusCode, returned: &Value) -> Response {
    let mut response = Response::new(Body::from(body_of(returned).unwrap_or_default()));
    *response.status_mut() = status;
    for (name, value) in headers_of(returned) {
        if name != axum::http::header::CONTENT_LENGTH {
            response.headers_mut().append(name, value);
        }
    }
    response
}

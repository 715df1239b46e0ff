//! Live connections: `/ws/effluent` and `/ws/alerts`.

mod follower;
mod hub;
mod others;
mod outbox;
mod redis;
mod socket;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequest, MatchedPath, Request, State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
pub(crate) use hub::Hub;
use live::protocol::MAX_WIRE_BYTES;
pub(crate) use others::Others;
pub(crate) use redis::Redis;
use socket::{Host, Session};
use table::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::auth::SUBPROTOCOL;
use web::guard::{Guard, client_of};
use web::query::Query;
use web::{ApiError, ApiResult};
use ws_connect::{Caller, Options, connect};
use ws_message::Messages;

/// The path for all events.
const EFFLUENT: &str = "/ws/effluent";
/// The read buffer, in bytes. The library's default is 128 KB for each connection; messages are small.
const READ_BUFFER: usize = 4096;
/// The path for alerts only.
const ALERTS: &str = "/ws/alerts";

/// What live connections need.
#[derive(Clone)]
pub(crate) struct Live {
    host: Host,
    guard: Guard,
    tasks: TaskTracker,
}

impl Live {
    /// Live connections on a hub. They end when `stopping` is cancelled.
    pub(crate) fn new(store: Store, hub: Hub, messages: Messages, guard: Guard, stopping: CancellationToken) -> Self {
        Self { host: Host { hub, store, messages, stopping }, guard, tasks: TaskTracker::new() }
    }

    /// The routes.
    pub(crate) fn router(self) -> Router {
        Router::new().route(EFFLUENT, get(upgrade)).route(ALERTS, get(upgrade)).with_state(self)
    }

    /// Waits until all connections have ended.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn upgrade(
    State(live): State<Live>,
    path: MatchedPath,
    Query(options): Query<Options>,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    let client = client_of(request.extensions());
    let upgrade = WebSocketUpgrade::from_request(request, &()).await.map_err(|rejection| refused(&rejection))?;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let path = path.as_str();
    let caller = Caller { id: &id, client, path, headers: &headers, alerts_only: path == ALERTS };
    let connection = connect(&live.guard, &live.host.hub, caller, &options).await?;
    let hub = live.host.hub.clone();
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_WIRE_BYTES)
        .max_frame_size(MAX_WIRE_BYTES)
        .protocols([SUBPROTOCOL])
        .on_failed_upgrade(move |error| {
            tracing::info!(%error, "a connection was not upgraded");
            // Unregistering from the hub never blocks.
            tokio::spawn(async move { ws_disconnect::disconnect(&hub, &id).await });
        });
    Ok(upgrade.on_upgrade(move |socket| async move {
        if let Some(session) = Session::new(live.host.clone(), socket, connection) {
            // Tracked, so that a stopping server can wait for it.
            let _ = live.tasks.track_future(session.run()).await;
        }
    }))
}

fn refused(rejection: &WebSocketUpgradeRejection) -> ApiError {
    ApiError::bad_request(format!("a WebSocket is expected at this path: {rejection}"))
}

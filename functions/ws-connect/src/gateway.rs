//! Connecting through API Gateway.

use crate::{Caller, Options, connect};
use lambda::Fault;
use lambda::websocket::{self, Answer, WebSocketEvent};
use live::ports::Connection;
use table::Store;
use web::ApiResult;
use web::guard::Guard;

/// The WebSocket API has a single path, so all connections share one limit.
const PATH: &str = "/ws";

/// Admits a client, or says why not.
pub async fn answer(guard: &Guard, store: &Store, event: &WebSocketEvent) -> Result<Answer, Fault> {
    let headers = websocket::headers(event);
    let caller = Caller {
        id: websocket::connection_id(event)?,
        client: websocket::client(event)?,
        path: PATH,
        headers,
        alerts_only: false,
    };
    match admit(guard, store, caller, event).await {
        Ok(_) => Ok(Answer::accepted(headers)),
        Err(error) => {
            tracing::info!(status = error.status().as_u16(), client = %caller.client, "a client was refused");
            Ok(Answer::refused(error, event).await)
        }
    }
}

async fn admit(guard: &Guard, store: &Store, caller: Caller<'_>, event: &WebSocketEvent) -> ApiResult<Connection> {
    let options: Options = websocket::options(event)?;
    let alerts_only = options.alerts_only()?;
    connect(guard, store, Caller { alerts_only, ..caller }, &options).await
}

//! The WebSocket API's $connect function.

use lambda::websocket::WebSocketEvent;
use lambda::{Error, Function, LambdaEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let (guard, store) = (function.guard(), function.store());
    function
        .run(async |event: LambdaEvent<WebSocketEvent>| {
            ws_connect::gateway::answer(&guard, &store, &event.payload).await
        })
        .await
}

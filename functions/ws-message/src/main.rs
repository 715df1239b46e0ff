//! The WebSocket API's $default function.

use engine::Engine;
use lambda::websocket::WebSocketEvent;
use lambda::{Error, Function, LambdaEvent};
use live::ports::FollowTheFeed;
use std::sync::Arc;
use ws_message::Messages;
use ws_message::gateway::Host;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let store = function.store();
    let messages = Messages::new(
        Engine::that_removes_nothing(store.clone(), Arc::new(FollowTheFeed)).publisher(),
        function.config(),
    );
    let host = Host { store, messages, gateway: function.gateway()? };
    function.run(async |event: LambdaEvent<WebSocketEvent>| host.answer(event).await).await
}

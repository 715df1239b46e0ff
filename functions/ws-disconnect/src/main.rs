//! The WebSocket API's $disconnect function.

use lambda::websocket::{self, Answer, WebSocketEvent};
use lambda::{Error, Fault, Function, LambdaEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let store = function.store();
    let handler = async |event: LambdaEvent<WebSocketEvent>| {
        ws_disconnect::disconnect(&store, websocket::connection_id(&event.payload)?).await?;
        Ok::<_, Fault>(Answer::ok())
    };
    function.run(handler).await
}

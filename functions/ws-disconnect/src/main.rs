//! The WebSocket API's $disconnect function, and its schedule.

use lambda::websocket::{self, Answer, WebSocketEvent};
use lambda::{Error, Fault, Function, LambdaEvent};
use serde::Deserialize;

/// What the function is invoked with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Invocation {
    Scheduled {
        #[serde(rename = "detail-type")]
        _detail_type: String,
    },
    Ended(Box<WebSocketEvent>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let (store, gateway) = (function.store(), function.gateway()?);
    let handler = async |event: LambdaEvent<Invocation>| {
        match event.payload {
            Invocation::Scheduled { .. } => ws_disconnect::sweep::sweep(&store, &gateway).await?,
            Invocation::Ended(event) => {
                ws_disconnect::disconnect(&store, websocket::connection_id(&event)?).await?;
            }
        }
        Ok::<_, Fault>(Answer::ok())
    };
    function.run(handler).await
}

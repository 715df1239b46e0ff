//! The function that the table's stream triggers.

use lambda::{Error, Fault, Function, LambdaEvent};
use ws_broadcast::delivery::Delivery;
use ws_broadcast::stream::{self, StreamBatch};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let delivery = Delivery { store: function.store(), gateway: function.gateway()? };
    let handler =
        async |event: LambdaEvent<StreamBatch>| Ok::<_, Fault>(stream::handle(&delivery, event.payload).await);
    function.run(handler).await
}

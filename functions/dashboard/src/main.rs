//! The dashboard function.

use lambda::{Error, Function};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?.without_counters();
    let config = function.config();
    let router = dashboard::router(config.live_url.as_ref(), config.upload_url.as_ref());
    function.serve(router).await
}

//! The dashboard function.

use lambda::{Error, Function};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?.without_counters();
    let router = dashboard::router(function.config().live_url.as_ref());
    function.serve(router).await
}

//! The dashboard function.

use shared::lambda::{Error, Function};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Function::start()?.without_counters().serve(dashboard::router()).await
}

//! The health function.

use lambda::{Error, Function};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Its role may read one key of the table and write nothing, so it has no counters.
    let function = Function::start()?.without_counters();
    let vitals = health::Vitals { store: function.store(), buffer_size: Arc::new(|| 0), writes: false };
    function.serve(health::router(vitals)).await
}

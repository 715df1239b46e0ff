//! The ingest function.

use engine::pipeline::{Ingestor, Limits};
use lambda::{Error, Function};
use live::ports::FollowTheFeed;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let config = function.config();
    let limits = Limits { bytes: config.max_csv_bytes, rows: config.max_csv_rows };
    let ingestor = Ingestor::new(function.store(), Arc::new(FollowTheFeed), limits, std::env::temp_dir());
    let http = function.http(ingest::router(ingestor, &function.guard()));
    function.run(async |event| ingest::trigger::handle(&http, event).await).await
}

//! The ingest function.

use engine::Engine;
use engine::record::Limits;
use lambda::{Error, Function};
use live::ports::FollowTheFeed;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let config = function.config();
    let limits = Limits { bytes: config.max_csv_bytes, rows: config.max_csv_rows };
    let engine = Engine::that_removes_nothing(function.store(), Arc::new(FollowTheFeed));
    let ingestor = engine.ingestor(limits, std::env::temp_dir(), false);
    let http = function.http(ingest::router(ingestor, engine, &function.guard()));
    function.run(async |event| ingest::trigger::handle(&http, event).await).await
}

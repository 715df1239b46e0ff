//! The function that takes in files that arrive on their own.

use batch::work::{Invocation, Work};
use engine::Engine;
use engine::record::Limits;
use files::bucket::{self, Bucket, Place};
use files::inbox::Inbox;
use files::scheduled::{Allowed, Pulls};
use files::uploads::{BucketDepot, Depot};
use lambda::{ConfigError, Error, Function, LambdaEvent};
use live::ports::FollowTheFeed;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let function = Function::start_with(&[&files::metrics::COUNTERS])?;
    let config = function.config();
    let named = config.inbox.clone().unwrap_or_default();
    let place = Place::parse(&named).ok_or_else(|| ConfigError {
        name: "OW_SC_INBOX".into(),
        value: named,
        expected: "s3://BUCKET or s3://BUCKET/PREFIX".into(),
    })?;
    let (client, has_own_endpoint) = lambda::s3()?;
    let client = bucket::client(client, has_own_endpoint);
    let depot = Depot::Bucket(BucketDepot::new(client.clone(), place.clone()));
    let bucket = Bucket::new(client, place.clone());
    let limits = Limits { bytes: config.max_batch_bytes, rows: u64::MAX };
    let engine = Engine::that_removes_nothing(function.store(), Arc::new(FollowTheFeed));
    let ingestor = || engine.ingestor(limits, std::env::temp_dir(), false);
    let inbox = Inbox::new(bucket, ingestor(), CancellationToken::new());
    let (allowed, secrets) = (Allowed::new(&config.source_hosts), config.source_secrets.clone());
    let pulls = Pulls::new(ingestor(), depot, allowed, secrets, limits.bytes, CancellationToken::new());
    let handler = async |event: LambdaEvent<Invocation>| {
        let time = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        batch::handle(&inbox, &pulls, Work::of(event.payload, &place)?, time).await
    };
    function.run(handler).await
}

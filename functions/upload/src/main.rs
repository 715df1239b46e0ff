//! The function for uploads.

use files::bucket::{self, Place};
use files::uploads::{BucketDepot, Depot, Uploads};
use lambda::{ConfigError, Error, Function};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start()?;
    let config = function.config();
    let named = config.inbox.clone().unwrap_or_default();
    let place = Place::parse(&named).ok_or_else(|| ConfigError {
        name: "OW_SC_INBOX".into(),
        value: named,
        expected: "s3://BUCKET or s3://BUCKET/PREFIX".into(),
    })?;
    let (client, has_own_endpoint) = lambda::s3()?;
    let depot = BucketDepot::new(bucket::client(client, has_own_endpoint), place);
    let uploads = Uploads::new(function.store(), Depot::Bucket(depot), config.max_batch_bytes);
    let router = upload::router(Some(uploads), &function.guard());
    function.serve(router).await
}

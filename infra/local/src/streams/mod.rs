//! Functions fed from tables' streams.
//!
//! A reader for each shard chooses records by the event's patterns and gives them to lanes: one, or as many as the
//! `ParallelizationFactor`, by partition key. A lane hands over one batch at a time and tries it again until it is
//! done or given up, so that the order of each key is kept. The place up to which everything is done is stored, and a
//! restarted gateway goes on from there; what was under way is handed over again.

mod batch;
mod lane;
mod pattern;
mod place;
mod reader;

pub use pattern::Pattern;

use crate::database::Database;
use crate::runtime::Pool;
use crate::template::{StreamSource, Table, Template};
use anyhow::Context;
use place::Place;
use reader::Reader;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The running feeds.
#[derive(Debug, Default)]
pub(crate) struct Feeds(TaskTracker);

impl Feeds {
    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// What a feed works with.
#[derive(Debug)]
struct Feed {
    function: String,
    pool: Pool,
    source: StreamSource,
    table: Table,
    stopping: CancellationToken,
}

/// Creates the tables that are missing and feeds functions from their streams, from this moment on at the latest.
pub(crate) async fn start(
    directory: &Path,
    template: &Template,
    database: &Database,
    pools: &HashMap<String, Pool>,
    stopping: &CancellationToken,
) -> anyhow::Result<Feeds> {
    let feeds = Feeds::default();
    for table in &template.tables {
        let stream = database.create(table).await?;
        for function in &template.functions {
            for source in function.streams.iter().filter(|source| source.stream_arn == table.stream_arn) {
                let arn = stream.as_deref().with_context(|| format!("the table {} has no stream yet", table.name))?;
                let pool = pools.get(&function.id).cloned().context("a function without a pool")?;
                let (function, source, table) = (function.id.clone(), source.clone(), table.clone());
                let feed = Arc::new(Feed { function, pool, source, table, stopping: stopping.clone() });
                feed.begin(&directory.join("streams"), database, arn, &feeds.0).await?;
            }
        }
    }
    Ok(feeds)
}

impl Feed {
    async fn begin(
        self: Arc<Self>,
        directory: &Path,
        database: &Database,
        arn: &str,
        tasks: &TaskTracker,
    ) -> anyhow::Result<()> {
        let described = database.call("DynamoDBStreams_20120810.DescribeStream", &json!({"StreamArn": arn})).await?;
        let shards = described["StreamDescription"]["Shards"].as_array().cloned().unwrap_or_default();
        for shard in shards.iter().filter_map(|shard| shard["ShardId"].as_str()) {
            let file = directory.join(format!("{}.{}.{shard}", self.function, self.table.name));
            let place = Arc::new(Place::open(file)?);
            let reader = Reader::new(self.clone(), database.clone(), place.clone(), arn, shard).await?;
            tasks.spawn(reader.run(tasks.clone()));
            tasks.spawn(place.keep(self.stopping.clone()));
        }
        Ok(())
    }
}

//! Functions fed from tables' streams.
//!
//! A reader for each shard selects records by the event's patterns and passes them to lanes: one, or as many as the
//! `ParallelizationFactor`, by partition key. A lane delivers one batch at a time and retries it until it is done or
//! given up, so that the order of each key is kept. The position up to which everything is done is stored. A restarted
//! gateway resumes there; batches that were in progress are delivered again.

mod batch;
mod failure;
mod lane;
mod place;
mod reader;

use crate::asynchronous::Asynchronous;
use crate::database::{CallError, Database};
use crate::runtime::Pool;
use crate::template::{StreamSource, Table, Template};
use anyhow::Context;
use place::Place;
use reader::Reader;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often to look for new shards.
const LOOK: Duration = Duration::from_secs(2);

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

/// What a feed needs.
struct Feed {
    function: String,
    pool: Pool,
    source: StreamSource,
    table: Table,
    /// Delivers messages about records that are given up.
    asynchronous: Asynchronous,
    stopping: CancellationToken,
}

/// Creates missing tables and feeds functions from their streams, starting now at the latest.
pub(crate) async fn start(
    directory: &Path,
    template: &Template,
    database: &Database,
    pools: &HashMap<String, Pool>,
    asynchronous: &Asynchronous,
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
                let (asynchronous, stopping) = (asynchronous.clone(), stopping.clone());
                let feed = Arc::new(Feed { function, pool, source, table, asynchronous, stopping });
                feed.begin(&directory.join("streams"), database, arn, &feeds.0).await?;
            }
        }
    }
    Ok(feeds)
}

/// A shard as the database lists it.
struct Shard {
    id: String,
    parent: Option<String>,
}

/// The shards of a stream that are or were read. If nobody holds a shard's position any more, the shard is done.
type Known = HashMap<String, Weak<Place>>;

impl Feed {
    /// Starts to read the existing shards, and looks for new ones until the gateway stops.
    async fn begin(
        self: Arc<Self>,
        directory: &Path,
        database: &Database,
        arn: &str,
        tasks: &TaskTracker,
    ) -> anyhow::Result<()> {
        let mut known = Known::new();
        let stream = Stream { directory: directory.to_owned(), database: database.clone(), arn: arn.to_owned() };
        self.read_new(&stream, &mut known, false, tasks).await?;
        let (feed, all) = (self.clone(), tasks.clone());
        tasks.spawn(async move {
            while tokio::time::timeout(LOOK, feed.stopping.cancelled()).await.is_err() {
                if let Err(error) = feed.read_new(&stream, &mut known, true, &all).await {
                    tracing::warn!(%error, table = feed.table.name, "the shards of the stream cannot be listed");
                }
            }
        });
        Ok(())
    }

    /// Reads new shards, each one after its parent is done, so that keys keep their order.
    async fn read_new(
        self: &Arc<Self>,
        stream: &Stream,
        known: &mut Known,
        is_running: bool,
        tasks: &TaskTracker,
    ) -> anyhow::Result<()> {
        let shards = stream.shards().await?;
        let file = |shard: &str| stream.directory.join(format!("{}.{}.{shard}", self.function, self.table.name));
        // Records that arrived while the gateway was down are new to the function, wherever a first start would begin.
        let has_place = |shard: &Shard| file(&shard.id).exists();
        let was_read = is_running || shards.iter().any(has_place);
        let from_oldest = was_read || self.source.from_oldest;
        known.retain(|id, _| shards.iter().any(|shard| shard.id == *id));
        if !is_running {
            known.extend(followed(&shards, has_place).into_iter().map(|id| (id.to_owned(), Weak::new())));
        }
        for shard in &shards {
            let waits = shard.parent.as_ref().is_some_and(|parent| match known.get(parent) {
                Some(place) => place.strong_count() > 0,
                None => shards.iter().any(|other| other.id == *parent),
            });
            // If only new records are wanted, closed shards have none, and all other shards start now.
            let waits = waits && from_oldest;
            if waits || known.contains_key(&shard.id) {
                continue;
            }
            let place = Arc::new(Place::open(file(&shard.id))?);
            let (feed, database) = (self.clone(), stream.database.clone());
            let reader =
                Reader::new(feed, database, place.clone(), (stream.arn.as_str(), shard.id.as_str()), from_oldest)
                    .await?;
            known.insert(shard.id.clone(), Arc::downgrade(&place));
            tasks.spawn(reader.run(tasks.clone()));
            tasks.spawn(place.keep(self.stopping.clone()));
        }
        Ok(())
    }
}

/// The ancestors of shards that have a stored position: a shard is read only after its parent. A parent from which
/// nothing was wanted has no position of its own, and would otherwise be read from its beginning.
fn followed(shards: &[Shard], has_place: impl Fn(&Shard) -> bool) -> HashSet<&str> {
    let mut all = HashSet::new();
    for shard in shards.iter().filter(|shard| has_place(shard)) {
        let mut parent = shard.parent.as_deref();
        while let Some(id) = parent.filter(|id| all.insert(*id)) {
            parent = shards.iter().find(|shard| shard.id == id).and_then(|shard| shard.parent.as_deref());
        }
    }
    all
}

/// Where a stream is, and where its positions are stored.
struct Stream {
    directory: PathBuf,
    database: Database,
    arn: String,
}

impl Stream {
    /// All shards, the oldest first.
    async fn shards(&self) -> Result<Vec<Shard>, CallError> {
        let mut shards = Vec::new();
        let mut body = json!({"StreamArn": self.arn});
        loop {
            let answer = self.database.call("DynamoDBStreams_20120810.DescribeStream", &body).await?;
            let described = &answer["StreamDescription"];
            for shard in described["Shards"].as_array().into_iter().flatten() {
                let parent = shard["ParentShardId"].as_str().map(str::to_owned);
                shards.extend(shard["ShardId"].as_str().map(|id| Shard { id: id.to_owned(), parent }));
            }
            match described["LastEvaluatedShardId"].as_str() {
                Some(last) => body["ExclusiveStartShardId"] = json!(last),
                None => return Ok(shards),
            }
        }
    }
}

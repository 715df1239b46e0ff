//! Reads a shard.

use super::Feed;
use super::batch::Record;
use super::lane::Lane;
use super::place::Place;
use crate::database::{CallError, Database};
use crate::template::region;
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

/// The most records per read.
const PAGE: usize = 1000;
/// Pages that may wait for a lane; beyond that, reading pauses.
const PAGES_AHEAD: usize = 2;
/// How long a reader waits after an empty page, at first and at most.
const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_millis(25);
/// How long it waits when the database does not answer.
const TROUBLE: Duration = Duration::from_secs(1);

pub(super) struct Reader {
    feed: Arc<Feed>,
    database: Database,
    place: Arc<Place>,
    arn: String,
    shard: String,
    iterator: String,
    /// The last record that was read.
    last: Option<String>,
    key: String,
    from_oldest: bool,
    /// Whether the shard is closed and was read to its end.
    is_over: bool,
}

impl Reader {
    /// A reader that starts where the last one stopped, or else at the oldest record or at new records only.
    pub(super) async fn new(
        feed: Arc<Feed>,
        database: Database,
        place: Arc<Place>,
        (arn, shard): (&str, &str),
        from_oldest: bool,
    ) -> anyhow::Result<Self> {
        let schema = feed.table.create["KeySchema"].as_array().into_iter().flatten();
        let key = schema.filter(|part| part["KeyType"] == "HASH").find_map(|part| part["AttributeName"].as_str());
        let key = key.unwrap_or_default().to_owned();
        let (last, iterator) = (place.done(), String::new());
        let (arn, shard) = (arn.to_owned(), shard.to_owned());
        let is_over = false;
        let mut reader = Self { feed, database, place, arn, shard, iterator, last, key, from_oldest, is_over };
        reader.iterator = reader.begin().await?;
        Ok(reader)
    }

    async fn begin(&self) -> Result<String, CallError> {
        let mut body = json!({"StreamArn": self.arn, "ShardId": self.shard});
        match &self.last {
            Some(number) => {
                body["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
                body["SequenceNumber"] = json!(number);
            }
            None if self.from_oldest => body["ShardIteratorType"] = json!("TRIM_HORIZON"),
            None => body["ShardIteratorType"] = json!("LATEST"),
        }
        let mut answer = self.database.call("DynamoDBStreams_20120810.GetShardIterator", &body).await;
        if matches!(&answer, Err(CallError::Refused(error)) if error.contains("TrimmedDataAccess")) {
            let (table, shard) = (&self.feed.table.name, &self.shard);
            tracing::warn!(table, shard, "records of the stream expired before they were read");
            body = json!({"StreamArn": self.arn, "ShardId": self.shard, "ShardIteratorType": "TRIM_HORIZON"});
            answer = self.database.call("DynamoDBStreams_20120810.GetShardIterator", &body).await;
        }
        let answer = answer?;
        let iterator = answer["ShardIterator"].as_str().map(str::to_owned);
        iterator.ok_or_else(|| CallError::Refused("no shard iterator".to_owned()))
    }

    /// Reads until the gateway stops, or to the end of a closed shard.
    pub(super) async fn run(mut self, tasks: TaskTracker) {
        let lanes: Vec<_> = (0..self.feed.source.parallel).map(|_| self.lane(&tasks)).collect();
        let stopping = self.feed.stopping.clone();
        // What is cut off here was not delivered yet, and is read again next time.
        tokio::select! {
            () = stopping.cancelled() => {}
            () = self.read(&lanes) => {}
        }
    }

    fn lane(&self, tasks: &TaskTracker) -> mpsc::Sender<Vec<Record>> {
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        tasks.spawn(Lane::new(self.feed.clone(), self.place.clone(), self.shard.clone(), receiver).run());
        sender
    }

    async fn read(&mut self, lanes: &[mpsc::Sender<Vec<Record>>]) {
        let mut pause = SHORT;
        loop {
            match self.page().await {
                Ok(records) if records.is_empty() && !self.is_over => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONG);
                }
                Ok(records) => {
                    pause = SHORT;
                    self.distribute(records, lanes).await;
                }
                Err(error) => {
                    tracing::warn!(%error, table = self.feed.table.name, "the stream cannot be read");
                    sleep(TROUBLE).await;
                    // If the reader starts with new records and has not read any yet, a new iterator would skip the
                    // records since. So it is replaced only if it no longer works.
                    let passes_over = self.last.is_none() && !self.from_oldest;
                    if (!passes_over || has_expired(&error))
                        && let Ok(iterator) = self.begin().await
                    {
                        if passes_over {
                            let table = &self.feed.table.name;
                            tracing::warn!(
                                table,
                                "records that arrived meanwhile are skipped: the stream starts again"
                            );
                        }
                        self.iterator = iterator;
                    }
                }
            }
            if self.is_over {
                return;
            }
        }
    }

    async fn page(&mut self) -> Result<Vec<Value>, CallError> {
        let body = json!({"ShardIterator": self.iterator, "Limit": PAGE});
        let mut answer = self.database.call("DynamoDBStreams_20120810.GetRecords", &body).await?;
        match answer["NextShardIterator"].as_str() {
            Some(next) => next.clone_into(&mut self.iterator),
            None => self.is_over = true,
        }
        match answer["Records"].take() {
            Value::Array(records) => Ok(records),
            _ => Ok(Vec::new()),
        }
    }

    async fn distribute(&mut self, records: Vec<Value>, lanes: &[mpsc::Sender<Vec<Record>>]) {
        let mut pages: Vec<Vec<Record>> = lanes.iter().map(|_| Vec::new()).collect();
        for mut value in records {
            value["awsRegion"] = json!(region());
            value["eventSourceARN"] = json!(self.feed.source.stream_arn);
            let filters = &self.feed.source.filters;
            let wanted = filters.is_empty() || filters.iter().any(|filter| filter.fits(&value));
            let lane = lane_of(&value["dynamodb"]["Keys"][&self.key], lanes.len());
            let record = Record::new(value);
            self.place.read(&record.number, !wanted);
            self.last = Some(record.number.clone());
            if wanted {
                pages[lane].push(record);
            }
        }
        for (lane, page) in lanes.iter().zip(pages) {
            if !page.is_empty() && lane.send(page).await.is_err() {
                // A lane ends only with the gateway.
                return;
            }
        }
    }
}

/// Whether the database says that an iterator has expired.
fn has_expired(error: &CallError) -> bool {
    let CallError::Refused(said) = error else { return false };
    let said = said.to_lowercase();
    ["expirediterator", "trimmeddataaccess", "invalid shard iterator", "invalid sharditerator"]
        .iter()
        .any(|words| said.contains(words))
}

/// Records of one key are always in the same lane.
fn lane_of(key: &Value, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.to_string().hash(&mut hasher);
    // There are at most ten lanes.
    (hasher.finish() % lanes.max(1) as u64) as usize
}

//! The feed of a site: a dense, gapless sequence of events.
//!
//! Events are kept as the frames that subscribers get, several to an item where several were committed together.
//! An item's key is its last sequence number, so that "everything after n" is one query.

use super::item::{n, s};
use super::write::Transaction;
use super::{ItemExt, SK, Store, StoreError, TTL, keys};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use domain::{name, time};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// How long events are kept, in seconds.
pub const RETENTION: i64 = 24 * 3600;
/// The most bytes of frames in one item; DynamoDB's limit is 400 KB with everything.
const MAX_ITEM_BYTES: usize = 200 * 1024;

/// Where a site's feed and storage stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The sequence number of the last event.
    pub seq: u64,
    /// The revision: every file that is written gets one of its own.
    pub revision: u64,
}

/// An event that has no place in the sequence yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `reading`, `readings`, `alerts` or `ingest`.
    pub kind: &'static str,
    /// The rest of the object.
    pub fields: Map<String, Value>,
    /// The connection that published it, which does not get it back.
    pub origin: Option<String>,
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: u64,
    /// The frame: one line of JSON.
    pub frame: String,
    /// The connection that published it.
    pub origin: Option<String>,
}

impl Entry {
    /// Whether it is about alerts. Frames are ours: the type comes first in all of them.
    pub fn is_alerts(&self) -> bool {
        self.frame.starts_with(r#"{"type":"alerts""#)
    }
}

impl Event {
    /// The frame at a place in the sequence.
    pub fn frame(&self, site: &str, seq: u64) -> String {
        let mut object = Map::with_capacity(self.fields.len() + 3);
        object.insert("type".into(), self.kind.into());
        object.insert("site".into(), site.into());
        object.insert("seq".into(), seq.into());
        object.extend(
            self.fields
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "type" | "site" | "seq"))
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        Value::Object(object).to_string()
    }
}

/// What the partition keys of feeds begin with; the site's key follows.
pub const PREFIX: &str = "FEED#";

/// Whether a revision is one of single readings; the others belong to a file each.
pub fn is_of_single_readings(revision: u64) -> bool {
    // See `Store::next_revision`.
    revision.is_multiple_of(2)
}

fn partition(site: &str) -> String {
    format!("{PREFIX}{}", name::key(site))
}

fn event_key(last: u64) -> String {
    format!("E#{last:020}")
}

impl Store {
    /// Where the site stands; zeros if it has no feed yet.
    pub async fn head(&self, site: &str) -> Result<Head, StoreError> {
        match self.get(partition(site), "HEAD".into()).await? {
            Some(item) => Ok(Head { seq: item.number_or("seq", 0)?, revision: item.number_or("rev", 0)? }),
            None => Ok(Head::default()),
        }
    }

    /// The sequence number of the site's last event, or of one shortly before: the cheapest way to ask whether there is
    /// something new, half a read unit.
    pub async fn glance(&self, site: &str) -> Result<u64, StoreError> {
        let request = self.client.get_item().table_name(self.table());
        let found = request.key(super::PK, s(partition(site))).key(SK, s("HEAD")).send().await?;
        found.item.as_ref().map_or(Ok(0), |item| item.number_or("seq", 0))
    }

    /// Makes a revision for a file, and one above it for single readings that come later. Whoever has cached what
    /// belongs to an earlier one notices at the next commit.
    pub async fn next_revision(&self, site: &str) -> Result<u64, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(self.table())
            .key(super::PK, s(partition(site)))
            .key(SK, s("HEAD"))
            .update_expression("ADD rev :two")
            .expression_attribute_values(":two", n(2))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await?;
        self.consumed(answer.consumed_capacity());
        Ok(answer.attributes.unwrap_or_default().number::<u64>("rev")? - 1)
    }

    /// Adds events behind `head` to a transaction that fails if the head has moved. Returns them in their places.
    pub fn append(
        &self,
        transaction: &mut Transaction,
        site: &str,
        head: Head,
        events: &[Event],
    ) -> Result<Vec<Entry>, StoreError> {
        let entries: Vec<Entry> = events
            .iter()
            .zip(head.seq + 1..)
            .map(|(event, seq)| Entry { seq, frame: event.frame(site, seq), origin: event.origin.clone() })
            .collect();
        let values = HashMap::from([
            (":new".to_owned(), n(head.seq + entries.len() as u64)),
            (":seq".to_owned(), n(head.seq)),
            (":rev".to_owned(), n(head.revision)),
        ]);
        let condition = "(attribute_not_exists(seq) OR seq = :seq) AND (attribute_not_exists(rev) OR rev = :rev)";
        transaction.update(self, (partition(site), "HEAD".into()), "SET seq = :new", Some(condition), values)?;
        let expires = n(time::now() / 1_000_000 + RETENTION);
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|entry| {
                bytes += entry.frame.len() + 1;
                bytes <= MAX_ITEM_BYTES
            });
            let (block, later) = rest.split_at(fitting.count().max(1));
            transaction.put(self, item(site, block, &expires))?;
            rest = later;
        }
        Ok(entries)
    }

    /// The events after `seq`, in order, as many as one query gives; empty at the end.
    pub async fn feed_after(&self, site: &str, seq: u64) -> Result<Vec<Entry>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(self.table())
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(partition(site)))
            .expression_attribute_values(":from", s(event_key(seq.saturating_add(1))))
            .expression_attribute_values(":to", s("E$"))
            .send()
            .await?;
        let mut entries = Vec::new();
        for item in answer.items() {
            entries.extend(entries_of(item)?.into_iter().filter(|entry| entry.seq > seq));
        }
        Ok(entries)
    }

    /// The last `count` events, oldest first.
    pub async fn feed_latest(&self, site: &str, count: usize) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(self.table())
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", s(partition(site)))
                .expression_attribute_values(":from", s("E#"))
                .expression_attribute_values(":to", s("E$"))
                .scan_index_forward(false)
                .limit(i32::try_from(count).unwrap_or(i32::MAX).max(1))
                .set_exclusive_start_key(start)
                .send()
                .await?;
            for item in answer.items() {
                entries.extend(entries_of(item)?.into_iter().rev());
            }
            start = answer.last_evaluated_key;
            if entries.len() >= count || start.is_none() {
                entries.truncate(count);
                entries.reverse();
                return Ok(entries);
            }
        }
    }
}

fn item(site: &str, block: &[Entry], expires: &AttributeValue) -> super::Item {
    let (first, last) = (block.first().map_or(0, |entry| entry.seq), block.last().map_or(0, |entry| entry.seq));
    let mut item = keys(partition(site), event_key(last));
    let frames: Vec<_> = block.iter().map(|entry| entry.frame.as_str()).collect();
    item.insert("first".into(), n(first));
    item.insert("frames".into(), s(frames.join("\n")));
    if block.iter().any(|entry| entry.origin.is_some()) {
        let origins: Vec<_> = block.iter().map(|entry| entry.origin.as_deref().unwrap_or_default()).collect();
        item.insert("origins".into(), s(origins.join("\n")));
    }
    item.insert(TTL.into(), expires.clone());
    item
}

/// The events of an item, in order.
pub fn entries_of(item: &super::Item) -> Result<Vec<Entry>, StoreError> {
    let first: u64 = item.number("first")?;
    let origins = item.text("origins").unwrap_or_default();
    let mut origins = origins.split('\n').map(|origin| (!origin.is_empty()).then(|| origin.to_owned()));
    let frames = item.text("frames")?.split('\n').zip(first..);
    Ok(frames.map(|(frame, seq)| Entry { seq, frame: frame.to_owned(), origin: origins.next().flatten() }).collect())
}

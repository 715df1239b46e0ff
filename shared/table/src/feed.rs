//! The feed of a site: a gapless sequence of events.
//!
//! Events are stored as the frames that subscribers receive, several to an item if they were committed together. An
//! item's key is its last sequence number, so that "everything after n" is one query.

use super::item::{n, s};
use super::write::{Transaction, values};
use super::{ItemExt, SK, Store, StoreError, TTL, keys};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use domain::{name, time};
use serde_json::{Map, Value};

/// How long events are kept, in seconds.
pub const RETENTION: i64 = 24 * 3600;
/// The most bytes of frames in one item; DynamoDB's limit for the whole item is 400 KB.
const MAX_ITEM_BYTES: usize = 200 * 1024;

/// The state of a site's feed and storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The sequence number of the last event.
    pub seq: u64,
    /// The revision: every file gets its own.
    pub revision: u64,
    /// How many times writers other than publishers have changed what verdicts depend on.
    pub changes: u64,
    /// The first revision that counts: readings of earlier ones were removed with an earlier site of this name.
    pub first_revision: u64,
    /// Whether the site is being removed.
    pub being_removed: bool,
}

/// An event without a sequence number.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// `reading`, `readings`, `alerts`, `ingest` or `removed`.
    pub kind: &'static str,
    /// The rest of the object.
    pub fields: Map<String, Value>,
    /// The connection that published it, which does not get it back.
    pub origin: Option<String>,
}

/// An event with its sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its sequence number.
    pub seq: u64,
    /// The frame: one line of JSON.
    pub frame: String,
    /// The connection that published it.
    pub origin: Option<String>,
}

impl Event {
    /// Whether it is about alerts. We write the frames ourselves: the type always comes first.
    pub fn is_alerts(&self) -> bool {
        self.frame.starts_with(r#"{"type":"alerts""#)
    }

    /// Whether it says that the site was removed, together with its earlier events.
    pub fn is_removal(&self) -> bool {
        self.frame.starts_with(r#"{"type":"removed""#)
    }
}

impl Draft {
    /// The frame with a sequence number.
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

/// A writer's condition on the head to which it appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Nobody has written to the site since the head was read.
    Unchanged,
    /// Nobody has appended events since. Publishers then notice that their copy is stale.
    SameEvents,
}

/// What a transaction appends.
pub(crate) struct Appended {
    /// The events with their sequence numbers.
    pub(crate) entries: Vec<Event>,
    /// The head afterwards.
    pub(crate) head: Head,
    /// The index of the head among the transaction's items.
    pub(crate) place: usize,
}

/// The prefix of the feeds' partition keys; the site's key follows.
pub const PREFIX: &str = "FEED#";

/// Whether a revision is one for single readings; each of the others belongs to a file.
pub fn is_of_single_readings(revision: u64) -> bool {
    // See `Store::next_revision`.
    revision.is_multiple_of(2)
}

pub(crate) fn partition(site: &str) -> String {
    format!("{PREFIX}{}", name::key(site))
}

pub(crate) fn event_key(last: u64) -> String {
    format!("E#{last:020}")
}

/// Adds to a transaction that publishers with a copy of what verdicts depend on notice at their next commit.
pub(crate) fn tell_publishers(store: &Store, transaction: &mut Transaction, site: &str) -> Result<(), StoreError> {
    transaction.update(store, (partition(site), "HEAD".into()), "ADD changes :one", None, values([(":one", n(1))]))
}

/// Makes a transaction fail if the site is being removed, or if the revision belongs to a removed site of this name.
pub(crate) fn demand_revision(
    store: &Store,
    transaction: &mut Transaction,
    site: &str,
    revision: u64,
) -> Result<(), StoreError> {
    let condition = "attribute_not_exists(being_removed) AND (attribute_not_exists(first_rev) OR first_rev <= :rev)";
    transaction.check(store, (partition(site), "HEAD".into()), condition, values([(":rev", n(revision))]))
}

impl Store {
    /// Whether readings of a revision count; they do not if their site was removed. An error while it is being removed.
    pub async fn counts(&self, site: &str, revision: u64) -> Result<bool, StoreError> {
        Ok(revision >= self.head_to_write(site).await?.first_revision)
    }

    /// The state of the site; zeros if it has no feed yet.
    pub async fn head(&self, site: &str) -> Result<Head, StoreError> {
        match self.get(partition(site), "HEAD".into()).await? {
            Some(item) => Ok(Head {
                seq: item.number_or("seq", 0)?,
                revision: item.number_or("rev", 0)?,
                changes: item.number_or("changes", 0)?,
                first_revision: item.number_or("first_rev", 0)?,
                being_removed: item.contains_key("being_removed"),
            }),
            None => Ok(Head::default()),
        }
    }

    /// The same for a writer: an error while the site is being removed.
    pub async fn head_to_write(&self, site: &str) -> Result<Head, StoreError> {
        let head = self.head(site).await?;
        if head.being_removed { Err(StoreError::BeingRemoved) } else { Ok(head) }
    }

    /// The sequence number of the site's last event, or of one shortly before: the cheapest check for new events, half
    /// a read unit.
    pub async fn glance(&self, site: &str) -> Result<u64, StoreError> {
        let request = self.client.get_item().table_name(self.table());
        let request = request.key(super::PK, s(partition(site))).key(SK, s("HEAD"));
        let found = self.patiently(|| request.clone().send()).await?;
        found.item.as_ref().map_or(Ok(0), |item| item.number_or("seq", 0))
    }

    /// Creates a revision for a file, and one above it for later single readings. Publishers with a copy of an earlier
    /// one notice at their next commit.
    pub async fn next_revision(&self, site: &str) -> Result<u64, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(self.table())
            .key(super::PK, s(partition(site)))
            .key(SK, s("HEAD"))
            .update_expression("ADD rev :two")
            .condition_expression("attribute_not_exists(being_removed)")
            .expression_attribute_values(":two", n(2))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = match self.patiently(|| update.clone().send()).await {
            Err(StoreError::Conflict) => return Err(StoreError::BeingRemoved),
            answer => answer?,
        };
        self.consumed(answer.consumed_capacity());
        Ok(answer.attributes.unwrap_or_default().number::<u64>("rev")? - 1)
    }

    /// Appends events after `head` to a transaction. It fails at that index unless the head is as `demand` says.
    pub(crate) fn append(
        &self,
        transaction: &mut Transaction,
        site: &str,
        head: Head,
        events: &[Draft],
        demand: Demand,
    ) -> Result<Appended, StoreError> {
        let entries: Vec<Event> = events
            .iter()
            .zip(head.seq + 1..)
            .map(|(event, seq)| Event { seq, frame: event.frame(site, seq), origin: event.origin.clone() })
            .collect();
        let mut next = Head { seq: head.seq + entries.len() as u64, ..head };
        let mut given = values([(":new", n(next.seq)), (":seq", n(head.seq))]);
        let (expression, condition) = match demand {
            Demand::Unchanged => {
                given.extend(values([(":rev", n(head.revision)), (":changes", n(head.changes))]));
                (
                    "SET seq = :new",
                    "attribute_not_exists(being_removed) AND (attribute_not_exists(seq) OR seq = :seq) \
                     AND (attribute_not_exists(rev) OR rev = :rev) \
                     AND (attribute_not_exists(changes) OR changes = :changes)",
                )
            }
            Demand::SameEvents => {
                given.extend(values([(":one", n(1))]));
                next.changes += 1;
                (
                    "SET seq = :new ADD changes :one",
                    "attribute_not_exists(being_removed) AND (attribute_not_exists(seq) OR seq = :seq)",
                )
            }
        };
        let place = transaction.len();
        transaction.update(self, (partition(site), "HEAD".into()), expression, Some(condition), given)?;
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
        Ok(Appended { entries, head: next, place })
    }

    /// The events after `seq`, in order and without a gap, as many as one query returns; empty at the end. Expired
    /// events count as gone, even if the table has not removed them yet: it removes them in any order.
    pub async fn feed_after(&self, site: &str, seq: u64) -> Result<Vec<Event>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.table())
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(partition(site)))
            .expression_attribute_values(":from", s(event_key(seq.saturating_add(1))))
            .expression_attribute_values(":to", s("E$"));
        let mut start = None;
        loop {
            let page = query.clone().set_exclusive_start_key(start);
            let answer = self.patiently(|| page.clone().send()).await?;
            let entries = kept(answer.items(), time::now() / 1_000_000, seq)?;
            start = answer.last_evaluated_key;
            // A page of expired events only is not the end.
            if !entries.is_empty() || start.is_none() {
                return Ok(entries);
            }
        }
    }

    /// The last `count` events, oldest first.
    pub async fn feed_latest(&self, site: &str, count: usize) -> Result<Vec<Event>, StoreError> {
        let mut entries = Vec::new();
        let mut start = None;
        loop {
            let query = self
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
                .set_exclusive_start_key(start);
            let answer = self.patiently(|| query.clone().send()).await?;
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

/// The unexpired events of items after `seq`, from the last gap on.
fn kept(items: &[super::Item], now: i64, seq: u64) -> Result<Vec<Event>, StoreError> {
    let mut kept: Vec<Event> = Vec::new();
    for item in items {
        if item.number_or::<i64>(TTL, i64::MAX)? <= now {
            kept.clear();
            continue;
        }
        let entries = entries_of(item)?;
        if let (Some(last), Some(first)) = (kept.last(), entries.first())
            && last.seq + 1 != first.seq
        {
            kept.clear();
        }
        kept.extend(entries.into_iter().filter(|entry| entry.seq > seq));
    }
    Ok(kept)
}

pub(crate) fn item(site: &str, block: &[Event], expires: &AttributeValue) -> super::Item {
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
pub fn entries_of(item: &super::Item) -> Result<Vec<Event>, StoreError> {
    let first: u64 = item.number("first")?;
    let origins = item.text("origins").unwrap_or_default();
    let mut origins = origins.split('\n').map(|origin| (!origin.is_empty()).then(|| origin.to_owned()));
    let frames = item.text("frames")?.split('\n').zip(first..);
    Ok(frames.map(|(frame, seq)| Event { seq, frame: frame.to_owned(), origin: origins.next().flatten() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(seqs: std::ops::RangeInclusive<u64>, expires: i64) -> super::super::Item {
        let events: Vec<_> = seqs.map(|seq| Event { seq, frame: format!("{{{seq}}}"), origin: None }).collect();
        item("a", &events, &n(expires))
    }

    fn seqs(items: &[super::super::Item], after: u64) -> Vec<u64> {
        kept(items, 100, after).unwrap().iter().map(|event| event.seq).collect()
    }

    #[test]
    fn expired_events_are_gone_and_leave_no_hole() {
        let (old, live) = (100, 101);
        assert_eq!(seqs(&[block(1..=2, live), block(3..=4, live)], 1), [2, 3, 4]);
        assert_eq!(seqs(&[block(1..=2, old), block(3..=4, live)], 0), [3, 4]);
        // The table has removed 3 and 4, but not yet 1 and 2.
        assert_eq!(seqs(&[block(1..=2, old), block(5..=6, live)], 0), [5, 6]);
        assert_eq!(seqs(&[block(1..=2, live), block(5..=6, live)], 0), [5, 6]);
        assert!(seqs(&[block(1..=2, old)], 0).is_empty());
    }
}

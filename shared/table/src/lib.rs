//! The single table, in DynamoDB or anything that speaks its protocol.
//!
//! The keys and access patterns are listed in docs/architecture.md; none of them is a scan.

pub mod accounts;
pub mod alerts;
pub mod arrivals;
pub mod bootstrap;
pub mod connections;
mod counters;
pub mod deliveries;
mod directory;
pub mod feed;
pub mod fits;
pub mod ingests;
mod item;
pub mod leases;
pub mod marks;
pub mod metrics;
pub mod permits;
mod publish;
mod rates;
pub mod reached;
pub mod removals;
pub mod retry;
mod rules;
pub mod scheduled;
pub mod segment;
pub mod segments;
pub mod series;
pub mod settle;
pub mod sites;
pub mod uploads;
pub mod withdrawals;
mod write;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
pub use item::{Item, ItemExt};
pub use publish::{Publication, Published, SeriesUpdate};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The partition key's name.
pub(crate) const PK: &str = "pk";
/// The sort key's name.
pub(crate) const SK: &str = "sk";
/// DynamoDB's limits on keys, in bytes.
const MAX_PK_BYTES: usize = 2048;
const MAX_SK_BYTES: usize = 1024;
/// The attribute by which items expire, in seconds since 1970.
pub(crate) const TTL: &str = "ttl";

/// How long the item of [`Store::prove_write`] is kept, in seconds.
const PROOF_KEPT: i64 = 3600;

/// Access to the table.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: Arc<str>,
    meter: Arc<Meter>,
    /// Whether the last completed call has failed.
    failed: Arc<AtomicBool>,
}

/// Write units consumed, as the service reports them.
#[derive(Debug, Default)]
struct Meter {
    hundredths: AtomicU64,
    parent: Option<Arc<Meter>>,
}

/// Why an operation on the table failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold: another writer was first.
    #[error("the item was changed by another writer")]
    Conflict,
    /// The site is being removed, or was removed during the request: nothing may be written to it.
    #[error("the site is being removed")]
    BeingRemoved,
    /// The site is unknown, and cannot be created.
    #[error(transparent)]
    NoNewSite(#[from] sites::NoNewSite),
    /// The service did not do it, or nobody knows whether it did; a retry may succeed.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The service failed, or cannot be reached.
    #[error("the database failed: {0}")]
    Service(String),
    /// An item is not in this program's format.
    #[error("the item {key} is damaged: {reason}")]
    Damaged {
        /// Partition and sort key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl StoreError {
    /// For errors of request builders, which fail only if our own code omits a required field.
    fn build(error: impl std::error::Error) -> Self {
        Self::Service(error.to_string())
    }
}

/// Items of a partition.
struct Stretch<'a> {
    pk: String,
    /// The first and the last sort key, both included.
    from: String,
    to: String,
    /// Items with a smaller number than this are read, but not sent.
    least: Option<(&'a str, i64)>,
    /// The attributes to send, separated by commas; all if absent.
    only: Option<&'a str>,
}

impl Store {
    /// A store on `table`.
    pub fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.into(), meter: Arc::default(), failed: Arc::default() }
    }

    /// The same store, with its own count of write units.
    pub fn metered(&self) -> Self {
        let meter = Arc::new(Meter { hundredths: AtomicU64::new(0), parent: Some(self.meter.clone()) });
        Self { meter, ..self.clone() }
    }

    /// Write units consumed through this store since it was created.
    pub fn write_units(&self) -> f64 {
        self.meter.hundredths.load(Ordering::Relaxed) as f64 / 100.0
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Whether the table answers: a read of an item that does not exist.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.get("PING".into(), "PING".into()).await.map(drop)
    }

    /// Whether a call has failed and none has succeeded since. A table may answer reads while it takes no writes.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the table takes writes: writes a meaningless item that expires.
    pub async fn prove_write(&self, now: i64) -> Result<(), StoreError> {
        let expires = AttributeValue::N((now / 1_000_000 + PROOF_KEPT).to_string());
        let item = [(PK, AttributeValue::S("PING".into())), (SK, AttributeValue::S("WRITE".into())), (TTL, expires)];
        let item = item.map(|(name, value)| (name.to_owned(), value));
        let put = self.client.put_item().table_name(self.table()).set_item(Some(item.into()));
        put.send().await?;
        self.failed.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn consumed<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        let units: f64 = capacity.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
        let mut meter = Some(&self.meter);
        while let Some(each) = meter {
            each.hundredths.fetch_add((units * 100.0).round() as u64, Ordering::Relaxed);
            meter = each.parent.as_ref();
        }
    }

    /// One item by its key, strongly consistent.
    async fn get(&self, pk: String, sk: String) -> Result<Option<Item>, StoreError> {
        // A requested id may be longer than any key.
        if pk.len() > MAX_PK_BYTES || sk.len() > MAX_SK_BYTES {
            return Ok(None);
        }
        let request = self.client.get_item().table_name(&*self.table).consistent_read(true);
        let request = request.key(PK, AttributeValue::S(pk)).key(SK, AttributeValue::S(sk));
        Ok(self.patiently(|| request.clone().send()).await?.item)
    }

    /// All items of a partition with a sort key between two others, both included, in ascending order.
    async fn range(&self, pk: String, from: String, to: String) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let stretch = Stretch { pk, from, to, least: None, only: None };
        self.pages(stretch, |page| {
            items.extend(page);
            Ok(())
        })
        .await?;
        Ok(items)
    }

    /// The same in pages of at most 1 MB, for callers that do not keep all items.
    async fn pages(
        &self,
        stretch: Stretch<'_>,
        mut take: impl FnMut(Vec<Item>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let query = self.query_of(stretch);
        let mut start = None;
        loop {
            let query = query.clone().set_exclusive_start_key(start);
            let page = self.patiently(|| query.clone().send()).await?;
            take(page.items.unwrap_or_default())?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// The first of these items, at most `most`, and whether there may be more.
    async fn first(&self, stretch: Stretch<'_>, most: i32) -> Result<(Vec<Item>, bool), StoreError> {
        let query = self.query_of(stretch).limit(most);
        let page = self.patiently(|| query.clone().send()).await?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key.is_some()))
    }

    fn query_of(&self, stretch: Stretch<'_>) -> QueryFluentBuilder {
        let Stretch { pk, from, to, least, only } = stretch;
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .set_filter_expression(least.map(|(name, _)| format!("{name} >= :least")))
            .set_projection_expression(only.map(str::to_owned));
        match least {
            Some((_, least)) => query.expression_attribute_values(":least", item::n(least)),
            None => query,
        }
    }

    /// All items of a partition whose sort key begins with `prefix`, which may be empty.
    async fn prefixed(&self, pk: String, prefix: &str) -> Result<Vec<Item>, StoreError> {
        // No key is empty, and DynamoDB refuses comparisons with an empty one. The highest code point sorts after every
        // key with the prefix.
        let first = if prefix.is_empty() { "\0" } else { prefix };
        self.range(pk, first.to_owned(), format!("{prefix}\u{10ffff}")).await
    }
}

/// A time as a key: it sorts as text in the same order as a number.
pub(crate) fn time_key(micros: i64) -> String {
    format!("{:016x}", micros as u64 ^ 1 << 63)
}

/// The time of a key.
pub(crate) fn time_of_key(key: &str) -> Option<i64> {
    u64::from_str_radix(key, 16).ok().map(|bits| (bits ^ 1 << 63) as i64)
}

/// The keys of an item, as its first attributes.
pub(crate) fn keys(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([(PK.to_owned(), AttributeValue::S(pk.into())), (SK.to_owned(), AttributeValue::S(sk.into()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text() {
        let times = [i64::MIN, -5, -1, 0, 1, 255, 256, i64::MAX];
        assert!(times.map(time_key).is_sorted());
        assert!(times.iter().all(|&time| time_of_key(&time_key(time)) == Some(time)));
    }
}

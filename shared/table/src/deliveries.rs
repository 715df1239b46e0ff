//! The progress of delivering a site's events to connections that outlive the posting processes.
//!
//! One process at a time delivers a site's events, because the table's stream hands a partition's changes to one. It
//! records that it begins before it reads the list of connections, and afterwards that it has finished. In between it
//! claims a few connections at a time, posts, and records that they have the events. After a crash, the next process
//! knows of every connection whether it has the events, lacks them, or may have them: a claim without its end.

use super::item::{expiring, n, s};
use super::{ItemExt, PK, SK, Store, StoreError, keys};
use crate::write::Transaction;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use domain::name;
use std::collections::HashMap;

const STATE: &str = "STATE";
/// Seconds after which a claim expires; it is needed until the next delivery of its site has begun.
const KEPT: i64 = 24 * 3600;

/// The progress of delivering a site's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// All connections have what they should have up to this event.
    pub through: u64,
    /// The last event of the latest delivery; if it is after `through`, that delivery is in progress, or its process is
    /// dead.
    pub begun: u64,
}

/// Connections that were claimed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Their ids.
    pub ids: Vec<String>,
    /// Whether they have the events.
    pub done: bool,
    key: String,
}

fn partition(site: &str) -> String {
    format!("DELIVERY#{}", name::key(site))
}

fn claims_of(begun: u64) -> String {
    format!("CLAIM#{begun:020}#")
}

impl Store {
    /// The progress of a site's delivery; `None` if nothing was ever delivered.
    pub async fn progress(&self, site: &str) -> Result<Option<Progress>, StoreError> {
        let item = self.get(partition(site), STATE.into()).await?;
        item.map(|item| Ok(Progress { through: item.number_or("through", 0)?, begun: item.number_or("begun", 0)? }))
            .transpose()
    }

    /// Records that the events after `through` up to `last` are being delivered.
    pub async fn begin_delivery(&self, site: &str, through: u64, last: u64) -> Result<(), StoreError> {
        self.note_progress(site, "SET through = :through, begun = :last", [Some(through), Some(last)]).await
    }

    /// Records that all connections have the events up to `last`.
    pub async fn finish_delivery(&self, site: &str, last: u64) -> Result<(), StoreError> {
        self.note_progress(site, "SET through = :last", [None, Some(last)]).await
    }

    async fn note_progress(&self, site: &str, update: &str, values: [Option<u64>; 2]) -> Result<(), StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, AttributeValue::S(partition(site)))
            .key(SK, AttributeValue::S(STATE.into()))
            .update_expression(update)
            .return_values(ReturnValue::None)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for (name, value) in [":through", ":last"].into_iter().zip(values) {
            if let Some(value) = value {
                request = request.expression_attribute_values(name, n(value));
            }
        }
        // A subscription may be reading the state in a transaction.
        let answer = self.patiently(|| request.clone().send()).await?;
        self.consumed(answer.consumed_capacity());
        Ok(())
    }

    /// Claims connections for the delivery that ends with event `begun`.
    pub async fn claim(&self, site: &str, begun: u64, ids: Vec<String>) -> Result<Claim, StoreError> {
        let key = format!("{}{}", claims_of(begun), uuid::Uuid::new_v4().simple());
        let claim = Claim { ids, done: false, key };
        self.put_claim(site, &claim).await?;
        Ok(claim)
    }

    /// Records that the claimed connections have the events.
    pub async fn claim_done(&self, site: &str, claim: Claim) -> Result<(), StoreError> {
        self.put_claim(site, &Claim { done: true, ..claim }).await
    }

    async fn put_claim(&self, site: &str, claim: &Claim) -> Result<(), StoreError> {
        let mut item = expiring(keys(partition(site), &claim.key), KEPT);
        item.insert("ids".into(), s(claim.ids.join("\n")));
        item.insert("done".into(), n(u8::from(claim.done)));
        self.put_if(item, None).await
    }

    /// The claims of the delivery that ends with event `begun`.
    pub async fn claims(&self, site: &str, begun: u64) -> Result<Vec<Claim>, StoreError> {
        let items = self.prefixed(partition(site), &claims_of(begun)).await?;
        let claim = |item: &super::Item| {
            Ok(Claim {
                ids: item.text("ids")?.split('\n').map(str::to_owned).collect(),
                done: item.number::<u8>("done")? == 1,
                key: item.text(SK)?.to_owned(),
            })
        };
        items.iter().map(claim).collect()
    }
}

impl Transaction {
    /// Fails if a delivery beyond `seq` has begun: it may have read the list of connections already.
    pub(super) fn unless_begun(&mut self, store: &Store, site: &str, seq: u64) -> Result<(), StoreError> {
        let values = HashMap::from([(":seq".to_owned(), n(seq))]);
        let condition = "attribute_not_exists(begun) OR begun <= :seq";
        self.check(store, (partition(site), STATE.into()), condition, values)
    }
}

//! Counters that many processes add to.
//!
//! A function's environment lives for minutes and sees a share of the traffic, so that what it counts is added here
//! and summed when somebody asks. Adding is spread over shards: one item takes a thousand additions a second.

use super::item::n;
use super::{ItemExt, PK, SK, Store, StoreError};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

/// Partitions of the counters.
const SHARDS: u8 = 4;

fn partition(shard: u8) -> String {
    format!("COUNTERS#{shard}")
}

impl Store {
    /// Adds to counters, each named as Prometheus writes it: `name{label="value"}`. `origin` is who adds, and spreads
    /// the load: any text that differs between processes.
    pub async fn add_to_counters(&self, origin: &str, deltas: &BTreeMap<String, f64>) -> Result<(), StoreError> {
        let shard = origin.bytes().fold(0u8, u8::wrapping_add) % SHARDS;
        let additions = deltas.iter().map(|(name, delta)| self.add(partition(shard), name.clone(), n(delta), None));
        try_join_all(additions).await.map(drop)
    }

    /// The sums of all counters.
    pub async fn counters(&self) -> Result<BTreeMap<String, f64>, StoreError> {
        let shards = try_join_all((0..SHARDS).map(|shard| self.prefixed(partition(shard), ""))).await?;
        let mut sums = BTreeMap::new();
        for item in shards.concat() {
            *sums.entry(item.text(SK)?.to_owned()).or_insert(0.0) += item.number::<f64>("v")?;
        }
        Ok(sums)
    }

    /// Adds to the number `v` of an item, which is made if need be. The new value.
    pub(super) async fn add(
        &self,
        pk: String,
        sk: String,
        amount: AttributeValue,
        expires: Option<i64>,
    ) -> Result<f64, StoreError> {
        use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};
        let mut request = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, AttributeValue::S(pk))
            .key(SK, AttributeValue::S(sk))
            .update_expression("ADD v :amount")
            .expression_attribute_values(":amount", amount)
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if let Some(expires) = expires {
            request = request
                .update_expression("ADD v :amount SET #ttl = :ttl")
                .expression_attribute_names("#ttl", super::TTL)
                .expression_attribute_values(":ttl", n(expires));
        }
        let answer = request.send().await?;
        self.consumed(answer.consumed_capacity());
        answer.attributes.unwrap_or_default().number("v")
    }
}

//! Counters that many processes add to.
//!
//! A function's environment lives for minutes and sees a part of the traffic, so its counts are added here, and summed
//! on request. A metric with its labels is one item, including a histogram: each change costs a write unit. Additions
//! are spread over shards: one item takes a thousand additions a second.

use super::item::n;
use super::{Item, PK, SK, Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use telemetry::deltas::Delta;

/// Partitions of the counters.
const SHARDS: u8 = 4;

fn partition(shard: u8) -> String {
    format!("COUNTERS#{shard}")
}

impl Store {
    /// Adds to a counter. `origin` identifies the process, and spreads the load: any text that differs between
    /// processes.
    pub async fn add_to_counter(&self, origin: &str, delta: &Delta) -> Result<(), StoreError> {
        let shard = origin.bytes().fold(0u8, u8::wrapping_add) % SHARDS;
        let mut request = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, AttributeValue::S(partition(shard)))
            .key(SK, AttributeValue::S(delta.series.clone()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut additions = Vec::new();
        for (index, (name, number)) in delta.numbers.iter().filter(|(_, number)| **number != 0.0).enumerate() {
            additions.push(format!("#n{index} :n{index}"));
            request = request.expression_attribute_names(format!("#n{index}"), name);
            request = request.expression_attribute_values(format!(":n{index}"), n(number));
        }
        if additions.is_empty() {
            return Ok(());
        }
        let request = request.update_expression(format!("ADD {}", additions.join(", ")));
        let answer = self.patiently(|| request.clone().send()).await?;
        self.consumed(answer.consumed_capacity());
        Ok(())
    }

    /// The sums of all counters: the numbers of each by its name and labels.
    pub async fn counters(&self) -> Result<BTreeMap<String, BTreeMap<String, f64>>, StoreError> {
        let shards = try_join_all((0..SHARDS).map(|shard| self.prefixed(partition(shard), ""))).await?;
        let mut sums: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for item in shards.concat() {
            let (series, numbers) = numbers(&item)?;
            let sum = sums.entry(series).or_default();
            for (name, number) in numbers {
                *sum.entry(name).or_insert(0.0) += number;
            }
        }
        Ok(sums)
    }
}

fn numbers(item: &Item) -> Result<(String, Vec<(String, f64)>), StoreError> {
    use super::ItemExt;
    let names = item.keys().filter(|name| ![PK, SK].contains(&name.as_str()));
    let numbers = names.map(|name| Ok((name.clone(), item.number(name)?)));
    Ok((item.text(SK)?.to_owned(), numbers.collect::<Result<_, StoreError>>()?))
}

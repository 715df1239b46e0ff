//! The table's stream of changes to the feed.

use crate::delivery::Delivery;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_dynamodb::types::AttributeValue;
use lambda::Fault;
use serde::Deserialize;
use std::collections::HashMap;
use table::feed;
use table::{Item, ItemExt, StoreError};

/// The fields of a batch that we read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamBatch {
    #[serde(default)]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    #[serde(default)]
    sequence_number: String,
    #[serde(default)]
    new_image: HashMap<String, Attribute>,
}

/// An attribute of a feed item: always a string or a number.
#[derive(Debug, Deserialize)]
enum Attribute {
    S(String),
    N(String),
    #[serde(untagged)]
    Other(serde::de::IgnoredAny),
}

/// Events of one site in a batch.
struct Run {
    site: String,
    entries: Vec<feed::Event>,
    /// The stream position of the first event.
    sequence_number: String,
}

/// Delivers a batch. On a failure, the stream delivers it again from the first change of the first site that failed;
/// sites after it do not get their events twice.
pub async fn handle(delivery: &Delivery, event: StreamBatch) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    for run in by_site(event.records) {
        let Err(error) = delivery.run(&run.site, run.entries).await else { continue };
        if matches!(error, Fault::Store(StoreError::Damaged { .. })) {
            // A retry does not repair an item, and would block every other site of the stream's shard.
            tracing::error!(%error, site = run.site, "events cannot be delivered");
        } else {
            tracing::error!(%error, site = run.site, "events were not delivered; the stream will retry");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(run.sequence_number);
            response.batch_item_failures.push(failure);
        }
    }
    response
}

fn by_site(records: Vec<Record>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for Record { dynamodb: change } in records {
        match read(&change.new_image) {
            Ok((site, entries)) => match runs.iter_mut().find(|run| run.site == site) {
                Some(run) => run.entries.extend(entries),
                None => runs.push(Run { site, entries, sequence_number: change.sequence_number }),
            },
            // A retry would not help. The site's next event shows a gap, which is filled from the feed.
            Err(error) => tracing::error!(%error, change.sequence_number, "a change to the feed cannot be read"),
        }
    }
    runs
}

fn read(image: &HashMap<String, Attribute>) -> Result<(String, Vec<feed::Event>), StoreError> {
    let item: Item = image
        .iter()
        .filter_map(|(name, attribute)| match attribute {
            Attribute::S(text) => Some((name.clone(), AttributeValue::S(text.clone()))),
            Attribute::N(number) => Some((name.clone(), AttributeValue::N(number.clone()))),
            Attribute::Other(_) => None,
        })
        .collect();
    let site = item.text("pk")?.strip_prefix(feed::PREFIX).ok_or_else(|| item.damaged("not of a feed"))?;
    Ok((site.to_owned(), feed::entries_of(&item)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record(number: u32, image: Value) -> Value {
        json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": number.to_string(), "NewImage": image}})
    }

    fn feed(site: &str, first: u64, frames: &str) -> Value {
        json!({"pk": {"S": format!("FEED#{site}")}, "sk": {"S": "E#"}, "first": {"N": first.to_string()},
               "frames": {"S": frames}, "ttl": {"N": "1"}})
    }

    #[test]
    fn changes_are_gathered_by_site_in_order_and_bad_ones_passed_over() {
        let event: StreamBatch = serde_json::from_value(json!({"Records": [
            record(1, feed("a", 1, "{}\n{}")),
            record(2, feed("b", 7, "{}")),
            record(3, json!({"pk": {"S": "OTHER#x"}, "first": {"BOOL": true}})),
            record(4, json!({})),
            record(5, feed("a", 3, "{}")),
        ]}))
        .unwrap();
        let runs = by_site(event.records);
        let seen: Vec<_> = runs
            .iter()
            .map(|run| {
                (run.site.as_str(), run.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), run.sequence_number.as_str())
            })
            .collect();
        assert_eq!(seen, [("a", vec![1, 2, 3], "1"), ("b", vec![7], "2")]);
    }
}

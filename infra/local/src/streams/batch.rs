//! Records, batches, and a function's answer about a batch.

use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

/// A record of a stream.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) number: String,
    pub(super) created: jiff::Timestamp,
    value: Value,
}

impl Record {
    pub(super) fn new(value: Value) -> Self {
        let number = value["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default().to_owned();
        let seconds = value["dynamodb"]["ApproximateCreationDateTime"].as_f64().unwrap_or_default();
        let created = jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).unwrap_or_default();
        Self { number, created, value }
    }

    /// How long ago it was written.
    pub(super) fn age(&self) -> Duration {
        jiff::Timestamp::now().duration_since(self.created).try_into().unwrap_or_default()
    }
}

/// The event of a batch.
pub(super) fn event(records: &[Record]) -> Bytes {
    let records: Vec<_> = records.iter().map(|record| &record.value).collect();
    Bytes::from(json!({"Records": records}).to_string())
}

/// The first record that failed, by the function's answer; `None` if none did. As in AWS, if an answer names no record
/// of the batch, the whole batch failed.
pub(super) fn first_failure(answer: &[u8], records: &[Record]) -> Option<usize> {
    let answer: Value = match serde_json::from_slice(answer) {
        Ok(answer) => answer,
        Err(_) => return Some(0),
    };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return None,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Some(0),
    };
    let place = |failure: &Value| {
        let number = failure["itemIdentifier"].as_str();
        records.iter().position(|record| Some(record.number.as_str()) == number).unwrap_or(0)
    };
    failures.iter().map(place).min()
}

#[cfg(test)]
pub(super) fn record(number: u32, created: jiff::Timestamp) -> Record {
    let seconds = created.as_millisecond() as f64 / 1000.0;
    Record::new(json!({"dynamodb": {"SequenceNumber": number.to_string(), "ApproximateCreationDateTime": seconds}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_failure_counts() {
        let records: Vec<_> = (1..=3).map(|number| record(number, jiff::Timestamp::now())).collect();
        let cases = [
            (r#"{"batchItemFailures": []}"#, None),
            ("{}", None),
            ("null", None),
            (r#"{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}"#, Some(1)),
            (r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, Some(0)),
            (r#"{"batchItemFailures": [{"itemIdentifier": "9"}]}"#, Some(0)),
            (r#"{"batchItemFailures": [{}]}"#, Some(0)),
            (r#"{"batchItemFailures": "x"}"#, Some(0)),
            ("nonsense", Some(0)),
        ];
        for (answer, failure) in cases {
            assert_eq!(first_failure(answer.as_bytes(), &records), failure, "{answer}");
        }
    }

    #[test]
    fn ages() {
        let before = jiff::Timestamp::now() - Duration::from_secs(90);
        let age = record(1, before).age().as_secs();
        assert!((89..95).contains(&age), "{age}");
    }
}

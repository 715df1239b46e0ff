//! The message about records that are given up, as in AWS:
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>.

use super::Feed;
use super::batch::Record;
use bytes::Bytes;
use serde_json::json;

/// Why they are given up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// It does not contain the records; its receiver reads them from the stream.
pub(super) fn told(feed: &Feed, shard: &str, records: &[Record], condition: Condition, attempts: u32) -> Bytes {
    let time = |record: Option<&Record>| record.map(|record| format!("{:.3}", record.created));
    let number = |record: Option<&Record>| record.map(|record| record.number.clone());
    let (first, last) = (records.first(), records.last());
    let told = json!({
        "requestContext": {
            "requestId": uuid::Uuid::new_v4().to_string(),
            "functionArn": feed.pool.config().arn,
            "condition": format!("{condition:?}"),
            "approximateInvokeCount": attempts,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": format!("{:.3}", jiff::Timestamp::now()),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": number(first),
            "endSequenceNumber": number(last),
            "approximateArrivalOfFirstRecord": time(first),
            "approximateArrivalOfLastRecord": time(last),
            "batchSize": records.len(),
            "streamArn": feed.source.stream_arn,
        },
    });
    Bytes::from(told.to_string())
}

//! The records that destinations receive, as in AWS:
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.

use super::Work;
use crate::runtime::InvokeError;
use bytes::Bytes;
use serde_json::{Value, json};

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
}

/// An event that is done or given up.
pub(super) struct Record<'a> {
    pub(super) work: &'a Work,
    pub(super) arn: &'a str,
    pub(super) condition: Condition,
    pub(super) attempts: u32,
    pub(super) outcome: &'a Result<Bytes, InvokeError>,
}

impl Record<'_> {
    pub(super) fn body(&self) -> Bytes {
        let json = |payload: &[u8]| serde_json::from_slice::<Value>(payload).unwrap_or_default();
        let mut record = json!({
            "version": "1.0",
            "timestamp": format!("{:.3}", jiff::Timestamp::now()),
            "requestContext": {
                "requestId": self.work.id,
                "functionArn": format!("{}:$LATEST", self.arn),
                "condition": format!("{:?}", self.condition),
                "approximateInvokeCount": self.attempts,
            },
            "requestPayload": json(&self.work.payload),
        });
        match self.outcome {
            Ok(answer) => {
                record["responseContext"] = json!({"statusCode": 200, "executedVersion": "$LATEST"});
                record["responsePayload"] = json(answer);
            }
            // There was no answer.
            Err(InvokeError::TooLate) => {}
            Err(error) => {
                let (status, executed) = (status(error), "$LATEST");
                record["responseContext"] =
                    json!({"statusCode": status, "executedVersion": executed, "functionError": "Unhandled"});
                record["responsePayload"] = match error {
                    InvokeError::Function { payload, .. } => json(payload),
                    other => json!({"errorType": other.kind(), "errorMessage": other.to_string()}),
                };
            }
        }
        Bytes::from(record.to_string())
    }
}

/// The Invoke API's status for an error.
pub(super) fn status(error: &InvokeError) -> u16 {
    match error {
        InvokeError::Function { .. } => 200,
        InvokeError::EventTooLarge(_) => 413,
        InvokeError::Throttled | InvokeError::TooLate => 429,
        InvokeError::Stopping | InvokeError::NotStarted => 500,
    }
}

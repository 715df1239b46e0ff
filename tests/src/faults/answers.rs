//! Answers in DynamoDB's exact words, as the SDK reads them.

use super::kinds::{Call, Fault, Reason};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

/// Status, headers and body.
pub(super) type Answer = (StatusCode, HeaderMap, Bytes);

const SERVICE: &str = "com.amazonaws.dynamodb.v20120810#";
/// The prefix of every AWS service's front end.
const FRONT: &str = "com.amazon.coral.availability#";
const ONGOING: &str = "Transaction is ongoing for the item";
const USED_UP: &str = "The level of configured provisioned throughput for the table was exceeded. \
                       Consider increasing your provisioning level with the UpdateTable API.";
const GROWING: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically \
                       scaling your table or index so please try again shortly.";

impl Reason {
    /// The code in the list of reasons.
    pub fn code(self) -> &'static str {
        match self {
            Self::Conflict => "TransactionConflict",
            Self::Throttling => "ThrottlingError",
            Self::Exceeded => "ProvisionedThroughputExceeded",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Conflict => ONGOING,
            Self::Throttling => GROWING,
            Self::Exceeded => USED_UP,
        }
    }
}

/// The answer to a call that is not carried out. `None` if this fault lets it through.
pub(super) fn refusal(fault: Fault, call: &Call, dice: &mut StdRng) -> Option<Answer> {
    let bad = StatusCode::BAD_REQUEST;
    Some(match fault {
        Fault::Conflict => failure(bad, SERVICE, "TransactionConflictException", ONGOING),
        Fault::Cancelled(reason) => cancelled(reason, call, dice),
        Fault::Throttled => {
            failure(bad, FRONT, "ThrottlingException", "Rate of requests exceeds the allowed throughput.")
        }
        Fault::Exceeded => failure(bad, SERVICE, "ProvisionedThroughputExceededException", USED_UP),
        Fault::Failed => {
            failure(StatusCode::INTERNAL_SERVER_ERROR, SERVICE, "InternalServerError", "Internal server error")
        }
        Fault::Unavailable => {
            let message = "The service is currently unavailable or busy.";
            failure(StatusCode::SERVICE_UNAVAILABLE, FRONT, "ServiceUnavailable", message)
        }
        Fault::Slow(_) | Fault::Lost | Fault::Unprocessed => return None,
    })
}

fn failure(status: StatusCode, of: &str, name: &str, message: &str) -> Answer {
    made_up(status, &json!({"__type": format!("{of}{name}"), "message": message}))
}

/// One reason per item, one of which is not `None`. Its message is in a field with a capital.
fn cancelled(reason: Reason, call: &Call, dice: &mut StdRng) -> Answer {
    let items = call.body()["TransactItems"].as_array().map_or(1, |items| items.len().max(1));
    let hit = dice.random_range(0..items);
    let codes: Vec<_> = (0..items).map(|item| if item == hit { reason.code() } else { "None" }).collect();
    let mut reasons: Vec<_> = codes.iter().map(|code| json!({ "Code": code })).collect();
    reasons[hit]["Message"] = json!(reason.message());
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let kind = format!("{SERVICE}TransactionCanceledException");
    made_up(StatusCode::BAD_REQUEST, &json!({"__type": kind, "CancellationReasons": reasons, "Message": message}))
}

/// Without the checksum that DynamoDB sends: clients verify it only if it is present.
fn made_up(status: StatusCode, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("MADEUPBYTHETESTS"));
    (status, headers, body.to_string().into())
}

/// Removes some writes from a batch, at least one and never all: the remaining batch, and the removed writes, by table.
/// `None` if there are too few.
pub(super) fn divided(call: &Call, dice: &mut StdRng) -> Option<(Bytes, Value)> {
    let mut body = call.body();
    let mut all: Vec<(String, Value)> = Vec::new();
    for (table, writes) in body["RequestItems"].as_object()? {
        all.extend(writes.as_array()?.iter().map(|write| (table.clone(), write.clone())));
    }
    if all.len() < 2 {
        return None;
    }
    all.shuffle(dice);
    let taken = all.split_off(dice.random_range(1..all.len()));
    body["RequestItems"] = by_table(all);
    Some((body.to_string().into(), by_table(taken)))
}

/// The answer to the remaining batch, with the removed writes as unprocessed.
pub(super) fn with_unprocessed((status, mut headers, body): Answer, taken: Value) -> Answer {
    let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return (status, headers, body) };
    if !status.is_success() {
        return (status, headers, body);
    }
    let mut left = answer["UnprocessedItems"].take();
    for (table, writes) in taken.as_object().into_iter().flatten() {
        match left[table].as_array_mut() {
            Some(list) => list.extend(writes.as_array().into_iter().flatten().cloned()),
            None => left[table] = writes.clone(),
        }
    }
    answer["UnprocessedItems"] = left;
    headers.remove("x-amz-crc32");
    (status, headers, answer.to_string().into())
}

fn by_table(writes: Vec<(String, Value)>) -> Value {
    let mut tables = json!({});
    for (table, write) in writes {
        match tables[&table].as_array_mut() {
            Some(list) => list.push(write),
            None => tables[&table] = json!([write]),
        }
    }
    tables
}

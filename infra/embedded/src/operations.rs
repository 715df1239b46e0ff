//! DynamoDB's operations, from the JSON of a call to the JSON of its answer.

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

const OK: u16 = 200;
/// The answer to a call that failed unexpectedly: clients may retry it.
const INTERNAL: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"the call failed"}"#;
const UNKNOWN: &str = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;

/// The answer to a call: DynamoDB's JSON and its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The result, or the error.
    pub body: String,
}

impl Answer {
    /// The answer to a call that failed unexpectedly.
    pub(super) fn failed() -> Self {
        Self { status: 500, body: INTERNAL.to_owned() }
    }
}

/// Executes a call, such as `DynamoDB_20120810.GetItem`. Blocks while the disk confirms a write.
pub(super) fn call(database: &Database, target: &str, body: &Bytes) -> Answer {
    let Some(result) = dispatch(database, operation(target), body) else {
        return Answer { status: 400, body: UNKNOWN.to_owned() };
    };
    match result {
        Ok(body) => Answer { status: OK, body },
        Err(error) => {
            if error.status_code() >= 500 {
                tracing::error!(%error, target, "the embedded database failed");
            }
            Answer { status: error.status_code(), body: error.to_json() }
        }
    }
}

fn operation(target: &str) -> &str {
    let versions = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
    versions.iter().find_map(|version| target.strip_prefix(version)).unwrap_or_default()
}

macro_rules! operations {
    ($database:ident, $operation:ident, $body:ident, { $($name:literal => $method:ident,)* }) => {
        match $operation {
            $($name => Some(read($body).and_then(|request| $database.$method(request)).and_then(|answer| write(&answer))),)*
            _ => None,
        }
    };
}

fn dispatch(database: &Database, operation: &str, body: &Bytes) -> Option<Result<String, DynoxideError>> {
    operations!(database, operation, body, {
        "BatchExecuteStatement" => batch_execute_statement,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "CreateTable" => create_table,
        "DeleteItem" => delete_item,
        "DeleteTable" => delete_table,
        "DescribeStream" => describe_stream,
        "DescribeTable" => describe_table,
        "DescribeTimeToLive" => describe_time_to_live,
        "ExecuteStatement" => execute_statement,
        "ExecuteTransaction" => execute_transaction,
        "GetItem" => get_item,
        "GetRecords" => get_records,
        "GetShardIterator" => get_shard_iterator,
        "ListStreams" => list_streams,
        "ListTables" => list_tables,
        "ListTagsOfResource" => list_tags_of_resource,
        "PutItem" => put_item,
        "Query" => query,
        "Scan" => scan,
        "TagResource" => tag_resource,
        "TransactGetItems" => transact_get_items,
        "TransactWriteItems" => transact_write_items,
        "UntagResource" => untag_resource,
        "UpdateItem" => update_item,
        "UpdateTable" => update_table,
        "UpdateTimeToLive" => update_time_to_live,
    })
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))
}

/// Markers of validation errors: those of dynoxide's types, and those in serde's messages.
const INVALID: [&str; 3] = ["VALIDATION:", "VALIDATION_REQUEST:", "VALIDATION_AS_READ:"];
const MALFORMED: [&str; 2] = ["SERIALIZATION:", "SERIALIZATION_AS_READ:"];
const INVALID_PARTS: [&str; 4] = ["missing field", "unknown variant", "invalid type: null", "AttributeValue"];

fn unreadable(message: &str) -> DynoxideError {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let marked = |marks: &[&str]| marks.iter().find_map(|mark| message.strip_prefix(mark)).map(str::to_owned);
    if let Some(message) = marked(&INVALID) {
        return DynoxideError::ValidationException(message);
    }
    if INVALID_PARTS.iter().any(|part| message.contains(part)) {
        return DynoxideError::ValidationException(message.to_owned());
    }
    DynoxideError::SerializationException(marked(&MALFORMED).unwrap_or_else(|| message.to_owned()))
}

fn write(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

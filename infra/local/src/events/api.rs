//! EventBridge's `PutEvents`: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

use super::Buses;
use crate::http::{read_away, read_up_to};
use crate::permissions::{Permissions, Wish};
use crate::signature::Signature;
use crate::template::{DEFAULT_BUS, arn, bus_name};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// All entries together may have 1 MB.
const MAX_BODY: usize = 2 * 1024 * 1024;
const MOST_ENTRIES: usize = 10;

pub(super) async fn answer(
    buses: &Buses,
    request: Request,
    signature: &Signature,
    permissions: Option<&Permissions>,
) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if target.rsplit('.').next() != Some("PutEvents") {
        read_away(body);
        return refused("UnknownOperationException", "only PutEvents is supported here");
    }
    let body = match read_up_to(body, MAX_BODY).await {
        Ok(body) => body,
        Err(why) => return refused("ValidationException", &why.to_string()),
    };
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refused("SerializationException", &format!("the body is not JSON: {error}")),
    };
    let entries = body["Entries"].as_array().map_or(&[][..], Vec::as_slice);
    if entries.is_empty() || entries.len() > MOST_ENTRIES {
        return refused("ValidationException", "there are 1 to 10 entries");
    }
    for entry in entries {
        let wish = Wish::new("events:PutEvents", arn("events", &format!("event-bus/{}", bus(entry))));
        if let Err(message) = Permissions::check_unless_off(permissions, &signature.access_key, &wish) {
            return refused("AccessDeniedException", &message);
        }
    }
    let results: Vec<_> = entries.iter().map(|entry| put(buses, entry)).collect();
    let failed = results.iter().filter(|result| result["EventId"].is_null()).count();
    (kind(), json!({"FailedEntryCount": failed, "Entries": results}).to_string()).into_response()
}

fn bus(entry: &Value) -> &str {
    bus_name(entry["EventBusName"].as_str().unwrap_or(DEFAULT_BUS))
}

fn put(buses: &Buses, entry: &Value) -> Value {
    let detail = entry["Detail"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let (Some(source), Some(kind)) = (entry["Source"].as_str(), entry["DetailType"].as_str()) else {
        return json!({"ErrorCode": "InvalidArgument", "ErrorMessage": "Parameter Source or DetailType is not valid."});
    };
    if source.starts_with("aws.") {
        let message = "Not authorized for the source.";
        return json!({"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": message});
    }
    let Some(detail) = detail.filter(Value::is_object) else {
        return json!({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."});
    };
    let time = entry["Time"].as_f64().and_then(|seconds| jiff::Timestamp::from_second(seconds as i64).ok());
    let resources = entry["Resources"].as_array().cloned().unwrap_or_default();
    let time = time.unwrap_or_else(jiff::Timestamp::now);
    let event = super::event(source, kind, time, Value::Array(resources), detail);
    buses.publish(bus(entry), &event);
    json!({"EventId": event["id"]})
}

fn kind() -> [(header::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "application/x-amz-json-1.1")]
}

fn refused(error: &str, message: &str) -> Response {
    (StatusCode::BAD_REQUEST, kind(), json!({"__type": error, "message": message}).to_string()).into_response()
}

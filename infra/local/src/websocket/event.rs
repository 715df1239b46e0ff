//! Events of WebSocket APIs.

use super::connection::{Close, Connection, identifier};
use crate::http::{client_headers, pairs, time_of};
use crate::template::WebSocketApi;
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

/// A message, as a function receives it.
pub(super) struct Incoming {
    pub(super) request_id: String,
    pub(super) event: Bytes,
}

/// The event of a client that wants to connect.
pub(super) fn connect(api: &WebSocketApi, connection: &Connection, parts: &Parts, peer: SocketAddr) -> Bytes {
    let kept = |(name, _): &(String, Vec<String>)| name != "upgrade";
    let headers = client_headers(&parts.headers, peer).into_iter().filter(kept);
    let headers: Vec<_> = headers.map(|(name, values)| (capitalised(&name), values)).collect();
    let mut event = json!({});
    event["headers"] = last_of_each(&headers);
    event["multiValueHeaders"] = all_of_each(&headers);
    let mut parameters: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in pairs(parts.uri.query().unwrap_or_default()) {
        match parameters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => parameters.push((name, vec![value])),
        }
    }
    if !parameters.is_empty() {
        event["queryStringParameters"] = last_of_each(&parameters);
        event["multiValueQueryStringParameters"] = all_of_each(&parameters);
    }
    event["requestContext"] = context(api, connection, "$connect", "CONNECT", &identifier());
    event["isBase64Encoded"] = json!(false);
    Bytes::from(event.to_string())
}

/// The event of a message.
pub(super) fn message(api: &WebSocketApi, connection: &Connection, route_key: &str, text: &str) -> Incoming {
    let request_id = identifier();
    let mut context = context(api, connection, route_key, "MESSAGE", &request_id);
    context["messageId"] = json!(identifier());
    let event = json!({"requestContext": context, "body": text, "isBase64Encoded": false});
    Incoming { request_id, event: Bytes::from(event.to_string()) }
}

/// The event of a closed connection.
pub(super) fn disconnect(api: &WebSocketApi, connection: &Connection, close: &Close) -> Bytes {
    let mut context = context(api, connection, "$disconnect", "DISCONNECT", &identifier());
    context["disconnectStatusCode"] = json!(close.code);
    context["disconnectReason"] = json!(close.reason);
    let headers = [("Host".to_owned(), vec![connection.domain.clone()])];
    let event = json!({
        "headers": last_of_each(&headers),
        "multiValueHeaders": all_of_each(&headers),
        "requestContext": context,
        "isBase64Encoded": false,
    });
    Bytes::from(event.to_string())
}

fn context(api: &WebSocketApi, connection: &Connection, route_key: &str, kind: &str, request_id: &str) -> Value {
    let (time, time_epoch) = time_of(jiff::Timestamp::now());
    let mut identity = json!({"sourceIp": connection.source_ip.to_string()});
    if let Some(agent) = &connection.user_agent {
        identity["userAgent"] = json!(agent);
    }
    json!({
        "routeKey": route_key,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": time,
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": connection.connected_at.as_millisecond(),
        "requestTimeEpoch": time_epoch,
        "identity": identity,
        "requestId": request_id,
        "domainName": connection.domain,
        "connectionId": connection.id,
        "apiId": api.api_id,
    })
}

fn last_of_each(values: &[(String, Vec<String>)]) -> Value {
    values.iter().map(|(name, values)| (name.clone(), json!(values.last()))).collect::<Map<_, _>>().into()
}

fn all_of_each(values: &[(String, Vec<String>)]) -> Value {
    values.iter().map(|(name, values)| (name.clone(), json!(values))).collect::<Map<_, _>>().into()
}

/// `sec-websocket-key` as `Sec-WebSocket-Key`: WebSocket APIs pass names on as clients write them.
fn capitalised(name: &str) -> String {
    let word = |word: &str| match word {
        "websocket" => "WebSocket".to_owned(),
        word => word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default(),
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headers() {
        let cases = [("host", "Host"), ("sec-websocket-protocol", "Sec-WebSocket-Protocol"), ("x--a", "X--A")];
        for (from, to) in cases {
            assert_eq!(capitalised(from), to);
        }
    }
}

//! The WebSocket API's events.

use super::Fault;
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use lambda_http::aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::net::IpAddr;
use web::{ApiError, request_id};

/// An event of the WebSocket API.
pub type WebSocketEvent = ApiGatewayWebsocketProxyRequest;

/// The id of the connection.
pub fn connection_id(event: &WebSocketEvent) -> Result<&str, Fault> {
    let id = event.request_context.connection_id.as_deref().filter(|id| !id.is_empty());
    id.ok_or_else(|| Fault::BadEvent("requestContext.connectionId is missing".into()))
}

/// The client's address.
pub fn client(event: &WebSocketEvent) -> Result<IpAddr, Fault> {
    let address = event.request_context.identity.source_ip.as_deref().and_then(|text| text.parse().ok());
    address.ok_or_else(|| Fault::BadEvent("requestContext.identity.sourceIp is not an address".into()))
}

/// The client's headers with all their lines. The event's `headers` only has the last line of each.
pub fn headers(event: &WebSocketEvent) -> &HeaderMap {
    if event.multi_value_headers.is_empty() { &event.headers } else { &event.multi_value_headers }
}

/// The parsed query of a connecting client, or the error in it.
pub fn options<T: DeserializeOwned>(event: &WebSocketEvent) -> Result<T, ApiError> {
    let pairs = event.query_string_parameters.iter().map(|(name, value)| (name, value.into()));
    let object = serde_json::Map::from_iter(pairs.map(|(name, value): (&str, serde_json::Value)| (name.into(), value)));
    serde_json::from_value(object.into()).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// The answer to API Gateway.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    headers: HashMap<&'static str, String>,
    body: String,
}

impl Answer {
    /// Success.
    pub fn ok() -> Self {
        Self { status_code: 200, headers: HashMap::new(), body: String::new() }
    }

    /// The client may connect. `headers` are its own; one of its subprotocols is chosen.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let chosen = web::auth::chosen_subprotocol(headers);
        let headers = chosen.map(|protocol| (SEC_WEBSOCKET_PROTOCOL.as_str(), protocol.to_owned()));
        Self { headers: headers.into_iter().collect(), ..Self::ok() }
    }

    /// The client may not connect.
    pub async fn refused(error: ApiError, event: &WebSocketEvent) -> Self {
        let id = event.request_context.request_id.clone().unwrap_or_default();
        let envelope = request_id::scope(id, async { error.envelope() }).await;
        let body = serde_json::to_string(&envelope).unwrap_or_default();
        let headers = HashMap::from([("Content-Type", "application/json".to_owned())]);
        Self { status_code: error.status().as_u16(), headers, body }
    }
}

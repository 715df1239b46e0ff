//! `@connections`: the functions' operations on connections.

use super::connection::{Close, Refused, is_identifier};
use super::{Live, MAX_MESSAGE};
use crate::http::{self, decoded, read_away, read_up_to};
use crate::permissions::{Permissions, access_key, connection};
use axum::body::Body;
use axum::extract::Request;
use axum::extract::ws::Message;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

impl Live {
    /// Refuses what the calling function's role does not allow.
    fn check(&self, authorization: &str, method: &Method, id: &str) -> Result<(), String> {
        let wish = connection(&self.0.api.api_id, &self.0.api.stage, method.as_str(), &decoded(id));
        Permissions::check_unless_off(self.0.permissions.as_deref(), access_key(authorization), &wish)
    }

    /// Answers a request about a connection.
    pub(super) async fn manage(&self, request: Request, id: &str) -> Response {
        let (parts, body) = request.into_parts();
        // The signature is not verified, but a web page cannot send such a header without permission.
        let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if !authorization.is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256")) {
            read_away(body);
            return error(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", "Missing Authentication Token");
        }
        if let Err(message) = self.check(authorization.unwrap_or_default(), &parts.method, id) {
            read_away(body);
            return error(StatusCode::FORBIDDEN, "ForbiddenException", &message);
        }
        let id = decoded(id);
        if !is_identifier(&id) {
            read_away(body);
            return error(StatusCode::BAD_REQUEST, "BadRequestException", &format!("Invalid connectionId: {id:.40}"));
        }
        let connection = self.0.connections.lock().get(&id).cloned();
        let gone = || error(StatusCode::GONE, "GoneException", "The connection is gone");
        match (parts.method, connection) {
            (Method::POST, connection) => {
                let data = match read_up_to(body, MAX_MESSAGE).await {
                    Ok(data) => data,
                    Err(http::Refused::TooLarge) => {
                        let message = format!("at most {MAX_MESSAGE} bytes");
                        return error(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", &message);
                    }
                    Err(why) => return error(StatusCode::BAD_REQUEST, "BadRequestException", &why.to_string()),
                };
                let message = match std::str::from_utf8(&data) {
                    Ok(text) => Message::text(text),
                    Err(_) => Message::Binary(data),
                };
                match connection.map_or(Err(Refused::Gone), |connection| connection.send(message)) {
                    Ok(()) => answer(StatusCode::OK, None),
                    Err(Refused::Gone) => gone(),
                    Err(Refused::Full) => {
                        error(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", "the client does not keep up")
                    }
                }
            }
            (Method::GET, Some(connection)) => {
                let identity =
                    json!({"sourceIp": connection.source_ip.to_string(), "userAgent": connection.user_agent});
                let body = json!({
                    "connectedAt": connection.connected_at.to_string(),
                    "identity": identity,
                    "lastActiveAt": connection.last_active().to_string(),
                });
                answer(StatusCode::OK, Some(&body))
            }
            (Method::DELETE, Some(connection)) => {
                self.0.connections.lock().remove(&connection.id);
                connection.close(Close::by_function());
                answer(StatusCode::NO_CONTENT, None)
            }
            (Method::GET | Method::DELETE, None) => gone(),
            _ => {
                read_away(body);
                error(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden")
            }
        }
    }
}

/// An error that AWS SDKs recognise.
fn error(status: StatusCode, kind: &'static str, message: &str) -> Response {
    let mut response = answer(status, Some(&json!({"message": message})));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    response
}

fn answer(status: StatusCode, body: Option<&Value>) -> Response {
    let mut response = Response::new(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

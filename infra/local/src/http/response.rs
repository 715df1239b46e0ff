//! Converts a function's result to an HTTP response.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

/// An answer by the gateway itself.
pub(crate) fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({"message": message}).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The status of a structured response; `None` if it is unstructured, or its status is not valid in HTTP.
pub(crate) fn status_of(returned: &Value) -> Option<StatusCode> {
    let status = returned.get("statusCode")?;
    let number = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    u16::try_from(number).ok().and_then(|status| StatusCode::from_u16(status).ok())
}

/// The response for a function's result. Without a `statusCode`, all of the result is the body.
pub(super) fn answer(payload: &[u8], request_id: &str, method: &Method) -> Response<Body> {
    let response = match serde_json::from_slice::<Value>(payload) {
        Ok(returned) if returned.get("statusCode").is_some() => structured(&returned, method),
        Ok(returned) => Some(inferred(&returned)),
        Err(_) => None,
    };
    let mut response = response.unwrap_or_else(|| {
        tracing::warn!(request_id, "the function's response is malformed");
        plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    });
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

fn inferred(returned: &Value) -> Response<Body> {
    let body = match returned {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn structured(returned: &Value, method: &Method) -> Option<Response<Body>> {
    let body = body_of(returned)?;
    let status = status_of(returned)?;
    let mut response = Response::new(if body.is_empty() { Body::empty() } else { Body::from(body) });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in headers_of(returned) {
        headers.append(name, value);
    }
    for cookie in returned.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        if let Some(value) = cookie.as_str().and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
            headers.append(header::SET_COOKIE, value);
        }
    }
    // The length comes from the body; only a response to HEAD states the length of a body that is absent.
    if method != Method::HEAD {
        headers.remove(header::CONTENT_LENGTH);
    }
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
    }
    Some(response)
}

/// The headers of a structured response; those of `multiValueHeaders` replace others of the same name.
pub(crate) fn headers_of(returned: &Value) -> Vec<(HeaderName, HeaderValue)> {
    let members = |name| returned.get(name).and_then(Value::as_object).into_iter().flatten();
    let several = || members("multiValueHeaders");
    let once = members("headers").filter(|(name, _)| !several().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    let all = once.map(|(name, value)| (name, std::slice::from_ref(value)));
    let all = all.chain(several().map(|(name, values)| (name, values.as_array().map_or(&[][..], Vec::as_slice))));
    let mut headers = Vec::new();
    for (name, values) in all {
        let Some(name) = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !is_of_the_connection(name)) else {
            continue;
        };
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => continue,
                other => other.to_string(),
            };
            headers.extend(HeaderValue::from_str(&text).ok().map(|value| (name.clone(), value)));
        }
    }
    headers
}

/// Headers about the connection, which is not the function's business.
fn is_of_the_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TE, header::TRAILER].contains(name)
}

/// The body; `None` if it claims to be base64 but is not.
pub(crate) fn body_of(returned: &Value) -> Option<Bytes> {
    let encoded = returned.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    match returned.get("body") {
        None | Some(Value::Null) => Some(Bytes::new()),
        Some(Value::String(text)) if encoded => STANDARD.decode(text).ok().map(Bytes::from),
        Some(Value::String(text)) => Some(Bytes::from(text.clone())),
        Some(other) => Some(Bytes::from(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn read(returned: Value, method: Method) -> (u16, Vec<(String, String)>, String) {
        let response = answer(returned.to_string().as_bytes(), "id", &method);
        let (parts, body) = response.into_parts();
        let headers = parts.headers.iter().filter(|(name, _)| *name != "apigw-requestid");
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.sort();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status.as_u16(), headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn structured_responses() {
        let headers = json!({"X-A": 1, "Content-Type": "text/csv", "Content-Length": "99"});
        let returned = json!({"statusCode": 201, "headers": headers,
            "multiValueHeaders": {"x-b": ["1", "2"]}, "cookies": ["a=1"], "body": "aGk=", "isBase64Encoded": true});
        let (status, headers, body) = read(returned, Method::GET).await;
        assert_eq!((status, body.as_str()), (201, "hi"));
        let expected = [("content-type", "text/csv"), ("set-cookie", "a=1"), ("x-a", "1"), ("x-b", "1"), ("x-b", "2")];
        assert_eq!(headers, expected.map(|(name, value)| header(name, value)));
        let head = json!({"statusCode": "200", "headers": {"Content-Length": "99"}, "body": null});
        let (status, headers, body) = read(head, Method::HEAD).await;
        assert_eq!((status, body.as_str()), (200, ""));
        assert!(headers.contains(&header("content-length", "99")));
    }

    #[tokio::test]
    async fn the_status_is_inferred() {
        for (returned, body) in [(json!({"a": 1}), "{\"a\":1}"), (json!("text"), "text"), (json!([1]), "[1]")] {
            let expected = vec![header("content-type", "application/json")];
            assert_eq!(read(returned, Method::GET).await, (200, expected, body.to_owned()));
        }
    }

    #[tokio::test]
    async fn malformed_responses_are_errors_of_the_gateway() {
        for returned in [json!({"statusCode": 42}), json!({"statusCode": 200, "body": "?", "isBase64Encoded": true})] {
            let (status, _, body) = read(returned, Method::GET).await;
            assert_eq!((status, body.as_str()), (500, "{\"message\":\"Internal Server Error\"}"));
        }
        assert_eq!(answer(b"not json", "id", &Method::GET).status(), 500);
    }
}

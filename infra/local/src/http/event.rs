//! Events of HTTP APIs, payload format 2.0.

use super::routes::decoded;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

use crate::template::ACCOUNT;

/// A request for a function.
pub(super) struct Call<'a> {
    pub(super) parts: &'a Parts,
    pub(super) body: Bytes,
    pub(super) peer: SocketAddr,
    pub(super) route_key: &'a str,
    pub(super) parameters: &'a [(String, String)],
    pub(super) api_id: &'a str,
    pub(super) stage: &'a str,
}

impl Call<'_> {
    /// The request's id and its event.
    pub(super) fn event(self) -> (String, Bytes) {
        let request_id = uuid::Uuid::new_v4().to_string();
        let Parts { method, uri, version, headers, .. } = self.parts;
        let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let host = text(header::HOST).unwrap_or_default();
        let (time, time_epoch) = time_of(jiff::Timestamp::now());
        let path = decoded(uri.path());
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route_key,
            "rawPath": path,
            "rawQueryString": uri.query().unwrap_or_default(),
        });
        let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
        if !cookies.is_empty() {
            let cookies = cookies.iter().flat_map(|cookies| cookies.split(';')).map(str::trim);
            event["cookies"] = cookies.filter(|cookie| !cookie.is_empty()).collect();
        }
        event["headers"] = single_headers(&client_headers(headers, self.peer)).into();
        if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
            event["queryStringParameters"] = query_parameters(query).into();
        }
        if !self.parameters.is_empty() {
            event["pathParameters"] = self.parameters.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        }
        event["requestContext"] = json!({
            "accountId": ACCOUNT,
            "apiId": self.api_id,
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": method.as_str(),
                "path": path,
                "protocol": format!("{version:?}"),
                "sourceIp": self.peer.ip().to_string(),
                "userAgent": text(header::USER_AGENT).unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": self.route_key,
            "stage": self.stage,
            "time": time,
            "timeEpoch": time_epoch,
        });
        if !self.body.is_empty() {
            event["body"] = match text_of(headers, &self.body) {
                Some(text) => json!(text),
                None => json!(STANDARD.encode(&self.body)),
            };
        }
        event["isBase64Encoded"] = json!(!self.body.is_empty() && text_of(headers, &self.body).is_none());
        (request_id, Bytes::from(event.to_string()))
    }
}

/// A moment as `24/Nov/2026:11:40:50 +0000`, and in milliseconds.
pub(crate) fn time_of(now: jiff::Timestamp) -> (String, i64) {
    (now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(), now.as_millisecond())
}

/// The client's headers, with those that API Gateway adds.
pub(crate) fn client_headers(headers: &HeaderMap, peer: SocketAddr) -> Vec<(String, Vec<String>)> {
    let value = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut result: Vec<_> = headers
        .keys()
        .filter(|name| **name != header::CONNECTION && **name != header::TRANSFER_ENCODING)
        .map(|name| (name.as_str().to_owned(), headers.get_all(name).iter().map(value).collect::<Vec<_>>()))
        .collect();
    let mut set = |name: &str, value: String| match result.iter_mut().find(|(known, _)| known == name) {
        Some((_, values)) => *values = vec![value],
        None => result.push((name.to_owned(), vec![value])),
    };
    let ip = peer.ip().to_string();
    let before = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    set("x-forwarded-for", before.map_or_else(|| ip.clone(), |before| format!("{before}, {ip}")));
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    set("x-forwarded-port", host.rsplit_once(':').map_or("80", |(_, port)| port).to_owned());
    set("x-forwarded-proto", "http".to_owned());
    if !headers.contains_key("x-amzn-trace-id") {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let seconds = jiff::Timestamp::now().as_second();
        set("x-amzn-trace-id", format!("Root=1-{seconds:08x}-{}", &id[..24]));
    }
    result
}

fn single_headers(headers: &[(String, Vec<String>)]) -> Map<String, Value> {
    let kept = headers.iter().filter(|(name, _)| *name != header::COOKIE.as_str());
    kept.map(|(name, values)| (name.clone(), json!(values.join(",")))).collect()
}

/// Decoded; values of a repeated name are joined by commas.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut result = Map::new();
    for (name, value) in pairs(query) {
        match result.get_mut(&name) {
            Some(Value::String(values)) => {
                values.push(',');
                values.push_str(&value);
            }
            _ => drop(result.insert(name, Value::String(value))),
        }
    }
    result
}

/// The decoded names and values of a query string.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| decoded(&text.replace('+', " "));
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// The body as text, if its type says that it is text and it is not encoded.
fn text_of<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let kind = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let is_text = !headers.contains_key(header::CONTENT_ENCODING) && kind.is_none_or(is_text);
    std::str::from_utf8(body).ok().filter(|_| is_text)
}

fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/javascript" | "application/xml")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn event(request: Request<&'static [u8]>) -> Value {
        let (parts, body) = request.into_parts();
        let parameters = [("id".to_owned(), "7".to_owned())];
        let call = Call {
            parts: &parts,
            body: Bytes::from_static(body),
            peer: SocketAddr::from(([127, 0, 0, 1], 5000)),
            route_key: "ANY /a/{id}",
            parameters: &parameters,
            api_id: "api",
            stage: "$default",
        };
        serde_json::from_slice(&call.event().1).unwrap()
    }

    #[test]
    fn the_shape_of_an_event() {
        let request = Request::post("http://x/a%20b/7?x=1&y=%20z&x=2+3&flag")
            .header("Host", "localhost:9000")
            .header("Cookie", "a=1; b=2")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("X-Forwarded-For", "10.0.0.1")
            .header("User-Agent", "test")
            .body(&b"hello"[..]);
        let event = event(request.unwrap());
        assert_eq!((&event["version"], &event["rawPath"]), (&json!("2.0"), &json!("/a b/7")));
        assert_eq!(event["rawQueryString"], "x=1&y=%20z&x=2+3&flag");
        assert_eq!(event["queryStringParameters"], json!({"x": "1,2 3", "y": " z", "flag": ""}));
        assert_eq!(event["pathParameters"], json!({"id": "7"}));
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        let headers = &event["headers"];
        assert_eq!((&headers["x-two"], &headers["cookie"]), (&json!("1,2"), &Value::Null));
        assert_eq!(
            (&headers["x-forwarded-for"], &headers["x-forwarded-port"]),
            (&json!("10.0.0.1, 127.0.0.1"), &json!("9000"))
        );
        let context = &event["requestContext"];
        let http = json!({
            "method": "POST", "path": "/a b/7", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test",
        });
        assert_eq!(context["http"], http);
        assert_eq!((&context["domainName"], &context["stage"]), (&json!("localhost:9000"), &json!("$default")));
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("hello"), &json!(false)));
    }

    #[test]
    fn bodies_that_are_not_text_are_base64() {
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: [(&[u8], Headers<'_>, bool); 9] = [
            (b"{}", &[("content-type", "application/json; charset=utf-8")], false),
            (b"a,b", &[("content-type", "text/csv")], false),
            (b"<a/>", &[("content-type", "application/xml")], false),
            (b"{}", &[("content-type", "application/problem+json")], false),
            (b"a=1", &[("content-type", "application/x-www-form-urlencoded")], true),
            (b"{}", &[("content-type", "application/json"), ("content-encoding", "gzip")], true),
            (b"\xff", &[("content-type", "text/plain")], true),
            (b"x", &[("content-type", "application/octet-stream")], true),
            (b"", &[("content-type", "application/octet-stream")], false),
        ];
        for (body, headers, encoded) in cases {
            let request =
                headers.iter().fold(Request::post("/"), |request, (name, value)| request.header(*name, *value));
            assert_eq!(event(request.body(body).unwrap())["isBase64Encoded"], encoded, "{headers:?}");
        }
    }

    #[test]
    fn moments() {
        let moment = jiff::Timestamp::from_millisecond(1_795_520_450_123).unwrap();
        assert_eq!(time_of(moment), ("24/Nov/2026:11:40:50 +0000".to_owned(), 1_795_520_450_123));
    }
}

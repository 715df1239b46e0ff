//! Malicious events. A function answers or fails, but its environment survives.

use bytes::Bytes;
use local_gateway::runtime::{InvokeError, Pool, PoolConfig};
use serde_json::{Map, Value, json};
use std::time::Duration;
use table::Store;
use tests::host;
use tests::server::children;
use tests::table::{Table, client};

/// A request as the HTTP API sends it.
fn request(method: &str, path: &str, changes: &Value) -> Value {
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "example.com", "content-type": "application/json"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "example.com", "requestId": "r", "routeKey": "$default",
            "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "10.0.0.1", "userAgent": "x"},
        },
        "isBase64Encoded": false,
    });
    merge(&mut event, changes);
    event
}

/// A message as the WebSocket API sends it.
fn message(kind: &str, changes: &Value) -> Value {
    let mut event = json!({
        "headers": {"Host": "example.com"}, "multiValueHeaders": {"Host": ["example.com"]},
        "requestContext": {
            "routeKey": kind, "eventType": "MESSAGE", "connectionId": "unknown=", "stage": "ws", "apiId": "a",
            "requestId": "r", "domainName": "example.com", "connectedAt": 0,
            "identity": {"sourceIp": "10.0.0.1", "userAgent": "x"},
        },
        "body": "{}", "isBase64Encoded": false,
    });
    merge(&mut event, changes);
    event
}

/// Sets fields of an object, and of objects within it; null removes them.
fn merge(event: &mut Value, changes: &Value) {
    let (Some(event), Some(changes)) = (event.as_object_mut(), changes.as_object()) else { return };
    for (name, change) in changes {
        match change {
            Value::Null => drop(event.remove(name)),
            Value::Object(_) if event.get(name).is_some_and(Value::is_object) => merge(&mut event[name], change),
            other => drop(event.insert(name.clone(), other.clone())),
        }
    }
}

fn headers(count: usize) -> Value {
    (0..count).map(|number| (format!("x-{number}"), json!("v"))).collect::<Map<_, _>>().into()
}

/// Events that are not of any kind, or of the wrong one.
fn nonsense() -> Vec<String> {
    let mut events: Vec<String> =
        ["", "{", "null", "[]", "5", "\"text\"", "{}", r#"{"a":"#, r#"{"Records":null}"#].map(str::to_owned).into();
    events.push(format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)));
    let image = json!({"pk": {"S": "FEED#x"}, "first": {"N": "one"}, "frames": {"S": 5}});
    for record in [json!({}), json!({"dynamodb": null}), json!({"dynamodb": {"NewImage": image}})] {
        events.push(json!({"Records": [record]}).to_string());
    }
    events
}

fn requests() -> Vec<String> {
    let body = |text: &str| json!({"body": text});
    let csv = json!({"headers": {"content-type": "text/csv"}});
    let wrong = json!({"isBase64Encoded": true, "body": "%%%", "headers": {"content-type": "text/csv"}});
    let mut events = vec![
        request("POST", "/api/advise", &body("{\"alerts\": [")),
        request("PUT", "/api/permits/a", &body(&"[".repeat(100_000))),
        request("POST", "/api/ingest", &wrong),
        request("POST", "/api/ingest", &csv),
        request("GET", "/api/status", &json!({"headers": headers(10_000)})),
        request("GET", "/api/status", &json!({"headers": headers(40_000)})),
        request("GET", "/api/status", &json!({"headers": {"bad name": "x", "ok": "line\nbreak"}})),
        request("GET", "/a b\n\u{0}%zz", &json!({"rawQueryString": "%%%&=&\u{1F600}"})),
        request("GET", "/", &json!({"rawPath": null, "headers": null})),
        request("GET", "/", &json!({"requestContext": {"http": {"sourceIp": "nobody", "method": "NO SUCH"}}})),
        request("GET", "/health", &json!({"requestContext": {"stage": null, "time": null, "timeEpoch": null}})),
        request("GET", "/metrics", &json!({"cookies": ["a=\u{0}", "b"]})),
    ];
    for field in ["http", "requestId", "accountId"] {
        events.push(request("GET", "/api/status", &json!({"requestContext": {field: null}})));
    }
    events.iter().map(Value::to_string).collect()
}

fn messages() -> Vec<String> {
    let mut events = vec![
        message("$default", &json!({"isBase64Encoded": true, "body": "%%%"})),
        message("$default", &json!({"body": null})),
        message("$connect", &json!({"headers": headers(10_000)})),
        message("$connect", &json!({"queryStringParameters": {"site": "\u{0}", "events": "none"}})),
        message("$connect", &json!({"multiValueHeaders": {"x": [null]}})),
        message("$disconnect", &json!({"requestContext": {"connectionId": ""}})),
    ];
    for field in ["connectionId", "identity", "routeKey", "stage"] {
        events.push(message("$default", &json!({"requestContext": {field: null}})));
    }
    events.push(message("$default", &json!({"requestContext": null})));
    events.iter().map(Value::to_string).collect()
}

fn pool(function: &str, endpoint: &str) -> Pool {
    let own = [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("OW_SC_PUSH_URL", "http://127.0.0.1:9/ws"),
        ("OW_SC_RL_PER_SEC", "100000"),
        ("AWS_LAMBDA_FUNCTION_NAME", function),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", "local"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    Pool::new(PoolConfig {
        id: function.into(),
        arn: format!("arn:aws:lambda:local:1:function:{function}"),
        program: host::binaries().join(function),
        variables: own.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        timeout: Duration::from_secs(20),
        maximum: 1,
        idle: Duration::from_secs(600),
    })
}

#[tokio::test]
async fn no_event_takes_an_environment_down() -> anyhow::Result<()> {
    let table = Table::new()?;
    Store::new(client(table.endpoint()), "owsc").create_table_if_missing().await?;
    let http = ["api", "dashboard", "health", "ingest", "metrics"];
    let others = ["ws-connect", "ws-disconnect", "ws-message", "ws-broadcast", "settle"];
    for function in http.into_iter().chain(others) {
        let pool = pool(function, table.endpoint());
        let mut own = nonsense();
        own.extend(if http.contains(&function) { requests() } else { messages() });
        let mut process = None;
        for event in &own {
            let outcome = pool.invoke(Bytes::from(event.clone())).await;
            if let Err(InvokeError::Function { kind, .. }) = &outcome {
                assert!(
                    !kind.starts_with("Runtime.") && !kind.starts_with("Sandbox."),
                    "{function} {kind}: {event:.300}"
                );
            }
            let now = children(std::process::id(), function)?;
            assert_eq!(now.len(), 1, "{function}: {event:.300}");
            assert_eq!(*process.get_or_insert(now[0]), now[0], "{function} was replaced after {event:.300}");
        }
        if http.contains(&function) {
            let answer = pool.invoke(request("GET", "/nowhere", &json!({})).to_string().into()).await?;
            assert_eq!(serde_json::from_slice::<Value>(&answer)?["statusCode"], 404, "{function} still answers");
        }
        pool.stop().await;
    }
    Ok(())
}

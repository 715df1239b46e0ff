//! The HTTP API.

use crate::gateway::{Gateway, HTTP, PATIENCE};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_request_reaches_the_function_and_its_answer_the_client() {
    let gateway = Gateway::start(HTTP, &[]);
    let client = reqwest::Client::new();
    let request = client.put(gateway.url("/a/b?x=1&x=2")).header("Cookie", "c=1").header("Content-Type", "text/csv");
    let response = request.body("a,b").send().await.unwrap();
    assert_eq!(response.status(), 201);
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let event: Value = response.json().await.unwrap();
    assert_eq!(event["routeKey"], "ANY /{proxy+}");
    assert_eq!(event["queryStringParameters"], json!({"x": "1,2"}));
    assert_eq!(event["requestContext"]["http"]["method"], "PUT");
    assert_eq!((&event["body"], &event["cookies"]), (&json!("a,b"), &json!(["c=1"])));
    let event: Value = reqwest::get(gateway.url("/items/7")).await.unwrap().json().await.unwrap();
    assert_eq!((&event["routeKey"], &event["pathParameters"]["id"]), (&json!("GET /items/{id}"), &json!("7")));
    let root = reqwest::get(gateway.url("/")).await.unwrap();
    assert_eq!((root.status().as_u16(), root.text().await.unwrap().as_str()), (404, r#"{"message":"Not Found"}"#));
}

#[tokio::test]
async fn binary_bodies_arrive_as_base64() {
    let gateway = Gateway::start(HTTP, &[]);
    let request = reqwest::Client::new().post(gateway.url("/x")).body(vec![0xff, 0xfe]);
    let event: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("//4="), &json!(true)));
}

#[tokio::test]
async fn bodies_over_the_limits_are_refused_while_they_are_sent() {
    let gateway = Gateway::start(HTTP, &[]);
    let post = |size: usize| reqwest::Client::new().post(gateway.url("/x")).body("x".repeat(size)).send();
    for size in [10 * 1024 * 1024 + 1, 7 * 1024 * 1024] {
        let response = post(size).await.unwrap();
        assert_eq!(response.status(), 413, "{size}");
        assert_eq!(response.text().await.unwrap(), r#"{"message":"Request Entity Too Large"}"#);
    }
    let event: Value = post(2 * 1024 * 1024).await.unwrap().json().await.unwrap();
    assert_eq!(event["body"].as_str().map(str::len), Some(2 * 1024 * 1024));
    // Like a simple client that sends everything before it reads.
    let mut socket = tokio::net::TcpStream::connect(&gateway.address).await.unwrap();
    let head = "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&vec![b'x'; 20_000_000]).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn what_goes_wrong_in_the_function_is_an_error_of_the_gateway() {
    let gateway = Gateway::start(HTTP, &[]);
    for path in ["/panic", "/exit", "/error", "/hang", "/big", "/wrong"] {
        let response = reqwest::get(gateway.url(path)).await.unwrap();
        assert_eq!(response.status(), 500, "{path}");
        assert_eq!(response.text().await.unwrap(), r#"{"message":"Internal Server Error"}"#);
        let after = reqwest::get(gateway.url("/pid")).await.unwrap();
        assert_eq!(after.status(), 200, "after {path}");
    }
    let log = gateway.log();
    for outcome in ["Runtime.ExitError", "Sandbox.Timedout", "Function.ResponseSizeTooLarge", "malformed"] {
        assert!(log.contains(outcome), "{outcome}: {log}");
    }
    assert!(log.contains("Main#1 | "), "the function's output is passed on: {log}");
}

#[tokio::test]
async fn throttling() {
    let throttled = HTTP.replace(
        "HttpApi}\n  Main",
        "HttpApi, Properties: {StageName: v1, DefaultRouteSettings: {ThrottlingRateLimit: 0.01, \
         ThrottlingBurstLimit: 2}}}\n  Main",
    );
    let gateway = Gateway::start(&throttled, &[]);
    for expected in [201, 201, 429] {
        assert_eq!(reqwest::get(gateway.url("/v1/x")).await.unwrap().status(), expected);
    }
    let response = reqwest::get(gateway.url("/v1/x")).await.unwrap();
    assert_eq!(response.text().await.unwrap(), r#"{"message":"Too Many Requests"}"#);
    assert_eq!(reqwest::get(gateway.url("/x")).await.unwrap().status(), 404, "the stage is part of the path");
}

#[tokio::test]
async fn the_environment_is_the_templates() {
    let options = ["--env", "OVER=all", "--env", "A=1", "--env-for", "Main:A=2"];
    let gateway = Gateway::start(HTTP, &options);
    let env: Value = reqwest::get(gateway.url("/env")).await.unwrap().json().await.unwrap();
    assert_eq!((&env["OVER"], &env["A"]), (&json!("all"), &json!("2")));
    assert_eq!(env["API"], json!(gateway.url("/x")));
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "local-Main");
    assert_eq!(env["CARGO_MANIFEST_DIR"], Value::Null, "the gateway's own environment is not inherited");
}

//! A function that does what its event asks for, good or bad, and records every event in the file `EVENTS_FILE`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::var("BEHAVE").is_ok_and(|value| value == "exit") {
        std::process::exit(3);
    }
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    note(&event)?;
    if event["Records"].is_array() {
        return Ok(stream(&event));
    }
    if event["requestContext"]["eventType"].is_string() {
        return web_socket(&event).await;
    }
    http(event).await
}

/// One line per event, in a single write, so that environments do not mix theirs.
fn note(event: &Value) -> Result<(), Error> {
    let Ok(path) = std::env::var("EVENTS_FILE") else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.write_all(format!("{event}\n").as_bytes())?)
}

async fn http(event: Value) -> Result<Value, Error> {
    let path = event["rawPath"].as_str().or(event["detail"]["behave"].as_str()).unwrap_or_default().to_owned();
    let last = path.rsplit('/').next().unwrap_or_default();
    behave(last).await?;
    Ok(match last {
        "pid" => json!({"pid": std::process::id()}),
        "big" => json!({"statusCode": 200, "body": "x".repeat(6 * 1024 * 1024 + 100)}),
        "wrong" => json!({"statusCode": "none"}),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            json!({"pid": std::process::id()})
        }
        "env" => std::env::vars().map(|(name, value)| (name, json!(value))).collect(),
        _ => json!({"statusCode": 201, "headers": {"content-type": "application/json"}, "cookies": ["a=1", "b=2"],
            "body": event.to_string()}),
    })
}

async fn web_socket(event: &Value) -> Result<Value, Error> {
    let query = &event["queryStringParameters"];
    if let Some(status) = query["status"].as_str() {
        return Ok(json!({"statusCode": status.parse::<u16>()?, "headers": {"x-why": "asked"}, "body": "refused"}));
    }
    if let Some(word) = query["behave"].as_str() {
        behave(word).await?;
    }
    let body: Value = event["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    if let Some(word) = body["behave"].as_str() {
        behave(word).await?;
    }
    if let Some(millis) = body["sleep"].as_u64() {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        note(&json!({"slept": millis}))?;
    }
    let mut response = json!({"statusCode": 200, "body": "answered"});
    if let Some(offered) = event["headers"]["Sec-WebSocket-Protocol"].as_str() {
        let first = offered.split(',').next().unwrap_or_default().trim();
        response["headers"] = json!({"Sec-WebSocket-Protocol": first});
    }
    Ok(response)
}

async fn behave(word: &str) -> Result<(), Error> {
    match word {
        "panic" => panic!("asked to panic"),
        "exit" => std::process::exit(1),
        "speak" => {
            // Fills a pipe at once.
            std::io::stderr().write_all("line\n".repeat(10_000).as_bytes())?;
            std::process::exit(1);
        }
        "hang" => tokio::time::sleep(Duration::from_secs(3600)).await,
        "error" => return Err("asked to fail".into()),
        _ => {}
    }
    Ok(())
}

/// A record with `exit` or `fail` fails as many times as it says.
fn stream(event: &Value) -> Value {
    let mut failures = Vec::new();
    for record in event["Records"].as_array().into_iter().flatten() {
        let image = &record["dynamodb"]["NewImage"];
        let times = |name: &str| image[name]["N"].as_str().and_then(|times| times.parse::<usize>().ok()).unwrap_or(0);
        let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default();
        if seen(number) <= times("exit") {
            std::process::exit(1);
        }
        if seen(number) <= times("fail") {
            failures.push(json!({"itemIdentifier": number}));
        }
    }
    json!({"batchItemFailures": failures})
}

/// How many batches with a record were recorded.
fn seen(number: &str) -> usize {
    let path = std::env::var("EVENTS_FILE").unwrap_or_default();
    let lines = std::fs::read_to_string(path).unwrap_or_default();
    lines.lines().filter(|line| line.contains(number)).count()
}

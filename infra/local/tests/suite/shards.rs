//! Shards that close and are followed by others, as in DynamoDB every few hours, and never in the embedded database.

use crate::gateway::Gateway;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const FED: &str = "
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Fed:
    Type: AWS::Serverless::Function
    Properties: {Events: {Feed: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn, StartingPosition: LATEST}}}}
";

/// A stream whose first shard is closed at the start and has a successor.
#[derive(Default)]
struct Stream {
    /// Whether the successor is there at the first look, too.
    is_old: bool,
    /// Why the first shard cannot be read at first.
    refusal: Option<&'static str>,
    /// The requests, with their counts.
    asked: HashMap<String, usize>,
}

type Shared = Arc<Mutex<Stream>>;

async fn answer(State(stream): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let target = headers["x-amz-target"].to_str().unwrap();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let record = |number: u32| {
        json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": number.to_string(), "Keys": {"pk": {"S": "a"}},
            "ApproximateCreationDateTime": 1.0}})
    };
    let mut stream = stream.lock().unwrap();
    if target.ends_with("GetRecords")
        && let Some(refusal) = stream.refusal.take()
    {
        return (StatusCode::BAD_REQUEST, Json(json!({"__type": refusal}))).into_response();
    }
    let is_old = stream.is_old;
    let mut asked = |what: String| {
        let count = stream.asked.entry(what).or_default();
        *count += 1;
        *count
    };
    let answer = match target.rsplit('.').next().unwrap() {
        "DescribeTable" => json!({"Table": {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
            "LatestStreamArn": "stream",
        }}),
        // One shard per page; the second exists from the second look on.
        "DescribeStream" if text("ExclusiveStartShardId") == "first" => {
            let looks = asked("looks".to_owned());
            let second = json!({"ShardId": "second", "ParentShardId": "first"});
            let shards: Vec<_> = Some(second).into_iter().filter(|_| is_old || looks > 1).collect();
            json!({"StreamDescription": {"Shards": shards}})
        }
        "DescribeStream" => {
            json!({"StreamDescription": {"Shards": [{"ShardId": "first"}], "LastEvaluatedShardId": "first"}})
        }
        "GetShardIterator" => {
            let (shard, kind) = (text("ShardId"), text("ShardIteratorType"));
            asked(format!("{shard} {kind}"));
            json!({"ShardIterator": match kind.as_str() {
                "LATEST" if shard == "second" => "latest",
                "AFTER_SEQUENCE_NUMBER" => "after",
                _ => shard.as_str(),
            }})
        }
        "GetRecords" if text("ShardIterator") == "latest" => {
            json!({"Records": [record(4)], "NextShardIterator": "after"})
        }
        "GetRecords" if text("ShardIterator") == "first" => {
            asked("first".to_owned());
            json!({"Records": [record(1), record(2)]})
        }
        "GetRecords" if text("ShardIterator") == "second" => {
            asked("second".to_owned());
            json!({"Records": [record(3)], "NextShardIterator": "after"})
        }
        _ => json!({"Records": [], "NextShardIterator": "after"}),
    };
    Json(answer).into_response()
}

/// Serves a stream, and returns its address.
async fn serve(stream: &Shared) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(axum::routing::post(answer)).with_state(stream.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn start(folder: TempDir, database: &str) -> Gateway {
    let database = database.to_owned();
    let start = move || Gateway::start_in(folder, FED, &["--database", &database]);
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// The records that the function received.
fn numbers(events: &[Value]) -> Vec<String> {
    let records = events.iter().filter_map(|event| event["Records"].as_array()).flatten();
    records.map(|record| record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_closed_shard_is_read_once_and_then_what_follows_it() {
    let stream = Shared::default();
    let url = serve(&stream).await;
    let gateway = start(tempfile::tempdir().unwrap(), &url).await;
    gateway.wait_for("what follows", |events| numbers(events).contains(&"3".to_owned())).await;
    let folder = tokio::task::spawn_blocking(|| gateway.stop()).await.unwrap();
    let events = std::fs::read_to_string(folder.path().join("events")).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(numbers(&events), ["1", "2", "3"]);
    let asked = stream.lock().unwrap().asked.clone();
    assert_eq!((asked["first"], asked["second"]), (1, 1), "{asked:?}");
    // The first is read from now on, as the event says; its successor from its beginning.
    assert_eq!((asked["first LATEST"], asked["second TRIM_HORIZON"]), (1, 1), "{asked:?}");
}

#[tokio::test]
async fn what_was_there_before_a_first_start_is_not_read() {
    let stream = Shared::default();
    stream.lock().unwrap().is_old = true;
    let url = serve(&stream).await;
    let gateway = start(tempfile::tempdir().unwrap(), &url).await;
    gateway.wait_for("what is new", |events| numbers(events).contains(&"4".to_owned())).await;
    let folder = tokio::task::spawn_blocking(|| gateway.stop()).await.unwrap();
    let gateway = start(folder, &url).await;
    assert!(!numbers(&gateway.events()).contains(&"3".to_owned()));
    tokio::task::spawn_blocking(|| gateway.stop()).await.unwrap();
    let mut asked: Vec<_> = stream.lock().unwrap().asked.keys().filter(|what| what.contains(' ')).cloned().collect();
    asked.sort_unstable();
    assert_eq!(asked, ["first LATEST", "second AFTER_SEQUENCE_NUMBER", "second LATEST"]);
}

#[tokio::test]
async fn what_came_while_the_database_had_trouble_is_not_passed_over() {
    for (refusal, begun) in [
        ("com.amazonaws.dynamodb.v20120810#InternalServerError", 1),
        ("com.amazonaws.dynamodb.v20120810#ExpiredIteratorException", 2),
    ] {
        let stream = Shared::default();
        stream.lock().unwrap().refusal = Some(refusal);
        let url = serve(&stream).await;
        let gateway = start(tempfile::tempdir().unwrap(), &url).await;
        gateway.wait_for("the first", |events| numbers(events).contains(&"1".to_owned())).await;
        tokio::task::spawn_blocking(|| gateway.stop()).await.unwrap();
        assert_eq!(stream.lock().unwrap().asked["first LATEST"], begun, "{refusal}");
    }
}

//! Functions fed from a table's stream.

use crate::gateway::Gateway;
use local_gateway::database::Database;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};

const FED: &str = "
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  Api: {Type: AWS::Serverless::HttpApi}
  Web: {Type: AWS::Serverless::Function, Properties: {Events: {A: {Type: HttpApi, Properties: {ApiId: !Ref Api}}}}}
  Fed:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Feed:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            StartingPosition: TRIM_HORIZON
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{\"dynamodb\": {\"Keys\": {\"pk\": {\"S\": [{\"prefix\": \"E#\"}]}}}}'}]}
            BatchSize: 10
";

async fn database(gateway: &Gateway) -> Database {
    let env: Value = reqwest::get(gateway.url("/env")).await.unwrap().json().await.unwrap();
    crate::aws::database(&env)
}

async fn put(database: &Database, key: &str, more: Value) {
    let mut item = json!({"pk": {"S": key}});
    for (name, value) in more.as_object().unwrap() {
        item[name] = value.clone();
    }
    database.call("DynamoDB_20120810.PutItem", &json!({"TableName": "local-Items", "Item": item})).await.unwrap();
}

fn key(record: &Value) -> String {
    record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned()
}

/// The keys of each delivered batch.
fn batches(events: &[Value]) -> Vec<Vec<String>> {
    events
        .iter()
        .filter_map(|event| event["Records"].as_array())
        .map(|records| records.iter().map(key).collect())
        .collect()
}

#[tokio::test]
async fn records_that_fit_arrive_in_order() {
    let gateway = Gateway::start(FED, &[]);
    let database = database(&gateway).await;
    for number in 0..30 {
        put(&database, &format!("E#{number}"), json!({})).await;
        put(&database, &format!("OTHER#{number}"), json!({})).await;
    }
    let events = gateway.wait_for("records", |events| batches(events).concat().len() == 30).await;
    let expected: Vec<_> = (0..30).map(|number| format!("E#{number}")).collect();
    assert_eq!(batches(&events).concat(), expected);
    assert!(batches(&events).iter().all(|batch| batch.len() <= 10));
    let record = &events.iter().find(|event| event["Records"].is_array()).unwrap()["Records"][0];
    assert_eq!((&record["eventName"], &record["eventSource"]), (&json!("INSERT"), &json!("aws:dynamodb")));
    assert_eq!((&record["eventVersion"], &record["awsRegion"]), (&json!("1.1"), &json!("us-east-1")));
    assert_eq!(record["eventSourceARN"], "arn:aws:dynamodb:us-east-1:123456789012:table/local-Items/stream/local");
    assert_eq!(record["dynamodb"]["NewImage"], json!({"pk": {"S": "E#0"}}));
}

#[tokio::test]
async fn a_record_arrives_soon() {
    let gateway = Gateway::start(FED, &[]);
    let database = database(&gateway).await;
    let mut waits = Vec::new();
    for number in 1..=5 {
        let since = Instant::now();
        put(&database, &format!("E#{number}"), json!({})).await;
        gateway.wait_for("record", |events| batches(events).len() == number).await;
        waits.push(since.elapsed());
        // Long enough for a reader that polls less often the longer nothing arrives.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // The shortest wait, since a busy machine can only add to it.
    assert!(waits.iter().min() < Some(&Duration::from_millis(500)), "{waits:?}");
}

#[tokio::test]
async fn a_batch_is_tried_again_until_it_is_done() {
    let gateway = Gateway::start(FED, &[]);
    let database = database(&gateway).await;
    put(&database, "E#a", json!({"exit": {"N": "2"}})).await;
    put(&database, "E#b", json!({})).await;
    let of_a = |events: &[Value]| batches(events).iter().filter(|batch| batch.contains(&"E#a".to_owned())).count();
    gateway.wait_for("third try", |events| of_a(events) == 3).await;
    put(&database, "E#c", json!({})).await;
    let events = gateway.wait_for("the next", |events| batches(events).contains(&vec!["E#c".to_owned()])).await;
    assert_eq!(of_a(&events), 3, "{:?}", batches(&events));
    assert!(gateway.log().contains("Runtime.ExitError"));
}

#[tokio::test]
async fn a_partial_failure_repeats_from_the_record_that_failed() {
    let gateway = Gateway::start(&FED.replace("BatchSize: 10", "MaximumBatchingWindowInSeconds: 3"), &[]);
    let database = database(&gateway).await;
    for (key, more) in [("E#a", json!({})), ("E#b", json!({"fail": {"N": "1"}})), ("E#c", json!({}))] {
        put(&database, key, more).await;
    }
    let events = gateway.wait_for("second try", |events| batches(events).len() == 2).await;
    assert_eq!(batches(&events), [vec!["E#a", "E#b", "E#c"], vec!["E#b", "E#c"]]);
}

#[tokio::test]
async fn what_never_works_is_given_up_and_halved_before() {
    let more = [
        "MaximumBatchingWindowInSeconds: 1",
        "MaximumRetryAttempts: 1",
        "BisectBatchOnFunctionError: true",
        "DestinationConfig: {OnFailure: {Destination: !GetAtt Lost.Arn}}",
    ];
    let template = FED.replace("BatchSize: 10", &more.join("\n            "));
    let gateway = Gateway::start(&format!("{template}\n  Lost: {{Type: AWS::SQS::Queue}}\n"), &[]);
    let database = database(&gateway).await;
    for (key, more) in
        [("E#a", json!({})), ("E#b", json!({})), ("E#bad", json!({"exit": {"N": "99"}})), ("E#d", json!({}))]
    {
        put(&database, key, more).await;
    }
    put(&database, "E#after", json!({})).await;
    let events = gateway.wait_for("the last", |events| {
        batches(events)
            .iter()
            .any(|batch| batch.contains(&"E#after".to_owned()) && !batch.contains(&"E#bad".to_owned()))
    });
    let events = events.await;
    let alone = batches(&events).iter().filter(|batch| **batch == ["E#bad"]).count();
    assert!(alone >= 1, "{:?}", batches(&events));
    assert!(gateway.log().contains("records are given up"), "{}", gateway.log());
    let told = crate::aws::messages(&gateway, "local-Lost").await;
    let told: Value = serde_json::from_str(told[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted", "{told}");
    let batch = &told["DDBStreamBatchInfo"];
    assert_eq!((&batch["batchSize"], &batch["startSequenceNumber"]), (&json!(1), &batch["endSequenceNumber"]));
    assert_eq!(batch["streamArn"], "arn:aws:dynamodb:us-east-1:123456789012:table/local-Items/stream/local");
}

#[tokio::test]
async fn a_restarted_gateway_goes_on_where_it_was() {
    let gateway = Gateway::start(FED, &[]);
    put(&database(&gateway).await, "E#before", json!({})).await;
    gateway.wait_for("first", |events| batches(events).concat().len() == 1).await;
    let folder = gateway.stop();
    let gateway = Gateway::start_in(folder, FED, &[]);
    put(&database(&gateway).await, "E#after", json!({})).await;
    let events = gateway.wait_for("second", |events| batches(events).concat().contains(&"E#after".to_owned())).await;
    assert_eq!(batches(&events).concat(), ["E#before", "E#after"]);
}

/// Another function on the same stream, for other keys.
const OTHER: &str = "
  Other:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Feed:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            StartingPosition: TRIM_HORIZON
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{\"dynamodb\": {\"Keys\": {\"pk\": {\"S\": [{\"prefix\": \"M#\"}]}}}}'}]}
";

#[tokio::test]
async fn two_functions_of_one_stream_go_their_own_ways() {
    let template = format!("{FED}{OTHER}");
    let gateway = Gateway::start(&template, &[]);
    let of = |events: &[Value], prefix: &str| -> Vec<String> {
        batches(events).concat().into_iter().filter(|key| key.starts_with(prefix)).collect()
    };
    {
        let database = database(&gateway).await;
        put(&database, "M#stuck", json!({"fail": {"N": "1000"}})).await;
        for number in 1..=2 {
            put(&database, &format!("E#{number}"), json!({})).await;
            put(&database, &format!("M#{number}"), json!({})).await;
        }
    }
    let wanted = |events: &[Value]| of(events, "E#").len() == 2 && !of(events, "M#").is_empty();
    gateway.wait_for("what is not stuck", wanted).await;
    let folder = gateway.stop();
    let gateway = Gateway::start_in(folder, &template, &[]);
    let before = gateway.events();
    put(&database(&gateway).await, "E#3", json!({})).await;
    let wanted = |events: &[Value]| of(events, "E#").len() >= 3 && of(events, "M#").len() > of(&before, "M#").len();
    let events = gateway.wait_for("the next, and what is stuck again", wanted).await;
    assert_eq!(of(&events, "E#"), ["E#1", "E#2", "E#3"], "nothing twice");
    let mixed = |batch: &Vec<String>| batch.iter().any(|key| key.starts_with("E#") != batch[0].starts_with("E#"));
    assert!(!batches(&events).iter().any(mixed), "{:?}", batches(&events));
    let stuck = batches(&events).into_iter().filter(|batch| batch[0].starts_with("M#"));
    assert!(stuck.clone().all(|batch| batch[0] == "M#stuck"), "{:?}", stuck.collect::<Vec<_>>());
}

#[tokio::test]
async fn keys_in_parallel_keep_their_order() {
    let gateway = Gateway::start(&FED.replace("BatchSize: 10", "ParallelizationFactor: 4"), &[]);
    let database = database(&gateway).await;
    for number in 0..40 {
        put(&database, &format!("E#{}", number % 8), json!({"n": {"N": number.to_string()}})).await;
    }
    let count = |events: &[Value]| batches(events).concat().len();
    let events = gateway.wait_for("all", |events| count(events) == 40).await;
    for key_number in 0..8 {
        let wanted = format!("E#{key_number}");
        let records = events.iter().filter_map(|event| event["Records"].as_array()).flatten();
        let numbers: Vec<u32> = records
            .filter(|record| key(record) == wanted)
            .map(|record| record["dynamodb"]["NewImage"]["n"]["N"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(numbers.len() == 5 && numbers.is_sorted(), "{wanted}: {numbers:?}");
    }
}

#[tokio::test]
async fn no_record_is_lost_while_environments_are_killed() {
    let gateway = Gateway::start(FED, &[]);
    let database = database(&gateway).await;
    let writes = async {
        for number in 0..200 {
            put(&database, &format!("E#{number}"), json!({})).await;
        }
    };
    let kills = async {
        // Until twenty were sent, and one has hit a running process.
        for sent in 0..2400 {
            tokio::time::sleep(Duration::from_millis(25)).await;
            // The log says which process each environment is.
            let log = gateway.log();
            if sent >= 20 && log.contains("SIGKILL") {
                break;
            }
            let started =
                log.lines().rev().find_map(|line| line.split_once("\"Fed#")?.1.split_once("pid=")).map(|at| at.1);
            if let Some(pid) = started {
                let _ = std::process::Command::new("kill").args(["-KILL", pid.trim()]).stderr(Stdio::null()).status();
            }
        }
    };
    tokio::join!(writes, kills);
    let all = |events: &[Value]| batches(events).concat().into_iter().collect::<std::collections::HashSet<_>>();
    let events = gateway.wait_for("all", |events| all(events).len() == 200).await;
    let mut first_seen: Vec<String> = Vec::new();
    for key in batches(&events).concat() {
        if !first_seen.contains(&key) {
            first_seen.push(key);
        }
    }
    let expected: Vec<_> = (0..200).map(|number| format!("E#{number}")).collect();
    assert_eq!(first_seen, expected, "in order, even with repeats");
}

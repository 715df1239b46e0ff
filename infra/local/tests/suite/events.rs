//! Events of buckets and of `PutEvents`, and the rules they match.

use crate::aws::{S3, all, call, header, messages, signed};
use crate::gateway::Gateway;
use reqwest::Method;
use serde_json::{Value, json};

const RULES: &str = "
  Inbox:
    Type: AWS::S3::Bucket
    Properties: {NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}}
  Kept:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {}}
  Silent: {Type: AWS::S3::Bucket}
  Seen: {Type: AWS::SQS::Queue}
  Heard: {Type: AWS::SQS::Queue}
  Named: {Type: AWS::SQS::Queue}
  Plant: {Type: AWS::Events::EventBus}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Arrived:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.s3]
              detail-type: [Object Created, Object Deleted]
              detail:
                bucket: {name: [!Ref Inbox, !Ref Kept, !Ref Silent]}
                object: {key: [{prefix: inbox/}, {anything-but: {prefix: [tmp/, inbox/]}}]}
  Large:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.s3], detail: {object: {size: [{numeric: ['>', 5]}]}}}
      Targets: [{Id: seen, Arn: !GetAtt Seen.Arn, InputPath: $.detail.object.key}]
  All:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.s3], detail: {bucket: {name: [!Ref Inbox]}}}
      Targets: [{Id: named, Arn: !GetAtt Named.Arn, InputPath: $.detail.object.key}]
  Own:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Plant
      EventPattern: {detail: {level: [high], old: [{exists: false}]}}
      Targets:
        - {Id: main, Arn: !GetAtt Main.Arn, Input: '{\"said\":\"high\"}'}
        - {Id: heard, Arn: !GetAtt Heard.Arn, Input: '{\"said\":\"high\"}'}
";

/// AWS's published example of an event, as a template for others.
fn example(kind: &str, bucket: &str, object: Value, reason: &str) -> Value {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2021-11-12T00:00:00Z",
        "region": "us-east-1",
        "resources": [format!("arn:aws:s3:::{bucket}")],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": object,
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "127.0.0.1",
            "reason": reason,
        }
    })
}

/// Copies fields that differ in every event, if they look as in the example.
fn like(event: &Value, mut example: Value) -> Value {
    let mut take = |path: &str, length: usize| {
        let (value, wanted) = (event.pointer(path), example.pointer_mut(path));
        let text = value.and_then(Value::as_str).unwrap_or_else(|| panic!("no {path} in {event}"));
        assert_eq!(text.len(), length, "{path}: {text}");
        *wanted.unwrap() = json!(text);
    };
    take("/id", 36);
    take("/time", 20);
    take("/detail/request-id", 16);
    take("/detail/object/sequencer", 16);
    example
}

#[tokio::test]
async fn objects_that_come_and_go_are_told_of() {
    let gateway = Gateway::start(RULES, &[]);
    let client = S3::new(&gateway, "developer");
    let key = "inbox/plant/a b+c%20ü.csv";
    for (bucket, key) in [("local-silent", key), ("local-inbox", "tmp/x"), ("local-inbox", key)] {
        client.put(bucket, key, "hello").await;
    }
    let etag = "5d41402abc4b2a76b9719d911017c592";
    let object = |key: &str| json!({"key": key, "size": 5, "etag": etag, "sequencer": "617f08299329d189"});
    let events = gateway.wait_for("the event", |events| !events.is_empty()).await;
    let wanted = example("Object Created", "local-inbox", object(key), "PutObject");
    assert_eq!(events, [like(&events[0], wanted)]);
    let copy = client.ask(Method::PUT, "local-inbox", "inbox/copy", "");
    let source = "local-inbox/inbox/plant/a%20b%2Bc%2520%C3%BC.csv";
    assert_eq!(copy.header("x-amz-copy-source", source).send().await.unwrap().status(), 200);
    let events = gateway.wait_for("the copy", |events| events.len() == 2).await;
    let wanted = example("Object Created", "local-inbox", object("inbox/copy"), "CopyObject");
    assert_eq!(events[1], like(&events[1], wanted));
    let (first, second) = (&events[0]["detail"]["object"]["sequencer"], &events[1]["detail"]["object"]["sequencer"]);
    assert!(first.as_str() < second.as_str(), "{first} {second}");
    client.delete("local-inbox", "inbox/copy").await;
    let events = gateway.wait_for("the end", |events| events.len() == 3).await;
    let mut wanted = object("inbox/copy");
    wanted.as_object_mut().unwrap().remove("size");
    let mut wanted = example("Object Deleted", "local-inbox", wanted, "DeleteObject");
    wanted["detail"]["deletion-type"] = json!("Permanently Deleted");
    assert_eq!(events[2], like(&events[2], wanted));
    // A missing object is not deleted.
    client.delete("local-inbox", "inbox/none").await;
    client.put("local-inbox", "inbox/last", "hello").await;
    // Messages for a queue are there when the answer arrives.
    let told = messages(&gateway, "local-Named").await;
    let keys = ["tmp/x", key, "inbox/copy", "inbox/copy", "inbox/last"].map(|key| json!(key).to_string());
    assert_eq!(told.iter().map(|message| message["Body"].clone()).collect::<Vec<_>>(), keys);
}

#[tokio::test]
async fn versions_and_parts_are_named_in_events() {
    let gateway = Gateway::start(RULES, &[]);
    let client = S3::new(&gateway, "developer");
    let begun = client.ask(Method::POST, "local-kept", "a", "uploads").send().await.unwrap().text().await.unwrap();
    let id = all(&begun, "UploadId").concat();
    let part = client.ask(Method::PUT, "local-kept", "a", &format!("partNumber=1&uploadId={id}"));
    let part = part.body("large enough").send().await.unwrap();
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        header(&part, "etag")
    );
    let done = client.ask(Method::POST, "local-kept", "a", &format!("uploadId={id}")).body(body).send().await.unwrap();
    let deleted = client.delete("local-kept", "a").await;
    let events = gateway.wait_for("both", |events| events.len() == 2).await;
    let detail = |kind: &str| &events.iter().find(|event| event["detail-type"] == kind).unwrap()["detail"];
    let created = detail("Object Created");
    assert_eq!((&created["reason"], &created["object"]["size"]), (&json!("CompleteMultipartUpload"), &json!(12)));
    assert_eq!(created["object"]["version-id"], header(&done, "x-amz-version-id"));
    let gone = detail("Object Deleted");
    assert_eq!(gone["deletion-type"], "Delete Marker Created");
    assert_eq!(gone["object"]["version-id"], header(&deleted, "x-amz-version-id"));
    let seen = messages(&gateway, "local-Seen").await;
    assert_eq!(seen.iter().map(|message| &message["Body"]).collect::<Vec<_>>(), ["\"a\""], "the large one, alone");
}

#[tokio::test]
async fn events_can_be_put() {
    let gateway = Gateway::start(RULES, &[]);
    let entry = |bus: &str, detail: &str| json!({"EventBusName": bus, "Source": "plant", "DetailType": "Alarm", "Detail": detail});
    let high = r#"{"level": "high"}"#;
    let mut entries = vec![
        entry("default", high),
        entry("local-Plant", r#"{"level": "low"}"#),
        entry("local-Plant", r#"{"level": "high", "old": 1}"#),
        entry("local-Plant", "nonsense"),
        entry("arn:aws:events:us-east-1:123456789012:event-bus/local-Plant", high),
        entry("nobody", high),
    ];
    entries.push(json!({"Source": "aws.s3", "DetailType": "Object Created", "Detail": "{}"}));
    let (status, answer) = call(&gateway, "events", "AWSEvents.PutEvents", &json!({"Entries": entries})).await;
    assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(2)), "{answer}");
    let codes = ["MalformedDetail", "NotAuthorizedForSourceException"];
    assert_eq!([3_usize, 6].map(|entry| answer["Entries"][entry]["ErrorCode"].clone()), codes);
    // Messages for a queue are there when the answer arrives.
    let heard = messages(&gateway, "local-Heard").await;
    assert_eq!(heard.iter().map(|message| &message["Body"]).collect::<Vec<_>>(), [r#"{"said":"high"}"#]);
    gateway.wait_for("the function's", |events| events == [json!({"said": "high"})]).await;
    assert!(gateway.log().contains("a bus that is not in the template"));
    let text = reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", "AWSEvents.PutEvents").body("{");
    let answer = signed(text, "events", "developer").send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["__type"], "SerializationException");
}

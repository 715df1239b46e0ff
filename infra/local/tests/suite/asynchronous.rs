//! Events for which nobody waits, and their outcome.

use crate::aws::{call, messages, signed};
use crate::gateway::{Gateway, PATIENCE};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Minutes are short in these tests.
const QUICK: [&str; 2] = ["--minute", "100ms"];

const DESTINATIONS: &str = "
  Done: {Type: AWS::SQS::Queue}
  Failed: {Type: AWS::SQS::Queue}
  Dead: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 0}}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      EventInvokeConfig:
        DestinationConfig:
          OnSuccess: {Type: SQS, Destination: !GetAtt Done.Arn}
          OnFailure: {Type: SQS, Destination: !GetAtt Failed.Arn}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}
  Old:
    Type: AWS::Serverless::Function
    Properties:
      EventInvokeConfig:
        MaximumEventAgeInSeconds: 60
        DestinationConfig: {OnFailure: {Type: Lambda, Destination: !GetAtt Told.Arn}}
  Told: {Type: AWS::Serverless::Function}
";

/// Sends an event, and returns the request's id.
async fn send(gateway: &Gateway, function: &str, event: &Value) -> String {
    let url = gateway.url(&format!("/2015-03-31/functions/{function}/invocations"));
    let request = reqwest::Client::new().post(url).header("x-amz-invocation-type", "Event").body(event.to_string());
    let answer = signed(request, "lambda", "developer").send().await.unwrap();
    assert_eq!(answer.status(), 202);
    answer.headers()["x-amzn-requestid"].to_str().unwrap().to_owned()
}

/// The body of the only message of a queue, without the time, which is checked here.
async fn record(gateway: &Gateway, queue: &str) -> Value {
    let received = messages(gateway, queue).await;
    let [message] = received.as_slice() else { panic!("{received:?}") };
    let mut record: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
    let time = record.as_object_mut().unwrap().remove("timestamp").unwrap();
    let time = time.as_str().unwrap();
    assert!(time.len() == 24 && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    record
}

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:local-Main:$LATEST";

#[tokio::test]
async fn what_was_handled_is_told() {
    let gateway = Gateway::start(DESTINATIONS, &QUICK);
    let id = send(&gateway, "Main", &json!({"rawPath": "/fine"})).await;
    let mut record = record(&gateway, "local-Done").await;
    assert_eq!(record["responsePayload"].take()["statusCode"], 201);
    let expected = json!({
        "version": "1.0",
        "requestContext":
            {"requestId": id, "functionArn": ARN, "condition": "Success", "approximateInvokeCount": 1},
        "requestPayload": {"rawPath": "/fine"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": null,
    });
    assert_eq!(record, expected);
}

#[tokio::test]
async fn what_is_given_up_is_told_and_kept() {
    let gateway = Gateway::start(DESTINATIONS, &QUICK);
    let since = Instant::now();
    let id = send(&gateway, "Main", &json!({"rawPath": "/error"})).await;
    let record = record(&gateway, "local-Failed").await;
    assert!(since.elapsed() >= Duration::from_millis(300), "after one minute and after two");
    let payload = &record["responsePayload"];
    assert_eq!(payload["errorMessage"], "asked to fail");
    let expected = json!({
        "version": "1.0",
        "requestContext":
            {"requestId": id, "functionArn": ARN, "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": {"rawPath": "/error"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": payload,
    });
    assert_eq!(record, expected);
    let gateway = Gateway::start_in(gateway.stop(), DESTINATIONS, &QUICK);
    let dead = messages(&gateway, "local-Dead").await;
    assert_eq!(dead[0]["Body"], r#"{"rawPath":"/error"}"#, "over a restart");
    let attribute = |name: &str| &dead[0]["MessageAttributes"][name]["StringValue"];
    assert_eq!((attribute("RequestID"), attribute("ErrorCode")), (&json!(id), &json!("200")));
    let url = "http://x/123456789012/local-Dead";
    let (_, left) = call(&gateway, "sqs", "AmazonSQS.GetQueueAttributes", &json!({"QueueUrl": url})).await;
    assert_eq!(left["Attributes"]["ApproximateNumberOfMessages"], "0", "{left}");
}

#[tokio::test]
async fn an_event_that_is_too_old_is_given_up_and_a_function_may_be_told() {
    let gateway = Gateway::start(DESTINATIONS, &QUICK);
    send(&gateway, "Old", &json!({"rawPath": "/error"})).await;
    let told = |events: &[Value]| events.iter().any(|event| event["requestContext"]["condition"].is_string());
    let events = gateway.wait_for("the record", told).await;
    let record = events.iter().find(|event| event["requestContext"]["condition"].is_string()).unwrap();
    let context = &record["requestContext"];
    assert_eq!((&context["condition"], &context["approximateInvokeCount"]), (&json!("EventAgeExceeded"), &json!(1)));
}

#[tokio::test]
async fn queues_are_for_everybody() {
    let gateway = Gateway::start(DESTINATIONS, &[]);
    let ask = |operation: &'static str, body: Value| {
        let gateway = &gateway;
        async move { call(gateway, "sqs", &format!("AmazonSQS.{operation}"), &body).await.1 }
    };
    let url = ask("GetQueueUrl", json!({"QueueName": "local-Done"})).await["QueueUrl"].clone();
    assert_eq!(url, gateway.url("/123456789012/local-Done"));
    let sent = ask("SendMessage", json!({"QueueUrl": url, "MessageBody": "hello"})).await;
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let received = ask("ReceiveMessage", json!({"QueueUrl": url, "VisibilityTimeout": 43_200})).await;
    let message = received["Messages"][0].clone();
    assert_eq!((&message["Body"], &message["MessageId"]), (&json!("hello"), &sent["MessageId"]));
    let nothing = ask("ReceiveMessage", json!({"QueueUrl": url})).await;
    assert_eq!(nothing, json!({}), "it is hidden");
    let shown = json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0});
    ask("ChangeMessageVisibility", shown).await;
    let again = ask("ReceiveMessage", json!({"QueueUrl": url, "VisibilityTimeout": 1})).await;
    assert_eq!(again["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "2");
    let later = ask("ReceiveMessage", json!({"QueueUrl": url, "WaitTimeSeconds": 20})).await;
    assert_eq!(later["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "3", "its time is over");
    let receipt = later["Messages"][0]["ReceiptHandle"].clone();
    ask("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": receipt})).await;
    let counted = ask("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]})).await;
    let counted = &counted["Attributes"];
    assert_eq!(
        (&counted["ApproximateNumberOfMessages"], &counted["ApproximateNumberOfMessagesNotVisible"]),
        (&json!("0"), &json!("0"))
    );
    let missing = ask("ReceiveMessage", json!({"QueueUrl": "http://x/1/none"})).await;
    assert_eq!(missing["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
}

#[tokio::test]
async fn numbers_beyond_their_bounds_are_refused() {
    let gateway = Gateway::start(DESTINATIONS, &[]);
    let url = "http://x/123456789012/local-Done";
    for (operation, name, value) in [
        ("ReceiveMessage", "VisibilityTimeout", json!(u64::MAX)),
        ("ReceiveMessage", "VisibilityTimeout", json!(43_201)),
        ("ReceiveMessage", "VisibilityTimeout", json!(-1)),
        ("ReceiveMessage", "WaitTimeSeconds", json!(21)),
        ("ReceiveMessage", "MaxNumberOfMessages", json!(0)),
        ("ChangeMessageVisibility", "VisibilityTimeout", json!(1e30)),
        ("SendMessage", "DelaySeconds", json!(901)),
        ("SendMessage", "DelaySeconds", json!("5")),
    ] {
        let mut body = json!({"QueueUrl": url, "MessageBody": "x", "ReceiptHandle": "x"});
        body[name] = value.clone();
        let (status, answer) = call(&gateway, "sqs", &format!("AmazonSQS.{operation}"), &body).await;
        let kind = "com.amazonaws.sqs#InvalidParameterValue";
        assert_eq!((status, &answer["__type"]), (400, &json!(kind)), "{operation} {name} {value}");
    }
    let text = reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", "AmazonSQS.ListQueues").body("{");
    let answer = signed(text, "sqs", "developer").send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["__type"], "com.amazonaws.sqs#SerializationException");
    let (_, counted) = call(&gateway, "sqs", "AmazonSQS.GetQueueAttributes", &json!({"QueueUrl": url})).await;
    assert_eq!(counted["Attributes"]["ApproximateNumberOfMessages"], "0");
}

#[tokio::test]
async fn what_cannot_work_is_given_up_at_once() {
    let properties = "Properties:\n      EventInvokeConfig:";
    let shut = properties.replace("\n", "\n      ReservedConcurrentExecutions: 0\n");
    // A minute lasts sixty seconds here, so nobody waits for a retry.
    let gateway = Gateway::start(&DESTINATIONS.replacen(properties, &shut, 1), &[]);
    send(&gateway, "Main", &json!({"rawPath": "/fine"})).await;
    let record = record(&gateway, "local-Failed").await;
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(record["responseContext"]["statusCode"], 429);
}

#[tokio::test]
async fn what_is_lost_is_said_at_the_end() {
    let gateway = Gateway::start(DESTINATIONS, &[]);
    send(&gateway, "Main", &json!({"rawPath": "/fine"})).await;
    record(&gateway, "local-Done").await;
    send(&gateway, "Main", &json!({"rawPath": "/error"})).await;
    let since = Instant::now();
    while !gateway.log().contains("will be retried") {
        assert!(since.elapsed() < PATIENCE, "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = std::fs::read_to_string(gateway.stop().path().join("log")).unwrap();
    assert!(log.contains("were still in progress and are lost events=1"), "{log}");
}

//! A gateway that is killed at any moment: what it has confirmed is there afterwards, and nothing is incomplete.

use crate::aws::{S3, all, call, header, signed};
use crate::gateway::Gateway;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const RESOURCES: &str = "
  Inbox: {Type: AWS::S3::Bucket}
  Jobs: {Type: AWS::SQS::Queue}
";
const INBOX: &str = "local-inbox";
const JOBS: &str = "http://x/123456789012/local-Jobs";
/// How many times the gateway is killed.
const ROUNDS: u64 = 4;
/// How often an object repeats its number: long enough to be cut off.
const TIMES: usize = 20_000;

/// What the gateway has confirmed.
#[derive(Default)]
struct Confirmed {
    /// The last number of each object.
    objects: HashMap<String, u64>,
    messages: HashSet<String>,
}

fn content(number: u64) -> String {
    format!("{number:08} ").repeat(TIMES)
}

/// The text of an answer; `None` if the gateway is gone.
async fn text(request: RequestBuilder) -> Option<String> {
    let answer = request.send().await.ok()?;
    assert_eq!(answer.status(), 200);
    answer.text().await.ok()
}

/// Replaces a few objects until the gateway is killed.
async fn put(client: &S3<'_>, first: u64) -> HashMap<String, u64> {
    let mut confirmed = HashMap::new();
    for number in first.. {
        let key = format!("put/{}", number % 5);
        let put = client.ask(Method::PUT, INBOX, &key, "").body(content(number));
        if text(put).await.is_none() {
            break;
        }
        confirmed.insert(key, number);
    }
    confirmed
}

/// The same, with multipart uploads.
async fn upload(client: &S3<'_>, first: u64) -> HashMap<String, u64> {
    let mut confirmed = HashMap::new();
    for number in first.. {
        let key = format!("upload/{}", number % 3);
        if upload_once(client, &key, number).await.is_none() {
            break;
        }
        confirmed.insert(key, number);
    }
    confirmed
}

async fn upload_once(client: &S3<'_>, key: &str, number: u64) -> Option<String> {
    let begun = text(client.ask(Method::POST, INBOX, key, "uploads")).await?;
    let id = all(&begun, "UploadId").concat();
    let part = client.ask(Method::PUT, INBOX, key, &format!("partNumber=1&uploadId={id}"));
    let part = part.body(content(number)).send().await.ok()?;
    let etag = header(&part, "etag");
    let part = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
    let body = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
    text(client.ask(Method::POST, INBOX, key, &format!("uploadId={id}")).body(body)).await
}

async fn send(gateway: &Gateway, first: u64) -> HashSet<String> {
    let mut confirmed = HashSet::new();
    for number in first.. {
        let body = json!({"QueueUrl": JOBS, "MessageBody": number.to_string()}).to_string();
        let request = reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", "AmazonSQS.SendMessage");
        if text(signed(request, "sqs", "developer").body(body)).await.is_none() {
            break;
        }
        confirmed.insert(number.to_string());
    }
    confirmed
}

/// The bodies of all messages.
async fn held(gateway: &Gateway) -> Vec<String> {
    let body = json!({"QueueUrl": JOBS, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600});
    let mut held = Vec::new();
    loop {
        let (_, answer) = call(gateway, "sqs", "AmazonSQS.ReceiveMessage", &body).await;
        let Value::Array(messages) = &answer["Messages"] else { return held };
        held.extend(messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()));
    }
}

/// Each object is complete and not older than what was confirmed; each message is there once.
async fn check(gateway: &Gateway, confirmed: &Confirmed) {
    let client = S3::new(gateway, "developer");
    let keys = all(&client.list(INBOX, "").await, "Key");
    for key in &keys {
        let text = client.text(INBOX, key).await;
        let number: u64 = text[..8].parse().unwrap();
        assert!(text == content(number), "{key} is not complete");
        assert!(confirmed.objects.get(key).is_none_or(|least| number >= *least), "{key} is {number}");
    }
    assert!(confirmed.objects.keys().all(|key| keys.contains(key)), "{:?} {keys:?}", confirmed.objects);
    let files = std::fs::read_dir(gateway.folder().join("data/s3/local-inbox/objects")).unwrap().count();
    assert_eq!(files, keys.len(), "nothing unconfirmed is left");
    let held = held(gateway).await;
    let different: HashSet<_> = held.iter().cloned().collect();
    assert_eq!(held.len(), different.len());
    assert!(confirmed.messages.is_subset(&different));
}

#[tokio::test]
async fn what_was_confirmed_is_there_after_a_kill() {
    let mut confirmed = Confirmed::default();
    let mut gateway = Gateway::start(RESOURCES, &[]);
    for round in 0..ROUNDS {
        let (client, first) = (S3::new(&gateway, "developer"), round * 1_000_000);
        let kill = async {
            tokio::time::sleep(Duration::from_millis(400 + 37 * round)).await;
            gateway.kill();
        };
        let (put, uploaded, sent, ()) =
            tokio::join!(put(&client, first), upload(&client, first), send(&gateway, first), kill);
        confirmed.objects.extend(put.into_iter().chain(uploaded));
        confirmed.messages.extend(sent);
        gateway = Gateway::start_in(gateway.left(), RESOURCES, &[]);
        check(&gateway, &confirmed).await;
    }
    assert!(confirmed.objects.len() > 2 && !confirmed.messages.is_empty(), "the gateway was killed too early");
}

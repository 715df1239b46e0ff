//! Requests that are refused at once: the sender learns why, and nothing is done.

use crate::aws::{S3, all, call, header, refused, signed};
use crate::gateway::Gateway;
use reqwest::Method;
use serde_json::json;

const RESOURCES: &str = "
  Inbox: {Type: AWS::S3::Bucket}
  Jobs: {Type: AWS::SQS::Queue}
  Main: {Type: AWS::Serverless::Function}
  Other: {Type: AWS::Serverless::Function, Properties: {Policies: [SQSSendMessagePolicy: {QueueName: none}]}}
";

const INBOX: &str = "local-inbox";

/// A signature in a URL, for a service.
fn in_address(service: &str) -> String {
    format!("X-Amz-Credential=me%2F20260101%2Fus-east-1%2F{service}%2Faws4_request&X-Amz-Signature=0")
}

#[tokio::test]
async fn what_any_page_could_send_does_nothing() {
    let gateway = Gateway::start(RESOURCES, &[]);
    let client = S3::new(&gateway, "developer");
    client.put(INBOX, "a", "x").await;
    let page = reqwest::Client::new();
    let invoke = gateway.url("/2015-03-31/functions/Main/invocations");
    let message = json!({"QueueUrl": "http://x/123456789012/local-Jobs", "MessageBody": "x"}).to_string();
    let send = page.post(gateway.url(&format!("/?{}", in_address("sqs")))).body(message);
    for request in [
        page.post(&invoke).body("{}"),
        page.post(&invoke).header("authorization", "Bearer x").body("{}"),
        page.post(format!("{invoke}?{}", in_address("lambda"))).body("{}"),
        send.header("x-amz-target", "AmazonSQS.SendMessage"),
    ] {
        let answer = request.send().await.unwrap();
        let kind = header(&answer, "x-amzn-errortype");
        assert_eq!((answer.status().as_u16(), kind), (403, "MissingAuthenticationTokenException"));
    }
    let delete = "<Delete><Object><Key>a</Key></Object></Delete>";
    for query in ["delete", "%64elete="] {
        let url = gateway.url(&format!("/{INBOX}?{query}&{}", in_address("s3")));
        assert_eq!(refused(page.post(url).body(delete)).await, (403, "AccessDenied".to_owned()), "{query}");
    }
    assert_eq!(client.text(INBOX, "a").await, "x");
    assert!(gateway.events().is_empty());
    let url = "http://x/123456789012/local-Jobs";
    let (_, queue) = call(&gateway, "sqs", "AmazonSQS.GetQueueAttributes", &json!({"QueueUrl": url})).await;
    assert_eq!(queue["Attributes"]["ApproximateNumberOfMessages"], "0");
}

#[tokio::test]
async fn forms_are_not_taken() {
    let gateway = Gateway::start(RESOURCES, &[]);
    let client = S3::new(&gateway, "developer");
    let form = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\n--x--\r\n";
    let post = client.ask(Method::POST, INBOX, "", "").header("content-type", "Multipart/Form-Data; boundary=x");
    assert_eq!(refused(post.body(form)).await, (501, "NotImplemented".to_owned()));
    assert!(all(&client.list(INBOX, "").await, "Key").is_empty());
}

#[tokio::test]
async fn whoever_sends_much_in_vain_is_told_why() {
    let gateway = Gateway::start(RESOURCES, &[]);
    let much = "x".repeat(20 * 1024 * 1024);
    let put = S3::new(&gateway, "Other").ask(Method::PUT, INBOX, "a", "").body(much.clone());
    assert_eq!(refused(put).await, (403, "AccessDenied".to_owned()));
    let wrong = reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", "AWSEvents.PutRule");
    let wrong = signed(wrong, "events", "developer").body(much.clone()).send().await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("UnknownOperationException"));
    let form = S3::new(&gateway, "developer").ask(Method::POST, INBOX, "", "");
    let form = form.header("content-type", "multipart/form-data; boundary=x").body(much);
    assert_eq!(refused(form).await, (501, "NotImplemented".to_owned()));
}

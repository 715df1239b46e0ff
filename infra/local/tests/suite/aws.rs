//! Clients of AWS's services on the gateway's port.

use crate::gateway::Gateway;
use local_gateway::database::Database;
use local_gateway::signing::Keys;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// A request with a signature for a service.
pub(crate) fn signed(request: reqwest::RequestBuilder, service: &str, access_key: &str) -> reqwest::RequestBuilder {
    let credential = format!("AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/{service}/aws4_request");
    request.header("authorization", format!("{credential}, SignedHeaders=host;x-amz-date, Signature=0"))
}

/// Calls an operation of a service that speaks JSON, and returns the status and the answer.
pub(crate) async fn call(gateway: &Gateway, service: &str, target: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", target);
    let answer = signed(request, service, "developer").body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Takes all messages of a queue, and returns their bodies.
pub(crate) async fn messages(gateway: &Gateway, queue: &str) -> Vec<Value> {
    let url = format!("http://x/123456789012/{queue}");
    let body = serde_json::json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20});
    let (status, answer) = call(gateway, "sqs", "AmazonSQS.ReceiveMessage", &body).await;
    assert_eq!(status, 200, "{answer}");
    let mut received = Vec::new();
    for message in answer["Messages"].as_array().into_iter().flatten() {
        let body = serde_json::json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]});
        assert_eq!(call(gateway, "sqs", "AmazonSQS.DeleteMessage", &body).await.0, 200);
        received.push(message.clone());
    }
    received
}

/// A client for S3 with an access key: a function's logical id, or anything for a developer.
pub(crate) struct S3<'a> {
    gateway: &'a Gateway,
    client: reqwest::Client,
    access_key: &'a str,
}

impl<'a> S3<'a> {
    pub(crate) fn new(gateway: &'a Gateway, access_key: &'a str) -> Self {
        Self { gateway, client: reqwest::Client::new(), access_key }
    }

    /// A request about an object, or about the bucket if the key is empty. The query is sent unchanged.
    pub(crate) fn ask(&self, method: Method, bucket: &str, key: &str, query: &str) -> RequestBuilder {
        // Dots too: HTTP clients take those between slashes for path steps.
        let key = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string().replace("%2F", "/");
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let path = if bucket.is_empty() { "/".to_owned() } else { format!("/{bucket}/{key}") };
        let request = self.client.request(method, self.gateway.url(&format!("{path}{query}")));
        signed(request, "s3", self.access_key)
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> RequestBuilder {
        self.ask(Method::GET, bucket, key, "")
    }

    /// Puts an object, and returns the answer.
    pub(crate) async fn put(&self, bucket: &str, key: &str, content: &str) -> Response {
        let response = self.ask(Method::PUT, bucket, key, "").body(content.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{key}");
        response
    }

    /// The object's content.
    pub(crate) async fn text(&self, bucket: &str, key: &str) -> String {
        let response = self.get(bucket, key).send().await.unwrap();
        assert_eq!(response.status(), 200, "{key}");
        response.text().await.unwrap()
    }

    pub(crate) async fn delete(&self, bucket: &str, key: &str) -> Response {
        let response = self.ask(Method::DELETE, bucket, key, "").send().await.unwrap();
        assert_eq!(response.status(), 204, "{key}");
        response
    }

    /// A listing of a bucket, in XML.
    pub(crate) async fn list(&self, bucket: &str, query: &str) -> String {
        let response = self.ask(Method::GET, bucket, "", &format!("list-type=2&{query}")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{query}");
        response.text().await.unwrap()
    }
}

/// The status and the error code of a refused request.
pub(crate) async fn refused(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, all(&response.text().await.unwrap(), "Code").concat())
}

/// The contents of all elements with a name.
pub(crate) fn all(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1).filter_map(|part| part.split_once(&close));
    let plain =
        |text: &str| text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    parts.map(|(content, _)| plain(content)).collect()
}

/// A header's text; empty if it is absent.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// The database, as a function with this environment reaches it.
pub(crate) fn database(env: &Value) -> Database {
    let text = |name: &str| env[name].as_str().unwrap().to_owned();
    let keys = Keys { access_key: text("AWS_ACCESS_KEY_ID"), secret: text("AWS_SECRET_ACCESS_KEY") };
    Database::at(text("AWS_ENDPOINT_URL_DYNAMODB"), keys).unwrap()
}

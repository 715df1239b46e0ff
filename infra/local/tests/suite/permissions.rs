//! Roles: a function may do at the database, to connections and to queues what its role allows, and no more.

use crate::gateway::Gateway;
use serde_json::{Value, json};

const LIMITED: &str = "
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
  Api: {Type: AWS::Serverless::HttpApi}
  Live:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      StageName: ws
      RouteSelectionExpression: $request.body.action
      Routes: {$default: {FunctionArn: !GetAtt Web.Arn}}
  Web:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt WebRole.Arn
      Events: {A: {Type: HttpApi, Properties: {ApiId: !Ref Api}}}
  WebRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: dynamodb:PutItem
                Resource: !GetAtt Items.Arn
                Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ['OWN#*']}}
              - Effect: Allow
                Action: execute-api:ManageConnections
                Resource: !Sub 'arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Live}/ws/DELETE/@connections/*'
";

/// A request with a signature of this access key.
fn signed(request: reqwest::RequestBuilder, access_key: &str) -> reqwest::RequestBuilder {
    let credential = format!("AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request");
    request.header("authorization", format!("{credential}, SignedHeaders=host;x-amz-date, Signature=0"))
}

/// The status of a put, and what it says.
async fn put(endpoint: &str, access_key: &str, key: &str) -> (u16, String) {
    let request = signed(reqwest::Client::new().post(endpoint), access_key)
        .header("x-amz-target", "DynamoDB_20120810.PutItem")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20260101T000000Z")
        .body(json!({"TableName": "local-Items", "Item": {"pk": {"S": key}}}).to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn environment(gateway: &Gateway) -> (String, String) {
    let env: Value = reqwest::get(gateway.url("/env")).await.unwrap().json().await.unwrap();
    let text = |name: &str| env[name].as_str().unwrap().to_owned();
    (text("AWS_ENDPOINT_URL_DYNAMODB"), text("AWS_ACCESS_KEY_ID"))
}

#[tokio::test]
async fn the_database_is_open_as_far_as_the_role_reaches() {
    let gateway = Gateway::start(LIMITED, &[]);
    let (endpoint, access_key) = environment(&gateway).await;
    assert_eq!(put(&endpoint, &access_key, "OWN#1").await.0, 200);
    let (status, said) = put(&endpoint, &access_key, "OTHER#1").await;
    assert!(status == 400 && said.contains("AccessDeniedException"), "{status} {said}");
    assert!(gateway.log().contains("a function's role does not allow this"));
    // Developers are not functions.
    assert_eq!(put(&endpoint, "developer", "OTHER#1").await.0, 200);
}

#[tokio::test]
async fn connections_are_managed_as_far_as_the_role_reaches() {
    let gateway = Gateway::start(LIMITED, &[]);
    let (_, access_key) = environment(&gateway).await;
    let url = gateway.url("/ws/@connections/L0SM9cOFvHcCIhw=");
    let status = async |request: reqwest::RequestBuilder, key: &str| {
        signed(request, key).send().await.unwrap().status().as_u16()
    };
    let client = reqwest::Client::new();
    assert_eq!(status(client.post(&url).body("x"), &access_key).await, 403);
    assert_eq!(status(client.delete(&url), &access_key).await, 410);
    assert_eq!(status(client.post(&url).body("x"), "developer").await, 410);
}

#[tokio::test]
async fn roles_can_be_left_out_of_account() {
    let gateway = Gateway::start(LIMITED, &["--all-permissions"]);
    let (endpoint, access_key) = environment(&gateway).await;
    assert_eq!(put(&endpoint, &access_key, "OTHER#1").await.0, 200);
}

const QUEUES: &str = "
  Jobs: {Type: AWS::SQS::Queue}
  Other: {Type: AWS::SQS::Queue}
  Finder:
    Type: AWS::Serverless::Function
    Properties: {Policies: [{Statement: {Effect: Allow, Action: sqs:GetQueueUrl, Resource: !GetAtt Jobs.Arn}}]}
  Lister:
    Type: AWS::Serverless::Function
    Properties: {Policies: [{Statement: {Effect: Allow, Action: sqs:ListQueues, Resource: '*'}}]}
";

#[tokio::test]
async fn queues_are_found_as_far_as_the_role_reaches() {
    let gateway = Gateway::start(QUEUES, &[]);
    let status = async |operation: &str, queue: &str, access_key: &str| {
        let request =
            reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", format!("AmazonSQS.{operation}"));
        let request = crate::aws::signed(request, "sqs", access_key).body(json!({"QueueName": queue}).to_string());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("GetQueueUrl", "local-Jobs", "Finder").await, 200);
    assert_eq!(status("GetQueueUrl", "local-Other", "Finder").await, 403);
    assert_eq!(status("ListQueues", "", "Finder").await, 403);
    assert_eq!(status("ListQueues", "", "Lister").await, 200);
    assert_eq!(status("GetQueueUrl", "local-Other", "developer").await, 200);
}

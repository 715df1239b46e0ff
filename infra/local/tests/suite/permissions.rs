//! Roles: a function may do with the database, connections and queues what its role allows, and no more.

use crate::aws::database;
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

/// A request signed with this access key.
fn signed(request: reqwest::RequestBuilder, access_key: &str) -> reqwest::RequestBuilder {
    let credential = format!("AWS4-HMAC-SHA256 Credential={access_key}/20260101/us-east-1/dynamodb/aws4_request");
    request.header("authorization", format!("{credential}, SignedHeaders=host;x-amz-date, Signature=0"))
}

/// The result of a put with these variables: success, or why it was refused.
async fn put(env: &Value, key: &str) -> Result<(), String> {
    let item = json!({"TableName": "local-Items", "Item": {"pk": {"S": key}}});
    let put = database(env).call("DynamoDB_20120810.PutItem", &item).await;
    put.map(drop).map_err(|error| error.to_string())
}

async fn environment(gateway: &Gateway) -> Value {
    reqwest::get(gateway.url("/env")).await.unwrap().json().await.unwrap()
}

/// The same with one variable changed.
fn with(env: &Value, name: &str, value: &str) -> Value {
    let mut env = env.clone();
    env[name] = json!(value);
    env
}

#[tokio::test]
async fn the_database_is_open_as_far_as_the_role_reaches() {
    let gateway = Gateway::start(LIMITED, &[]);
    let env = environment(&gateway).await;
    assert_eq!(put(&env, "OWN#1").await, Ok(()));
    let refused = put(&env, "OTHER#1").await.unwrap_err();
    assert!(refused.contains("AccessDeniedException"), "{refused}");
    assert!(gateway.log().contains("a function's role does not allow this"));
    // Developers are not functions.
    assert_eq!(put(&with(&env, "AWS_ACCESS_KEY_ID", "developer"), "OTHER#1").await, Ok(()));
}

#[tokio::test]
async fn who_finds_the_databases_port_gets_nothing_without_the_secret_of_this_start() {
    for options in [&[][..], &["--all-permissions"]] {
        let gateway = Gateway::start(LIMITED, options);
        let env = environment(&gateway).await;
        assert_eq!(put(&env, "OWN#1").await, Ok(()));
        for (name, value) in [("AWS_SECRET_ACCESS_KEY", "local"), ("AWS_SECRET_ACCESS_KEY", "")] {
            for access_key in ["Web", "developer"] {
                let refused = put(&with(&with(&env, name, value), "AWS_ACCESS_KEY_ID", access_key), "OWN#2").await;
                assert!(
                    refused.is_err_and(|why| why.contains("InvalidSignatureException")),
                    "{options:?} {access_key}"
                );
            }
        }
        // A process that scans all ports reads nothing, whatever it requests.
        let unsigned = async |request: reqwest::RequestBuilder| {
            let request = request.header("x-amz-target", "DynamoDB_20120810.Scan");
            let answer = request.body(r#"{"TableName": "local-Items"}"#).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        for port in listening(gateway.id()) {
            let url = format!("http://127.0.0.1:{port}/");
            let client = reqwest::Client::new();
            for request in [client.post(&url), signed(client.post(&url), "Web"), client.get(&url)] {
                let (status, text) = unsigned(request).await;
                // The gateway's own port has the HTTP API, whose function answers everything.
                let is_own = gateway.address.ends_with(&format!(":{port}"));
                assert!((is_own || status >= 400) && !text.contains("OWN#1"), "{port}: {status} {text}");
            }
        }
        let folder = gateway.stop();
        let again = Gateway::start_in(folder, LIMITED, options);
        let new = environment(&again).await;
        assert_ne!(new["AWS_SECRET_ACCESS_KEY"], env["AWS_SECRET_ACCESS_KEY"], "each start has its own");
    }
}

/// The ports that a process and its functions listen on.
fn listening(process: u32) -> Vec<u16> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let open: Vec<_> = open.filter_map(|entry| entry.ok()?.path().read_link().ok()).collect();
    let own = |inode: &str| open.iter().any(|path| path.to_string_lossy() == format!("socket:[{inode}]"));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let listens = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ports: Vec<_> = listens
        .filter(|fields| fields[3] == "0A" && own(fields[9]))
        .map(|fields| u16::from_str_radix(fields[1].rsplit(':').next().unwrap(), 16).unwrap())
        .collect();
    assert!(ports.len() >= 2, "the gateway's own port and the database's: {ports:?}");
    ports
}

#[tokio::test]
async fn connections_are_managed_as_far_as_the_role_reaches() {
    let gateway = Gateway::start(LIMITED, &[]);
    let env = environment(&gateway).await;
    let access_key = env["AWS_ACCESS_KEY_ID"].as_str().unwrap();
    let url = gateway.url("/ws/@connections/L0SM9cOFvHcCIhw=");
    let status = async |request: reqwest::RequestBuilder, key: &str| {
        signed(request, key).send().await.unwrap().status().as_u16()
    };
    let client = reqwest::Client::new();
    assert_eq!(status(client.post(&url).body("x"), access_key).await, 403);
    assert_eq!(status(client.delete(&url), access_key).await, 410);
    assert_eq!(status(client.post(&url).body("x"), "developer").await, 410);
}

#[tokio::test]
async fn roles_can_be_left_out_of_account() {
    let gateway = Gateway::start(LIMITED, &["--all-permissions"]);
    assert_eq!(put(&environment(&gateway).await, "OTHER#1").await, Ok(()));
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

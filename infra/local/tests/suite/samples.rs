//! Templates in the shape of public samples, with the test function as their functions.

use crate::aws::messages;
use crate::gateway::Gateway;
use serde_json::{Value, json};

/// Like aws-samples/serverless-rust-demo: an implicit API, a function for each verb, each with permissions of its own,
/// and binaries named by logical id.
const PRODUCTS: &str = "
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    MemorySize: 128
    Handler: bootstrap
    Runtime: provided.al2
    Timeout: 5
    Tracing: Active
    Environment: {Variables: {RUST_LOG: info, TABLE_NAME: !Ref Table}}
Resources:
  ListFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/list/
      Events: {Api: {Type: HttpApi, Properties: {Path: /, Method: GET}}}
      Policies:
        - Version: '2012-10-17'
          Statement: [{Effect: Allow, Action: dynamodb:Scan, Resource: !GetAtt Table.Arn}]
    Metadata: {BuildMethod: makefile}
  PutFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/put/
      Events: {Api: {Type: HttpApi, Properties: {Path: '/{id}', Method: PUT}}}
      Policies:
        - Version: '2012-10-17'
          Statement: [{Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Table.Arn}]
    Metadata: {BuildMethod: makefile}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
Outputs:
  ApiUrl: {Value: !Sub 'https://${ServerlessHttpApi}.execute-api.${AWS::Region}.amazonaws.com/'}
";

/// Like dynamodb-streams-lambda-eventbridge-sam-rust of aws-samples/serverless-patterns: a stream whose function puts
/// events on a bus.
const STREAM: &str = "
Transform: AWS::Serverless-2016-10-31
Description: (tag)
Resources:
  MyTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  MyBus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub '${AWS::StackName}-bus'}}
  MyFunction:
    Type: AWS::Serverless::Function
    Properties:
      Description: !Sub ['Stack ${AWS::StackName} Function ${ResourceName}', {ResourceName: MyFunction}]
      MemorySize: 512
      Architectures: [arm64]
      Handler: bootstrap
      Runtime: provided.al2023
      Timeout: 6
      CodeUri: .
      Policies: [EventBridgePutEventsPolicy: {EventBusName: !Ref MyBus}]
      Events:
        DynamoStream:
          Type: DynamoDB
          Properties:
            BatchSize: 100
            ParallelizationFactor: 10
            StartingPosition: LATEST
            MaximumRetryAttempts: 2
            BisectBatchOnFunctionError: true
            MaximumRecordAgeInSeconds: 120
            FilterCriteria: {Filters: [{Pattern: '{\"eventName\": [\"INSERT\"]}'}]}
            Stream: !GetAtt MyTable.StreamArn
      Environment: {Variables: {BUS_NAME: !Ref MyBus, RUST_BACKTRACE: 1, RUST_LOG: info}}
    Metadata: {BuildMethod: rust-cargolambda}
  MyFunctionLogGroup:
    Type: AWS::Logs::LogGroup
    Properties: {RetentionInDays: 1, LogGroupName: !Sub '/aws/lambda/${MyFunction}'}
Outputs:
  MyTableStream: {Value: !GetAtt MyTable.StreamArn, Export: {Name: !Sub '${AWS::StackName}-MyTableStream'}}
";

/// Like the EventBridge handler of serverlessdevelopers/serverless-rust: a publisher, a bus, and a subscriber whose
/// failures go to a queue that SAM creates.
const SUBSCRIBER: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  RustDemoEventBus: {Type: AWS::Events::EventBus, Properties: {Name: RustDemo}}
  EventHandlerFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: event-bridge-handler}}
    Properties:
      FunctionName: serverless-rust-EventHandler
      CodeUri: .
      Handler: bootstrap
      Runtime: provided.al2023
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: {OnFailure: {Type: SQS}}
      Architectures: [arm64]
      Events:
        Trigger:
          Type: CloudWatchEvent
          Properties: {EventBusName: !GetAtt RustDemoEventBus.Name, Pattern: {source: [RustDemo]}}
";

#[tokio::test]
async fn a_function_for_each_verb() {
    let gateway = Gateway::start_with(PRODUCTS, &["ListFunction", "PutFunction"], &[]);
    let client = reqwest::Client::new();
    let put: Value = client.put(gateway.url("/7")).body("{}").send().await.unwrap().json().await.unwrap();
    assert_eq!((&put["routeKey"], &put["pathParameters"]["id"]), (&json!("PUT /{id}"), &json!("7")));
    assert_eq!(client.get(gateway.url("/")).send().await.unwrap().status(), 201);
    assert_eq!(client.get(gateway.url("/7")).send().await.unwrap().status(), 404);
    let log = gateway.log();
    assert!(!log.contains("WARN"), "everything is supported: {log}");
}

#[tokio::test]
async fn a_stream_and_a_bus() {
    let gateway = Gateway::start_with(STREAM, &["MyFunction"], &[]);
    let invoke = crate::aws::signed(
        reqwest::Client::new().post(gateway.url("/2015-03-31/functions/MyFunction/invocations")),
        "lambda",
        "developer",
    );
    let env: Value = invoke.body(r#"{"rawPath": "/env"}"#).send().await.unwrap().json().await.unwrap();
    assert_eq!((&env["BUS_NAME"], &env["RUST_BACKTRACE"]), (&json!("local-bus"), &json!("1")));
    assert_eq!(env["AWS_ENDPOINT_URL_EVENTBRIDGE"], json!(gateway.url("")));
    // The function may not write to its table.
    let mut developer = env.clone();
    developer["AWS_ACCESS_KEY_ID"] = json!("developer");
    let database = crate::aws::database(&developer);
    let item = json!({"TableName": "local-MyTable", "Item": {"id": {"S": "1"}}});
    database.call("DynamoDB_20120810.PutItem", &item).await.unwrap();
    gateway.wait_for("the record", |events| events.iter().any(|event| event["Records"].is_array())).await;
    let entry = json!({"EventBusName": "local-bus", "Source": "a", "DetailType": "b", "Detail": "{}"});
    let put = async |by: &str| {
        let request = reqwest::Client::new().post(gateway.url("/")).header("x-amz-target", "AWSEvents.PutEvents");
        let request = crate::aws::signed(request, "events", by).body(json!({"Entries": [entry]}).to_string());
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    assert_eq!(put("MyFunction").await["FailedEntryCount"], 0);
}

#[tokio::test]
async fn a_subscriber_and_its_failures() {
    let gateway = Gateway::start_with(SUBSCRIBER, &["event-bridge-handler"], &["--minute", "100ms"]);
    let put = async |detail: &str| {
        let entry = json!({"EventBusName": "RustDemo", "Source": "RustDemo", "DetailType": "b", "Detail": detail});
        crate::aws::call(&gateway, "events", "AWSEvents.PutEvents", &json!({"Entries": [entry]})).await
    };
    assert_eq!(put(r#"{"name": "James"}"#).await.1["FailedEntryCount"], 0);
    let events = gateway.wait_for("the event", |events| events.len() == 1).await;
    assert_eq!(events[0]["detail"], json!({"name": "James"}));
    assert_eq!(put(r#"{"behave": "error"}"#).await.1["FailedEntryCount"], 0);
    let failed = messages(&gateway, "local-EventHandlerFunctionEventInvokeConfigOnFailureQueue").await;
    let record: Value = serde_json::from_str(failed[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 2, "retried once");
    assert_eq!(record["requestPayload"]["detail"]["behave"], "error");
}

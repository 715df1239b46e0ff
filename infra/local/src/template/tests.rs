use super::*;
use std::time::Duration;

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Parameters: {Level: {Type: String, Default: info}}
Conditions: {Never: !Equals [a, b]}
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, Timeout: 7, Environment: {Variables: {LEVEL: !Ref Level}}}
Resources:
  Token: {Type: AWS::SecretsManager::Secret}
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Api:
    Type: AWS::Serverless::HttpApi
    Properties: {DefaultRouteSettings: {ThrottlingRateLimit: 50, ThrottlingBurstLimit: 10}}
  Live:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      StageName: ws
      RouteSelectionExpression: $request.body.action
      Routes:
        $connect: {FunctionArn: !GetAtt Main.Arn}
        $default: {FunctionArn: !GetAtt Main.Arn, IntegrationTimeout: 5000}
  Off: {Type: AWS::Serverless::Function, Condition: Never, Properties: {Events: {E: {Type: SQS}}}}
  Main:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: main}}
    Properties:
      Environment:
        Variables:
          TABLE: !Ref Items
          TOKEN: !Sub '{{resolve:secretsmanager:${Token}:SecretString:token}}'
          PUSH: !Sub 'https://${Live}.execute-api.${AWS::Region}.${AWS::URLSuffix}/ws'
      Events:
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Api}}
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/items/{id}', Method: get}}
        Feed:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            BatchSize: 10
            StartingPosition: TRIM_HORIZON
            MaximumRetryAttempts: -1
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{\"eventName\": [\"INSERT\"]}'}]}
";

/// The event on line 40.
const ANY: &str = "{Type: HttpApi, Properties: {ApiId: !Ref Api}}";

fn parse(source: &str) -> Result<Template, TemplateError> {
    let secrets = vec![("Token".to_owned(), "token".to_owned(), "secret!".to_owned())];
    Template::parse(source, &Given { parameters: Vec::new(), secrets })
}

#[test]
fn everything_that_means_something() {
    let template = parse(TEMPLATE).unwrap();
    let [main] = template.functions.as_slice() else { panic!("{:?}", template.functions) };
    assert_eq!((main.name.as_str(), main.binary.as_str()), ("local-Main", "main"));
    assert_eq!(main.timeout, Duration::from_secs(7));
    let expected = [
        ("LEVEL", "info"),
        ("TABLE", "local-Items"),
        ("TOKEN", "secret!"),
        ("PUSH", "https://live.execute-api.us-east-1.amazonaws.com/ws"),
    ];
    assert_eq!(main.environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let [feed] = main.streams.as_slice() else { panic!("{:?}", main.streams) };
    assert!(feed.from_oldest && feed.reports_failures && feed.retries.is_none());
    assert_eq!((feed.batch_size, feed.filters.len()), (10, 1));
    let keys: Vec<_> = template.http_apis[0].routes.iter().map(HttpRoute::key).collect();
    assert_eq!(keys, ["$default", "GET /items/{id}"]);
    assert_eq!(template.http_apis[0].throttle, Some(Throttle { rate: 50.0, burst: 10 }));
    let live = &template.web_socket_apis[0];
    assert_eq!((live.stage.as_str(), live.routes[1].function.as_str()), ("ws", "Main"));
    assert_eq!(live.routes[1].timeout, Some(Duration::from_secs(5)));
    let table = &template.tables[0];
    assert_eq!((table.ttl.as_deref(), table.stream_view.as_deref()), (Some("ttl"), Some("NEW_IMAGE")));
    assert_eq!(table.create["StreamSpecification"]["StreamEnabled"], true);
    assert!(template.warnings.is_empty(), "{:?}", template.warnings);
}

#[test]
fn a_secret_that_was_not_given_is_empty_and_told() {
    let template = Template::parse(TEMPLATE, &Given::default()).unwrap();
    assert!(template.functions[0].environment.contains(&("TOKEN".to_owned(), String::new())));
    assert_eq!(
        template.warnings,
        ["the secret Token has no value for \"token\" and is empty; give --secret Token:token=..."]
    );
}

#[test]
fn what_cannot_be_honoured_is_refused_with_its_line() {
    let cases = [
        (
            ANY,
            "{Type: SQS}",
            "40: event type SQS is not supported here; HttpApi, DynamoDB, Schedule and ScheduleV2 are",
        ),
        (
            ANY,
            "{Type: HttpApi, Properties: {ApiId: x}}",
            "40: there is no AWS::Serverless::HttpApi with the id x in the template",
        ),
        (
            "Type: AWS::SecretsManager::Secret",
            "Type: AWS::Events::Rule",
            "8: the resource type AWS::Events::Rule is not supported here",
        ),
        (
            "Runtime: provided.al2023",
            "Runtime: python3.13",
            "the runtime python3.13 is not supported here; provided.al2023",
        ),
        ("BatchSize: 10", "BatchSize: 0", "46: BatchSize must be from 1 to 10000"),
        ("[\\\"INSERT\\\"]", "[{\\\"cidr\\\": 1}]", "50: the pattern: the operator cidr is not supported here"),
        ("StreamSpecification: {StreamViewType: NEW_IMAGE}", "Tags: []", "42: the table has no StreamSpecification"),
        (
            "RouteSelectionExpression: $request.body.action",
            "RouteSelectionExpression: $request.header.x",
            "25: the expression $request.header.x is not supported here",
        ),
        (
            "$default: {FunctionArn: !GetAtt Main.Arn",
            "$default: {FunctionArn: x",
            "28: x is no function of the template",
        ),
        (
            "        Feed:\n",
            "        Twice: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn}}\n        Feed:\n",
            "43: the function is fed from this stream already",
        ),
        (ANY, "{Type: Schedule, Properties: {Schedule: rate(5 minute)}}", "40: AWS refuses rate(5 minute); it must be"),
        (
            ANY,
            "{Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 6 * * ? *)}}",
            "40: the schedule cron(0 6 * * ? *) is not run here; only rate(...) is",
        ),
        (ANY, "{Type: Schedule}", "40: the event Any has no Schedule"),
        (ANY, "{Type: Schedule, Properties: {Schedule: rate(1 day), Input: x}}", "40: the Input is not JSON"),
        (
            ANY,
            "{Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: true, State: ENABLED}}",
            "40: State and Enabled say the same",
        ),
        (
            ANY,
            "{Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), StartDate: x}}",
            "40: StartDate of a ScheduleV2 event is not supported here",
        ),
        (
            "Environment: {Variables",
            "EventInvokeConfig: {MaximumRetryAttempts: 3}, Environment: {Variables",
            "6: MaximumRetryAttempts must be from 0 to 2",
        ),
        ("StageName: ws", "StageName: $default", "cannot have the stage $default"),
        ("'/items/{id}', Method: get", "$default", "41: the route $default is already on line 40"),
        ("{ThrottlingRateLimit: 50", "{ThrottlingRateLimit: many", "20: ThrottlingRateLimit must be a number"),
    ];
    for (from, to, message) in cases {
        let from = from.replace("\\\"", "\"");
        let source = TEMPLATE.replacen(&from, &to.replace("\\\"", "\""), 1);
        assert_ne!(source, TEMPLATE, "{from} is in the template");
        let error = parse(&source).unwrap_err().to_string();
        assert!(error.contains(message), "{to}: {error}");
    }
}

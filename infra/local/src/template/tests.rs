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

/// Replaces a text in the template, and expects a refusal with this message.
fn refuses(from: &str, to: &str, message: &str) {
    let source = TEMPLATE.replacen(from, to, 1);
    assert_ne!(source, TEMPLATE, "{from} is in the template");
    let error = parse(&source).unwrap_err().to_string();
    assert!(error.contains(message), "{to}: {error}");
}

#[test]
fn events_that_cannot_be_honoured_are_refused_with_their_line() {
    let of_sqs =
        "event type SQS is not supported here; HttpApi, DynamoDB, EventBridgeRule, CloudWatchEvent, Schedule and";
    for (event, message) in [
        ("Type: SQS", of_sqs),
        ("Type: HttpApi, Properties: {ApiId: x}", "there is no AWS::Serverless::HttpApi with the id x in the template"),
        ("Type: Schedule, Properties: {Schedule: rate(5 minute)}", "AWS refuses rate(5 minute); it must be"),
        (
            "Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 6 * * *)}",
            "AWS refuses cron(0 6 * * *): it has 5 fields in place of six",
        ),
        (
            "Type: Schedule, Properties: {Schedule: rate(1 day), DeadLetterConfig: {Type: SQS}}",
            "the DeadLetterConfig has no Arn, which is required here",
        ),
        ("Type: EventBridgeRule", "the event Any has no Pattern"),
        (
            "Type: EventBridgeRule, Properties: {Pattern: {source: aws.s3}}",
            "the pattern: source must be a list of values",
        ),
        (
            "Type: EventBridgeRule, Properties: {Pattern: {source: [a]}, InputPath: 'detail'}",
            "the InputPath detail is not supported here",
        ),
        ("Type: Schedule", "the event Any has no Schedule"),
        ("Type: Schedule, Properties: {Schedule: rate(1 day), Input: x}", "the Input is not JSON"),
        (
            "Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: true, State: ENABLED}",
            "State and Enabled say the same",
        ),
        (
            "Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), StartDate: x}",
            "StartDate of a ScheduleV2 event is not supported here",
        ),
    ] {
        refuses(ANY, &format!("{{{event}}}"), &format!("40: {message}"));
    }
}

#[test]
fn resources_that_cannot_be_honoured_are_refused_with_their_line() {
    for (resource, properties, message) in [
        (
            "AWS::StepFunctions::StateMachine",
            "A: 1",
            "the resource type AWS::StepFunctions::StateMachine is not supported",
        ),
        (
            "AWS::S3::Bucket",
            "NotificationConfiguration: {LambdaConfigurations: []}",
            "LambdaConfigurations of a bucket is not supported here; EventBridgeConfiguration is",
        ),
        ("AWS::S3::Bucket", "BucketName: Upper", "Upper is not a valid name for a bucket"),
        ("AWS::S3::Bucket", "ObjectLockEnabled: true", "ObjectLockEnabled of a bucket is not supported here"),
        (
            "AWS::SQS::Queue",
            "QueueName: ../up",
            "../up is not a valid name for a queue: use 1 to 80 letters, digits, hyphens and underscores",
        ),
        ("AWS::SQS::Queue", "FifoQueue: true", "FifoQueue of a queue is not supported here"),
        ("AWS::SQS::Queue", "RedrivePolicy: {maxReceiveCount: 3}", "RedrivePolicy of a queue is not supported here"),
        ("AWS::SQS::Queue", "ReceiveMessageWaitTimeSeconds: 21", "ReceiveMessageWaitTimeSeconds must be from 0 to 20"),
    ] {
        let resource = format!("Type: {resource}, Properties: {{{properties}}}");
        refuses("Type: AWS::SecretsManager::Secret", &resource, &format!("8: {message}"));
    }
}

#[test]
fn what_else_cannot_be_honoured_is_refused_with_its_line() {
    let twice = "        Twice: {Type: DynamoDB, Properties: {Stream: !GetAtt Items.StreamArn}}\n        Feed:\n";
    let retries = "EventInvokeConfig: {MaximumRetryAttempts: 3}, Environment: {Variables";
    for (from, to, message) in [
        ("provided.al2023", "python3.13", "the runtime python3.13 is not supported here; provided.al2023"),
        (
            "  Token: {",
            "  To-ken: {",
            "8: \"To-ken\" is not a valid name for a resource: AWS allows only letters and digits",
        ),
        ("  Token: {", "  ../Token: {", "8: \"../Token\" is not a valid name for a resource"),
        ("Timeout: 7", "Timeout: 0", "6: the Timeout of Main must be from 1 to 900"),
        ("Timeout: 7", "Timeout: -7", "6: the Timeout of Main must be from 1 to 900"),
        ("Timeout: 7", "Timeout: 901", "6: the Timeout of Main must be from 1 to 900"),
        ("Timeout: 7", "Timeout: soon", "6: the Timeout of Main must be a whole number"),
        ("BatchSize: 10", "BatchSize: 0", "46: BatchSize must be from 1 to 10000"),
        ("[\"INSERT\"]", "[{\"cidr\": 1}]", "50: the pattern: the operator cidr is not supported here"),
        ("StreamSpecification: {StreamViewType: NEW_IMAGE}", "Tags: []", "42: the table has no StreamSpecification"),
        ("$request.body.action", "$request.header.x", "25: the expression $request.header.x is not supported here"),
        (
            "$default: {FunctionArn: !GetAtt Main.Arn",
            "$default: {FunctionArn: x",
            "28: x is no function of the template",
        ),
        ("        Feed:\n", twice, "43: the function is fed from this stream already"),
        ("Environment: {Variables", retries, "6: MaximumRetryAttempts must be from 0 to 2"),
        ("StageName: ws", "StageName: $default", "cannot have the stage $default"),
        ("'/items/{id}', Method: get", "$default", "41: the route $default is already on line 40"),
        ("{ThrottlingRateLimit: 50", "{ThrottlingRateLimit: many", "20: ThrottlingRateLimit must be a number"),
    ] {
        refuses(from, to, message);
    }
}

const EVENTS: &str = "
Resources:
  Inbox:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
      WebsiteConfiguration: {IndexDocument: index.html}
  Lost: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 5}}
  Other: {Type: AWS::Events::EventBus}
  Arrivals:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Other
      EventPattern: {source: [test], detail: {n: [{numeric: ['>', 5]}]}}
      Targets:
        - {Id: a, Arn: !GetAtt Main.Arn, InputPath: $.detail.x}
        - {Id: b, Arn: !GetAtt Lost.Arn}
        - {Id: c, Arn: 'arn:aws:sns:us-east-1:123456789012:x'}
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(0 3 * * ? *)
      ScheduleExpressionTimezone: Europe/Berlin
      FlexibleTimeWindow: {Mode: 'OFF'}
      State: DISABLED
      Target:
        Arn: !GetAtt Main.Arn
        RoleArn: x
        Input: '{}'
        RetryPolicy: {MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 60}
        DeadLetterConfig: {Arn: !GetAtt Lost.Arn}
  Extra: {Type: AWS::IAM::Policy, Properties: {PolicyName: extra}}
  Main:
    Type: AWS::Serverless::Function
    Properties:
      AutoPublishAlias: live
      Policies:
        - S3ReadPolicy: {BucketName: !Ref Inbox}
        - Statement: [{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Lost.Arn}]
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Lost.Arn}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        MaximumEventAgeInSeconds: 60
        DestinationConfig: {OnFailure: {Type: SQS}}
      Events:
        Put: {Type: EventBridgeRule, Properties: {Pattern: {source: [aws.s3], detail: {bucket: {name: [!Ref Inbox]}}}}}
";

fn lost() -> Receiver {
    Receiver::Queue("local-Lost".to_owned())
}

#[test]
fn rules_and_schedules_go_to_functions_and_queues() {
    let template = Template::parse(EVENTS, &Given::default()).unwrap();
    let [inbox] = template.buckets.as_slice() else { panic!("{:?}", template.buckets) };
    assert_eq!((inbox.name.as_str(), inbox.versioned, inbox.events), ("local-inbox", true, true));
    let receivers = |targets: &[Target]| targets.iter().map(|target| target.receiver.clone()).collect::<Vec<_>>();
    let main = Receiver::Function("Main".to_owned());
    let elsewhere = Receiver::Elsewhere("arn:aws:sns:us-east-1:123456789012:x".to_owned());
    let arrivals = template.rules.iter().find(|rule| rule.id == "Arrivals").unwrap();
    assert_eq!(
        (arrivals.bus.as_str(), arrivals.targets[0].input.clone()),
        ("local-Other", Input::Part(vec!["detail".to_owned(), "x".to_owned()]))
    );
    assert_eq!(receivers(&arrivals.targets), [main.clone(), lost(), elsewhere]);
    assert_eq!(receivers(&template.rules.iter().find(|rule| rule.id == "MainPut").unwrap().targets), [main]);
    let [nightly] = template.schedules.as_slice() else { panic!("{:?}", template.schedules) };
    assert_eq!((nightly.enabled, nightly.targets[0].delivery.retries), (false, 3));
    assert_eq!(nightly.targets[0].delivery.dead_letters, Some(lost()));
}

#[test]
fn what_becomes_of_events_is_read_and_what_is_left_out_is_said() {
    let template = Template::parse(EVENTS, &Given::default()).unwrap();
    let invoke = &template.functions[0].invoke;
    assert_eq!((invoke.retries, invoke.max_age, &invoke.dead_letters), (1, Duration::from_secs(60), &Some(lost())));
    let made = "local-MainEventInvokeConfigOnFailureQueue";
    assert_eq!(invoke.on_failure, Some(Receiver::Queue(made.to_owned())));
    assert_eq!(template.queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["local-Lost", made]);
    let role = template.roles.iter().find(|role| Some(&role.arn) == template.functions[0].role.as_ref()).unwrap();
    assert_eq!((role.unknown.len(), role.statements.len()), (0, 2));
    assert_eq!(role.statements[0].resources, ["arn:aws:s3:::local-inbox", "arn:aws:s3:::local-inbox/*"]);
    assert_eq!(template.buses, ["default", "local-Other"]);
    assert!(template.passed_over.is_empty());
    let warnings = [
        "WebsiteConfiguration of Inbox (line 8) is left out",
        "AutoPublishAlias of Main (line 37) is left out: there are no versions and aliases here",
        "Extra (line 33) is left out; give the role itself what it allows, among its Policies",
        "line 19: nothing is sent to arn:aws:sns:us-east-1:123456789012:x, which is not here; functions and queues",
    ];
    for warning in warnings {
        assert!(template.warnings.iter().any(|line| line.starts_with(warning)), "{warning}: {:?}", template.warnings);
    }
    assert_eq!(template.warnings.len(), warnings.len(), "{:?}", template.warnings);
}

#[test]
fn what_is_not_known_is_refused_with_its_line_wherever_it_stands() {
    let event = |kind: &str, properties: &str| {
        let event = format!("{{Type: {kind}, Properties: {{{properties}\n          Colour: red}}}}");
        format!("\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        E: {event}")
    };
    let plain = |kind: &str| format!("\n  X:\n    Type: {kind}\n    Properties:\n\n\n      Colour: red");
    let kinds = [
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::Scheduler::Schedule",
        "AWS::Serverless::Function",
        "AWS::Serverless::HttpApi",
        "AWS::Serverless::WebSocketApi",
    ];
    let events = [
        event("HttpApi", ""),
        event("Schedule", "Schedule: rate(1 minute),"),
        event("ScheduleV2", "ScheduleExpression: rate(1 minute),"),
        event("EventBridgeRule", "Pattern: {source: [a]},"),
        event("DynamoDB", "Stream: x, StartingPosition: LATEST,"),
    ];
    for resource in kinds.map(plain).into_iter().chain(events) {
        let source = format!("Resources:{resource}");
        let line = source.lines().position(|line| line.contains("Colour")).unwrap() + 1;
        let error = Template::parse(&source, &Given::default()).map(drop).expect_err(&source).to_string();
        assert!(error.starts_with(&format!("{line}: ")) && error.contains("Colour"), "{source}\n{error}");
    }
}

#[test]
fn policies_that_are_not_known_are_said() {
    let source = "
Resources:
  Main: {Type: AWS::Serverless::Function, Properties: {Policies: [AWSLambdaBasicExecutionRole, AmazonS3FullAccess]}}
  Logger: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt LoggerRole.Arn}}
  Other: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt OtherRole.Arn}}
  LoggerRole:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns:
        - !Sub 'arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'
  OtherRole: {Type: AWS::IAM::Role, Properties: {ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3FullAccess']}}
  OfNobodyHere: {Type: AWS::IAM::Role, Properties: {ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']}}
";
    let template = Template::parse(source, &Given::default()).unwrap();
    let unknown = |arn: &str| template.roles.iter().find(|role| role.arn.ends_with(arn)).unwrap().unknown.clone();
    assert_eq!((unknown("local-MainRole"), unknown("local-LoggerRole")), (vec![3], vec![]));
    let warning = |line: usize, function: &str| {
        format!("line {line}: what this policy allows is not known here, so that {function} may do everything")
    };
    assert_eq!(template.warnings, [warning(3, "Main"), warning(11, "Other")]);
}

#[test]
fn policy_templates_allow_what_those_of_sam_do() {
    let role = |policy: &str| {
        let source = format!(
            "Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Policies: [{policy}: {{TableName: t}}]}}}}}}"
        );
        Template::parse(&source, &Given::default()).unwrap().roles.remove(0)
    };
    let read = role("DynamoDBReadPolicy");
    assert!(read.statements[0].actions.contains(&"dynamodb:DescribeTable".to_owned()));
    assert_eq!(read.statements[0].resources[0], "arn:aws:dynamodb:us-east-1:123456789012:table/t");
    let stream = role("DynamoDBStreamReadPolicy");
    assert!(stream.statements.is_empty() && stream.unknown.is_empty(), "it grants nothing else");
}

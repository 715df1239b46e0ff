//! Functions triggered by schedules.

use crate::gateway::{Gateway, PATIENCE};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Minutes are short in these tests.
const QUICK: [&str; 2] = ["--minute", "200ms"];

fn template(events: &str) -> String {
    format!(
        "
  Api: {{Type: AWS::Serverless::HttpApi}}
  Web: {{Type: AWS::Serverless::Function, Properties: {{Events: {{A: {{Type: HttpApi, Properties: {{ApiId: !Ref Api}}}}}}}}}}
  Timed:
    Type: AWS::Serverless::Function
    Properties:
{events}
"
    )
}

fn of<'a>(events: &'a [Value], source: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["source"] == source).collect()
}

#[tokio::test]
async fn a_schedule_tells_of_itself_at_once_and_at_its_rate() {
    let events = "
      Events:
        Sweep: {Type: Schedule, Properties: {Schedule: rate(1 minute), Description: often}}
        Off: {Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: false, Input: '{\"source\": \"off\"}'}}
        Never: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), State: DISABLED, Input: '{\"source\": \"off\"}'}}
        Rare: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(9 days), Name: nightly, GroupName: plant}}";
    let gateway = Gateway::start(&template(events), &QUICK);
    let wanted = |events: &[Value]| of(events, "aws.events").len() >= 3 && !of(events, "aws.scheduler").is_empty();
    let events = gateway.wait_for("events", wanted).await;
    let rule = of(&events, "aws.events");
    assert_eq!(rule.iter().map(|event| event["id"].to_string()).collect::<HashSet<_>>().len(), rule.len());
    let one = rule[0];
    assert_eq!((&one["version"], &one["detail-type"]), (&json!("0"), &json!("Scheduled Event")));
    assert_eq!((&one["account"], &one["region"]), (&json!("123456789012"), &json!("us-east-1")));
    assert_eq!(one["resources"], json!(["arn:aws:events:us-east-1:123456789012:rule/local-TimedSweep"]));
    assert_eq!(one["detail"], json!({}));
    let time = one["time"].as_str().unwrap();
    assert!(time.len() == 20 && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    let [other] = of(&events, "aws.scheduler")[..] else { panic!("more often than every nine days: {events:#?}") };
    assert_eq!(other["resources"], json!(["arn:aws:scheduler:us-east-1:123456789012:schedule/plant/nightly"]));
    assert_eq!((&other["detail-type"], &other["detail"]), (&json!("Scheduled Event"), &json!("{}")));
    assert!(of(&events, "off").is_empty(), "they are disabled");
}

#[tokio::test]
async fn an_input_is_the_event() {
    let events = "
      Events:
        A: {Type: Schedule, Properties: {Schedule: rate(1 day), Input: '{\"of\": \"rule\"}'}}
        B: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Input: '{\"of\": \"scheduler\"}'}}";
    let gateway = Gateway::start(&template(events), &[]);
    let mut events = gateway.wait_for("both", |events| events.len() == 2).await;
    events.sort_by_key(ToString::to_string);
    assert_eq!(events, [json!({"of": "rule"}), json!({"of": "scheduler"})]);
}

/// How many times an event that always fails was tried, once it is given up.
async fn tries(invocations: &str) -> usize {
    let input =
        "Events: {E: {Type: Schedule, Properties: {Schedule: rate(9 days), Input: '{\"rawPath\": \"/error\"}'}}}";
    let gateway = Gateway::start(&template(&format!("      {invocations}\n      {input}")), &QUICK);
    let since = Instant::now();
    while !gateway.log().contains("an event is given up") {
        assert!(since.elapsed() < PATIENCE, "{}", gateway.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    gateway.events().len()
}

#[tokio::test]
async fn what_fails_is_tried_again_as_often_as_lambda_does() {
    assert_eq!(tries("MemorySize: 128").await, 3);
    assert_eq!(tries("EventInvokeConfig: {MaximumRetryAttempts: 0}").await, 1);
}

#[tokio::test]
async fn a_schedule_waits_for_nothing_that_it_set_off_before() {
    let input =
        "Events: {E: {Type: Schedule, Properties: {Schedule: rate(1 minute), Input: '{\"rawPath\": \"/hang\"}'}}}";
    let gateway = Gateway::start(&template(&format!("      Timeout: 300\n      {input}")), &QUICK);
    gateway.wait_for("several at once", |events| events.len() >= 3).await;
    assert!(!gateway.log().contains("invoked"), "none of them has ended: {}", gateway.log());
    // Nor does work in progress keep the gateway from stopping.
    gateway.stop();
}

#[tokio::test]
async fn a_schedule_at_set_times_is_due_when_they_come() {
    let events = "
      Events:
        A: {Type: Schedule, Properties: {Schedule: cron(* * * * ? *)}}
        B: {Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 3 * * ? 2199), Input: '{}'}}";
    let gateway = Gateway::start(&template(events), &QUICK);
    let events = gateway.wait_for("several", |events| events.len() >= 3).await;
    let times: Vec<_> = events.iter().map(|event| event["time"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted() && times.iter().all(|time| time.ends_with(":00Z")), "{times:?}");
}

const RESOURCES: &str = "
  Main: {Type: AWS::Serverless::Function}
  Kept: {Type: AWS::SQS::Queue}
  Sweep:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(9 days)
      Targets: [{Id: a, Arn: !GetAtt Main.Arn}, {Id: b, Arn: !GetAtt Kept.Arn, Input: '{\"kept\": true}'}]
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: at-night
      ScheduleExpression: cron(0 3 * * ? *)
      ScheduleExpressionTimezone: Europe/Berlin
      State: DISABLED
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: !GetAtt Main.Arn, RoleArn: x, Input: '{\"from\": \"<aws.scheduler.schedule-arn>\"}'}
";

/// Runs the gateway's program until it exits.
fn run(options: &[&str]) -> (bool, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_local-gateway")).args(options).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn schedules_of_their_own_fire_and_can_be_fired() {
    let gateway = Gateway::start(RESOURCES, &[]);
    let events = gateway.wait_for("the rule's", |events| events.len() == 1).await;
    assert_eq!(events[0]["resources"], json!(["arn:aws:events:us-east-1:123456789012:rule/local-Sweep"]));
    let kept = crate::aws::messages(&gateway, "local-Kept").await;
    assert_eq!(kept[0]["Body"], r#"{"kept": true}"#);
    let port = gateway.address.rsplit(':').next().unwrap().to_owned();
    let fire = |name: &'static str| {
        let port = port.clone();
        tokio::task::spawn_blocking(move || run(&["--fire", name, "--port", &port]))
    };
    for (number, name) in [(2, "Nightly"), (3, "at-night"), (4, "Sweep")] {
        assert_eq!(fire(name).await.unwrap(), (true, format!("fired {name}\n")));
        gateway.wait_for(name, |events| events.len() == number).await;
    }
    let arn = "arn:aws:scheduler:us-east-1:123456789012:schedule/default/at-night";
    assert_eq!(gateway.events()[1], json!({"from": arn}));
    let (fired, said) = fire("Nobody").await.unwrap();
    assert_eq!((fired, said.as_str()), (false, "error: there is no schedule Nobody; there are: Sweep, Nightly\n"));
    let page = reqwest::Client::new().post(gateway.url("/.local-gateway/fire/Sweep")).send().await.unwrap();
    assert_eq!(page.status(), 403, "no web page may do it");
    gateway.stop();
    let (fired, said) = fire("Sweep").await.unwrap();
    assert!(!fired && said.starts_with(&format!("error: no gateway answers on 127.0.0.1:{port}")), "{said}");
}

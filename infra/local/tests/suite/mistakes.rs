//! Mistakes of users, and settings in files.

use crate::aws::signed;
use crate::gateway::{Gateway, HTTP};
use serde_json::Value;
use std::process::Command;

/// Runs the gateway on a template in a folder, with `RUST_BACKTRACE` set.
fn run(folder: &std::path::Path, template: &str, options: &[&str]) -> String {
    std::fs::write(folder.join("template.yaml"), template).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_local-gateway"))
        .current_dir(folder)
        .args(["--port", "0"])
        .args(options)
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    String::from_utf8(output.stderr).unwrap()
}

const QUEUE: &str = "Resources: {Q: {Type: AWS::SQS::Queue}}";
const TABLE: &str = "
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
";

#[test]
fn a_mistake_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("samconfig.toml"), "[default.global.parameters]\nparameter_overrides = 'A=1'").unwrap();
    std::fs::write(path.join("env.json"), "{\"Nobody\": {\"A\": \"1\"}}").unwrap();
    for (template, options, message) in [
        ("Resources: [", &[][..], "error: template.yaml:"),
        (
            "Resources: {X: {Type: AWS::Nobody::Knows}}",
            &[],
            "error: template.yaml:1: the resource type AWS::Nobody::Knows",
        ),
        (
            "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      Colour: red",
            &[],
            "error: template.yaml:5: Colour of Q is not known here",
        ),
        (
            "Resources: {B: {Type: AWS::S3::Bucket, Properties: {NotificationConfiguration: {TopicConfigurations: []}}}}",
            &[],
            "error: template.yaml:1: TopicConfigurations of a bucket is not supported here",
        ),
        (QUEUE, &["--template", "none.yaml"], "error: cannot read none.yaml: No such file"),
        (QUEUE, &["--template", "."], "error: cannot read .: Is a directory"),
        (QUEUE, &["--host", "192.0.2.1"], "error: cannot listen on 192.0.2.1:0: "),
        (QUEUE, &["--config-env", "prod"], "error: samconfig.toml does not say what the parameters are: there is no"),
        (QUEUE, &["--config-env", "default"], "error: template.yaml:1: there is no parameter A in the template"),
        (QUEUE, &["--env-vars", "none.json"], "error: cannot read none.json"),
        (QUEUE, &["--env-vars", "env.json"], "error: --env-vars names Nobody, which is no function of the template"),
        (QUEUE, &["--data-dir", "template.yaml"], "error: cannot use template.yaml: "),
    ] {
        let said = run(path, template, options);
        assert!(said.starts_with(message), "{options:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn two_gateways_do_not_share_a_folder() {
    let gateway = Gateway::start("  Lock: {Type: AWS::S3::Bucket, Properties: {BucketName: lock}}\n", &[]);
    let (folder, data) = (tempfile::tempdir().unwrap(), gateway.folder().join("data"));
    let said = run(folder.path(), QUEUE, &["--data-dir", data.to_str().unwrap()]);
    assert_eq!(said, format!("error: another gateway uses {}\n", data.display()));
}

#[test]
fn a_table_that_has_changed_is_said() {
    let gateway = Gateway::start(&TABLE.replace("\nResources:\n", ""), &[]);
    let folder = gateway.stop();
    let changed = TABLE.replace("pk", "id");
    let said = run(folder.path(), &changed, &["--data-dir", "data"]);
    let expected = "error: the existing table Items differs from the template: the key is pk (S) there and id (S) in the template. \
        Move the data folder away";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn items_that_would_expire_otherwise_are_said() {
    let template = TABLE.replace("\nResources:\n", "");
    let expiring = format!("{template}      TimeToLiveSpecification: {{AttributeName: ttl, Enabled: true}}\n");
    let gateway = Gateway::start(&expiring, &[]);
    let gateway = Gateway::start_in(gateway.stop(), &expiring, &[]);
    assert!(!gateway.log().contains("the time to live"), "{}", gateway.log());
    let gateway = Gateway::start_in(gateway.stop(), &template, &[]);
    let said = "the time to live is ttl there and missing in the template";
    assert!(gateway.log().contains(said), "{}", gateway.log());
}

#[tokio::test]
async fn settings_come_from_files_that_sam_knows() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = "[test.deploy.parameters]\nparameter_overrides = 'Level=\"very high\" Name=file'";
    std::fs::write(folder.path().join("samconfig.toml"), configuration).unwrap();
    let variables = folder.path().join("env.json");
    std::fs::write(&variables, r#"{"Parameters": {"A": 1, "B": "all"}, "Main": {"B": "own", "C": "file"}}"#).unwrap();
    let template = format!(
        "{}Parameters: {{Level: {{Type: String}}, Name: {{Type: String}}}}\n",
        HTTP.replace("OVER: template", "OVER: template, LEVEL: !Ref Level, NAME: !Ref Name",)
    );
    let options = [
        "--config-env",
        "test",
        "--parameter",
        "Name=line",
        "--env-vars",
        variables.to_str().unwrap(),
        "--env",
        "C=line",
    ];
    let gateway = Gateway::start_in(folder, &template, &options);
    let env: Value = reqwest::get(gateway.url("/env")).await.unwrap().json().await.unwrap();
    let seen = ["LEVEL", "NAME", "A", "B", "C", "OVER"].map(|name| env[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(seen, ["very high", "line", "1", "own", "line", "template"]);
    // A request signed for another service goes to the API.
    let request = signed(reqwest::Client::new().get(gateway.url("/x")), "execute-api", "developer");
    assert_eq!(request.send().await.unwrap().status(), 201);
}

//! Lambda's Invoke API.

use crate::aws::signed;
use crate::gateway::Gateway;
use serde_json::{Value, json};

const FUNCTIONS: &str = "
  Main: {Type: AWS::Serverless::Function, Properties: {FunctionName: plant-main}}
  Caller:
    Type: AWS::Serverless::Function
    Properties: {Policies: [LambdaInvokePolicy: {FunctionName: !Ref Main}]}
";

async fn invoke(gateway: &Gateway, name: &str, kind: &str, by: &str, event: &str) -> reqwest::Response {
    let url = gateway.url(&format!("/2015-03-31/functions/{name}/invocations"));
    let request = reqwest::Client::new().post(url).header("x-amz-invocation-type", kind).body(event.to_owned());
    signed(request, "lambda", by).send().await.unwrap()
}

#[tokio::test]
async fn functions_are_known_by_id_name_and_arn() {
    let gateway = Gateway::start(FUNCTIONS, &[]);
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aplant-main";
    for name in ["Main", "plant-main", "plant-main:$LATEST", "123456789012:function:plant-main", arn] {
        let answer = invoke(&gateway, name, "RequestResponse", "developer", r#"{"rawPath": "/pid"}"#).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["x-amz-executed-version"].to_str().unwrap()),
            (200, "$LATEST"),
            "{name}"
        );
        assert!(answer.json::<Value>().await.unwrap()["pid"].is_u64(), "{name}");
    }
    let answer = invoke(&gateway, "Nobody", "RequestResponse", "developer", "{}").await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-amzn-errortype"].to_str().unwrap()),
        (404, "ResourceNotFoundException")
    );
}

#[tokio::test]
async fn what_goes_wrong_is_in_the_answer() {
    let gateway = Gateway::start(FUNCTIONS, &[]);
    let answer = invoke(&gateway, "Main", "RequestResponse", "developer", r#"{"rawPath": "/error"}"#).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-amz-function-error"].to_str().unwrap()),
        (200, "Unhandled")
    );
    assert_eq!(answer.json::<Value>().await.unwrap()["errorMessage"], "asked to fail");
    for (kind, event, status) in
        [("DryRun", "{}", 204), ("Event", "", 202), ("Event", "nonsense", 400), ("Sometimes", "{}", 400)]
    {
        assert_eq!(invoke(&gateway, "Main", kind, "developer", event).await.status(), status, "{kind} {event}");
    }
    let large = json!("x".repeat(7 * 1024 * 1024)).to_string();
    assert_eq!(invoke(&gateway, "Main", "RequestResponse", "developer", &large).await.status(), 413);
    let large = json!("x".repeat(2 * 1024 * 1024)).to_string();
    assert_eq!(invoke(&gateway, "Main", "Event", "developer", &large).await.status(), 413);
}

#[tokio::test]
async fn functions_invoke_each_other_as_far_as_their_roles_reach() {
    let gateway = Gateway::start(FUNCTIONS, &[]);
    assert_eq!(invoke(&gateway, "Main", "DryRun", "Caller", "{}").await.status(), 204);
    assert_eq!(invoke(&gateway, "Caller", "DryRun", "Caller", "{}").await.status(), 403);
    let env = invoke(&gateway, "Main", "RequestResponse", "developer", r#"{"rawPath": "/env"}"#).await;
    assert_eq!(env.json::<Value>().await.unwrap()["AWS_ENDPOINT_URL_LAMBDA"], json!(gateway.url("")));
}

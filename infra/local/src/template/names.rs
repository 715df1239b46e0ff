//! The local names of resources and of the account.
//!
//! They look as in AWS, so that whatever a function derives from them works: an API's address, for example, is
//! recognised in the environment and replaced by the local one.

use super::error::TemplateError;
use super::node::Node;
use super::scope::Scope;

/// The bus that receives the events of AWS's own services.
pub const DEFAULT_BUS: &str = "default";
/// The account that owns everything.
pub const ACCOUNT: &str = "123456789012";
/// The name of the stack.
pub(super) const STACK: &str = "local";
const SUFFIX: &str = "amazonaws.com";
/// The properties that set a resource's name.
const NAMES: [&str; 8] =
    ["FunctionName", "TableName", "Name", "TopicName", "QueueName", "LogGroupName", "RoleName", "BucketName"];
/// The API that SAM creates for `HttpApi` events without an `ApiId`.
pub(super) const IMPLICIT_API: &str = "ServerlessHttpApi";

/// The region that functions see: the developer's own, if one is set.
pub fn region() -> String {
    ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "us-east-1".to_owned())
}

/// The ARN of a service's resource.
pub fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", region())
}

/// The ARN of a bucket, or of an object if its key is appended to the name.
pub fn bucket_arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

/// The ARN of a role.
pub(super) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// The host of an API in AWS.
pub fn api_host(api_id: &str) -> String {
    format!("{api_id}.execute-api.{}.{SUFFIX}", region())
}

/// An API's id from its logical id.
pub(super) fn api_id(id: &str) -> String {
    id.to_lowercase()
}

/// The value of a pseudo parameter.
pub(super) fn pseudo(name: &str) -> Option<String> {
    Some(match name {
        "AWS::Region" => region(),
        "AWS::AccountId" => ACCOUNT.to_owned(),
        "AWS::Partition" => "aws".to_owned(),
        "AWS::URLSuffix" => SUFFIX.to_owned(),
        "AWS::StackName" => STACK.to_owned(),
        "AWS::StackId" => arn("cloudformation", &format!("stack/{STACK}/{STACK}")),
        _ => return None,
    })
}

/// The value of `Ref` for a resource.
pub(super) fn reference(scope: &Scope<'_>, line: usize, id: &str) -> Result<String, TemplateError> {
    let (kind, resource) = find(scope, line, id)?;
    Ok(match kind {
        "AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi" => api_id(id),
        "AWS::SecretsManager::Secret" => arn("secretsmanager", &format!("secret:{}", name(scope, resource, id)?)),
        "AWS::SNS::Topic" => arn("sns", &name(scope, resource, id)?),
        "AWS::S3::Bucket" => bucket(scope, resource, id)?,
        "AWS::SQS::Queue" => queue_url(&name(scope, resource, id)?),
        _ => name(scope, resource, id)?,
    })
}

/// The value of `Fn::GetAtt` for a resource.
pub(super) fn attribute(scope: &Scope<'_>, line: usize, id: &str, attribute: &str) -> Result<String, TemplateError> {
    let (kind, resource) = find(scope, line, id)?;
    let table = |name: String| arn("dynamodb", &format!("table/{name}"));
    let scheme = if kind == "AWS::Serverless::WebSocketApi" { "wss" } else { "https" };
    Ok(match (kind, attribute) {
        ("AWS::Serverless::Function", "Arn") => function_arn(&name(scope, resource, id)?),
        ("AWS::DynamoDB::Table", "Arn") => table(name(scope, resource, id)?),
        ("AWS::DynamoDB::Table", "StreamArn") => format!("{}/stream/local", table(name(scope, resource, id)?)),
        ("AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi", "ApiId") => api_id(id),
        ("AWS::Serverless::HttpApi" | "AWS::Serverless::WebSocketApi", "ApiEndpoint") => {
            format!("{scheme}://{}", api_host(&api_id(id)))
        }
        ("AWS::SecretsManager::Secret", "Id") => reference(scope, line, id)?,
        ("AWS::S3::Bucket", "Arn") => bucket_arn(&bucket(scope, resource, id)?),
        ("AWS::S3::Bucket", "DomainName") => format!("{}.s3.{SUFFIX}", bucket(scope, resource, id)?),
        ("AWS::S3::Bucket", "RegionalDomainName") => {
            format!("{}.s3.{}.{SUFFIX}", bucket(scope, resource, id)?, region())
        }
        ("AWS::SQS::Queue", "Arn") => arn("sqs", &name(scope, resource, id)?),
        ("AWS::SQS::Queue", "QueueName") => name(scope, resource, id)?,
        ("AWS::Events::EventBus", "Arn") => arn("events", &format!("event-bus/{}", name(scope, resource, id)?)),
        ("AWS::Events::EventBus", "Name") => name(scope, resource, id)?,
        ("AWS::Events::Rule", "Arn") => arn("events", &format!("rule/{}", name(scope, resource, id)?)),
        ("AWS::Scheduler::Schedule", "Arn") => {
            arn("scheduler", &format!("schedule/default/{}", name(scope, resource, id)?))
        }
        ("AWS::SQS::Queue", "QueueUrl") => reference(scope, line, id)?,
        ("AWS::SNS::Topic", "TopicArn") => reference(scope, line, id)?,
        ("AWS::Logs::LogGroup", "Arn") => arn("logs", &format!("log-group:{}:*", name(scope, resource, id)?)),
        ("AWS::IAM::Role", "Arn") => role_arn(&name(scope, resource, id)?),
        _ => {
            return Err(TemplateError::new(
                line,
                format!("the attribute {attribute} of {id} ({kind}) is not known here"),
            ));
        }
    })
}

/// A bucket's name: one that is derived from the logical id is in lower case, as in AWS.
pub(super) fn bucket(scope: &Scope<'_>, resource: Option<&Node>, id: &str) -> Result<String, TemplateError> {
    let name = name(scope, resource, id)?;
    Ok(if name == format!("{STACK}-{id}") { name.to_lowercase() } else { name })
}

/// The address of a queue in AWS.
pub(super) fn queue_url(name: &str) -> String {
    format!("https://sqs.{}.{SUFFIX}/{ACCOUNT}/{name}", region())
}

/// The name of a bus, given by name or ARN.
pub fn bus_name(text: &str) -> &str {
    text.rsplit_once("event-bus/").map_or(text, |(_, name)| name)
}

/// The ARN of a function.
pub(super) fn function_arn(name: &str) -> String {
    arn("lambda", &format!("function:{name}"))
}

fn find<'a>(scope: &Scope<'a>, line: usize, id: &'a str) -> Result<(&'a str, Option<&'a Node>), TemplateError> {
    match scope.resource(id) {
        Some(resource) => {
            Ok((resource.get("Type").and_then(Node::as_text).unwrap_or("a resource without a type"), Some(resource)))
        }
        None if id == IMPLICIT_API => Ok(("AWS::Serverless::HttpApi", None)),
        None => Err(TemplateError::new(line, format!("there is no parameter or resource {id}"))),
    }
}

/// The physical name: from its property if given, otherwise from the stack and the logical id.
pub(super) fn name(scope: &Scope<'_>, resource: Option<&Node>, id: &str) -> Result<String, TemplateError> {
    let Some(resource) = resource else { return Ok(format!("{STACK}-{id}")) };
    for property in NAMES {
        if let Some(text) = scope.property(resource, property)?.as_ref().and_then(Node::as_text) {
            return Ok(text.to_owned());
        }
    }
    Ok(format!("{STACK}-{id}"))
}

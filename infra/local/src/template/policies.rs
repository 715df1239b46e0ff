//! `Policies` of a function without a role: statements, the policy templates of SAM, and managed policies.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::role::{Role, Statement, statements};
use super::scope::Scope;

type Result<T> = std::result::Result<T, TemplateError>;

/// A policy template of SAM, for the services that exist here:
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html>.
struct PolicyTemplate {
    name: &'static str,
    parameter: &'static str,
    service: &'static str,
    actions: &'static [&'static str],
    /// The end of each resource's ARN, with `{}` for the parameter.
    resources: &'static [&'static str],
}

const TABLE: &[&str] = &["table/{}", "table/{}/index/*"];
const BUCKET: &[&str] = &["{}", "{}/*"];

const TEMPLATES: [PolicyTemplate; 10] = [
    of(
        "DynamoDBReadPolicy",
        "TableName",
        "dynamodb",
        &["GetItem", "Scan", "Query", "BatchGetItem", "DescribeTable"],
        TABLE,
    ),
    of("DynamoDBWritePolicy", "TableName", "dynamodb", &["PutItem", "UpdateItem", "BatchWriteItem"], TABLE),
    of(
        "DynamoDBCrudPolicy",
        "TableName",
        "dynamodb",
        &[
            "GetItem",
            "DeleteItem",
            "PutItem",
            "Scan",
            "Query",
            "UpdateItem",
            "BatchWriteItem",
            "BatchGetItem",
            "DescribeTable",
            "ConditionCheckItem",
        ],
        TABLE,
    ),
    of(
        "S3ReadPolicy",
        "BucketName",
        "s3",
        &["GetObject", "ListBucket", "GetBucketLocation", "GetObjectVersion"],
        BUCKET,
    ),
    of("S3WritePolicy", "BucketName", "s3", &["PutObject"], BUCKET),
    of(
        "S3CrudPolicy",
        "BucketName",
        "s3",
        &["GetObject", "ListBucket", "GetBucketLocation", "GetObjectVersion", "PutObject", "DeleteObject"],
        BUCKET,
    ),
    of("SQSSendMessagePolicy", "QueueName", "sqs", &["SendMessage*"], &["{}"]),
    of(
        "SQSPollerPolicy",
        "QueueName",
        "sqs",
        &["ChangeMessageVisibility*", "DeleteMessage*", "GetQueueAttributes", "ReceiveMessage"],
        &["{}"],
    ),
    of("LambdaInvokePolicy", "FunctionName", "lambda", &["InvokeFunction"], &["function:{}*"]),
    of("EventBridgePutEventsPolicy", "EventBusName", "events", &["PutEvents"], &["event-bus/{}"]),
];

const fn of(
    name: &'static str,
    parameter: &'static str,
    service: &'static str,
    actions: &'static [&'static str],
    resources: &'static [&'static str],
) -> PolicyTemplate {
    PolicyTemplate { name, parameter, service, actions, resources }
}

/// Managed policies and templates that grant nothing here. The gateway reads streams for the functions, so their own
/// rights to do so are not needed.
const NOTHING: [&str; 7] = [
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "CloudWatchPutMetricPolicy",
    "DynamoDBStreamReadPolicy",
    "VPCAccessPolicy",
];

/// Whether a managed policy, by its name or ARN, grants nothing here.
pub(super) fn allows_nothing(name: &str) -> bool {
    NOTHING.contains(&name.rsplit('/').next().unwrap_or(name))
}

/// The role that SAM creates from a function's policies.
pub(super) fn role(scope: &Scope<'_>, function: &str, policies: &Node) -> Result<Role> {
    let arn = names::role_arn(&format!("{}-{function}Role", names::STACK));
    let mut role = Role { arn, statements: Vec::new(), unknown: Vec::new() };
    for item in policies.expect_list("Policies").unwrap_or(std::slice::from_ref(policies)) {
        let Some(item) = scope.resolve_shallow(item)? else { continue };
        match read(scope, &item)? {
            Some(statements) => role.statements.extend(statements),
            None => role.unknown.push(item.line),
        }
    }
    Ok(role)
}

/// What a policy allows; `None` if that is not known.
fn read(scope: &Scope<'_>, item: &Node) -> Result<Option<Vec<Statement>>> {
    if let Some(name) = item.as_text() {
        return Ok(allows_nothing(name).then(Vec::new));
    }
    if item.get("Statement").is_some() {
        return statements(scope, item).map(Some);
    }
    let [(name, line, parameters)] = item.entries() else { return Ok(None) };
    if NOTHING.contains(&name.as_str()) {
        return Ok(Some(Vec::new()));
    }
    let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else { return Ok(None) };
    let missing = || TemplateError::new(*line, format!("{name} has no {}", template.parameter));
    let parameters = scope.resolve(parameters)?.ok_or_else(missing)?;
    let value = parameters.get(template.parameter).ok_or_else(missing)?;
    Ok(Some(vec![template.statement(value.expect_text(template.parameter)?)]))
}

impl PolicyTemplate {
    fn statement(&self, value: &str) -> Statement {
        let arn = |resource: &&str| {
            let end = resource.replace("{}", value);
            if self.service == "s3" { names::bucket_arn(&end) } else { names::arn(self.service, &end) }
        };
        Statement {
            actions: self.actions.iter().map(|action| format!("{}:{action}", self.service)).collect(),
            resources: self.resources.iter().map(arn).collect(),
            keys: None,
            prefixes: None,
        }
    }
}

//! `AWS::DynamoDB::Table`.

use super::error::TemplateError;
use super::names;
use super::node::{Kind, Node};
use super::scope::Scope;
use serde_json::{Map, Value, json};

/// Properties that are passed to `CreateTable` unchanged.
const CREATED: [&str; 6] = [
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
];

/// Properties that do not change how a table answers.
const WITHOUT_MEANING: [&str; 11] = [
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "KinesisStreamSpecification",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "SSESpecification",
    "TableClass",
    "TableName",
    "Tags",
    "WarmThroughput",
];

/// Parts of an index that the embedded database does not need.
const NOT_CREATED: [&str; 3] = ["ContributorInsightsSpecification", "OnDemandThroughput", "WarmThroughput"];

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The logical id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The ARN that the template's `StreamArn` stands for.
    pub stream_arn: String,
    /// What the stream shows, if there is one.
    pub stream_view: Option<String>,
    /// The attribute with the time at which an item expires.
    pub ttl: Option<String>,
    /// The body of `CreateTable`.
    pub create: Value,
}

pub(super) fn read(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Table, TemplateError> {
    let name = names::name(scope, Some(resource), id)?;
    let mut create = Map::from_iter([("TableName".to_owned(), json!(name))]);
    let (mut stream_view, mut ttl) = (None, None);
    for (property, at, value) in resource.properties() {
        if WITHOUT_MEANING.contains(&property.as_str()) {
            continue;
        }
        let Some(value) = scope.resolve(value)? else { continue };
        match property.as_str() {
            "StreamSpecification" => stream_view = view(&value)?,
            "TimeToLiveSpecification" => ttl = time_to_live(&value)?,
            name if CREATED.contains(&name) => drop(create.insert(name.to_owned(), value.pruned().to_json())),
            name => return Err(TemplateError::unknown(*at, name, id)),
        }
    }
    if !create.contains_key("KeySchema") {
        return Err(TemplateError::new(line, format!("the table {id} has no KeySchema")));
    }
    if let Some(view) = &stream_view {
        create.insert("StreamSpecification".to_owned(), json!({"StreamEnabled": true, "StreamViewType": view}));
    }
    let stream_arn = names::attribute(scope, line, id, "StreamArn")?;
    Ok(Table { id: id.to_owned(), name, stream_arn, stream_view, ttl, create: Value::Object(create) })
}

fn view(specification: &Node) -> Result<Option<String>, TemplateError> {
    specification.get("StreamViewType").map(|view| view.expect_text("StreamViewType").map(str::to_owned)).transpose()
}

fn time_to_live(specification: &Node) -> Result<Option<String>, TemplateError> {
    let enabled = specification.get("Enabled").map_or(Ok(true), |enabled| enabled.expect_bool("Enabled"))?;
    let attribute = specification.get("AttributeName").filter(|_| enabled);
    attribute.map(|name| name.expect_text("AttributeName").map(str::to_owned)).transpose()
}

impl Node {
    /// Without the parts of indexes that only concern their capacity or cost.
    fn pruned(&self) -> Node {
        let kind = match &self.kind {
            Kind::Map(entries) => {
                let kept = entries.iter().filter(|(key, ..)| !NOT_CREATED.contains(&key.as_str()));
                Kind::Map(kept.map(|(key, line, value)| (key.clone(), *line, value.pruned())).collect())
            }
            Kind::List(items) => Kind::List(items.iter().map(Node::pruned).collect()),
            scalar => scalar.clone(),
        };
        Node { line: self.line, kind }
    }
}

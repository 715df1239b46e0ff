//! Rules of EventBridge: `AWS::Events::Rule`, and events of functions that act as one.

use super::error::TemplateError;
use super::names::{self, DEFAULT_BUS};
use super::node::Node;
use super::scope::Scope;
use super::target::Target;
use crate::pattern::Pattern;
use serde_json::Value;

type Result<T> = std::result::Result<T, TemplateError>;

/// Which events go where.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The logical id; for a function's event, prefixed with the function's.
    pub id: String,
    /// The bus it listens to.
    pub bus: String,
    /// The events that it matches.
    pub pattern: Pattern,
    /// Where they go.
    pub targets: Vec<Target>,
}

/// Reads an `EventBridgeRule` or `CloudWatchEvent` event of a function; `None` if it is disabled.
pub(super) fn event(
    scope: &Scope<'_>,
    (function, arn): (&str, &str),
    (name, line): (&str, usize),
    properties: &Node,
) -> Result<Option<Rule>> {
    let properties = scope.resolve(properties)?.unwrap_or_else(|| Node::empty(line));
    let (mut bus, mut pattern, mut enabled) = (DEFAULT_BUS.to_owned(), None, true);
    let mut target = Target::new(arn, line);
    for (property, line, value) in properties.expect_map("Properties")? {
        match property.as_str() {
            "Pattern" => pattern = Some(self::pattern(value)?),
            "EventBusName" => bus = bus_name(value)?,
            "State" => enabled = state(value)?,
            "Enabled" => enabled = value.expect_bool("Enabled")?,
            "RuleName" | "Target" => {}
            other if target.set(other, *line, value)? => {}
            other => {
                let message = format!("{other} of an EventBridgeRule event is not supported here");
                return Err(TemplateError::new(*line, message));
            }
        }
    }
    let pattern = pattern.ok_or_else(|| TemplateError::new(line, format!("the event {name} has no Pattern")))?;
    Ok(enabled.then(|| Rule { id: format!("{function}{name}"), bus, pattern, targets: vec![target] }))
}

/// The parts of an `AWS::Events::Rule`.
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) bus: String,
    pub(super) pattern: Option<Pattern>,
    /// The node of the schedule's expression.
    pub(super) expression: Option<Node>,
    pub(super) enabled: bool,
    pub(super) targets: Vec<Target>,
}

/// Reads an `AWS::Events::Rule`.
pub(super) fn resource(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Resource> {
    let mut rule = Resource {
        name: names::name(scope, Some(resource), id)?,
        bus: DEFAULT_BUS.to_owned(),
        pattern: None,
        expression: None,
        enabled: true,
        targets: Vec::new(),
    };
    for (property, line, value) in resource.properties() {
        let Some(value) = scope.resolve(value)? else { continue };
        match property.as_str() {
            "EventPattern" => rule.pattern = Some(pattern(&value)?),
            "ScheduleExpression" => rule.expression = Some(value),
            "EventBusName" => rule.bus = bus_name(&value)?,
            "State" => rule.enabled = state(&value)?,
            "Targets" => {
                rule.targets = value.expect_list("Targets")?.iter().map(target).collect::<Result<_>>()?;
            }
            "Name" | "Description" | "RoleArn" | "Tags" => {}
            other => {
                let message = format!("{other} of an AWS::Events::Rule is not supported here");
                return Err(TemplateError::new(*line, message));
            }
        }
    }
    if rule.pattern.is_none() && rule.expression.is_none() {
        return Err(TemplateError::new(line, format!("the rule {id} has neither EventPattern nor ScheduleExpression")));
    }
    Ok(rule)
}

/// A target of a rule or of a schedule of EventBridge Scheduler.
pub(super) fn target(node: &Node) -> Result<Target> {
    let arn = node.get("Arn").ok_or_else(|| TemplateError::new(node.line, "the target has no Arn"))?;
    let mut target = Target::new(arn.expect_text("Arn")?, node.line);
    for (property, line, value) in node.entries() {
        match property.as_str() {
            "Arn" | "Id" | "RoleArn" => {}
            other if target.set(other, *line, value)? => {}
            other => {
                let message = format!("{other} of a target is not supported here");
                return Err(TemplateError::new(*line, message));
            }
        }
    }
    Ok(target)
}

fn pattern(node: &Node) -> Result<Pattern> {
    let members = match node.to_json() {
        Value::Object(members) => Pattern::of(members),
        Value::String(text) => Pattern::parse(&text),
        _ => Err("it must be a map".to_owned()),
    };
    members.map_err(|message| TemplateError::new(node.line, format!("the pattern: {message}")))
}

fn bus_name(node: &Node) -> Result<String> {
    Ok(names::bus_name(node.expect_text("EventBusName")?).to_owned())
}

pub(super) fn state(value: &Node) -> Result<bool> {
    match value.expect_text("State")? {
        "ENABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" => Ok(true),
        "DISABLED" => Ok(false),
        other => {
            let message = format!("the state {other} is not supported here; ENABLED and DISABLED are");
            Err(TemplateError::new(value.line, message))
        }
    }
}

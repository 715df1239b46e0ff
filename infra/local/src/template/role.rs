//! `AWS::IAM::Role`: what functions may do, as far as it can be asked for here.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::scope::Scope;

type Result<T> = std::result::Result<T, TemplateError>;

/// The services that are there.
const SERVICES: [&str; 2] = ["dynamodb:", "execute-api:"];
/// The one condition that is understood: which partitions of a table.
const KEYS: (&str, &str) = ("ForAllValues:StringLike", "dynamodb:LeadingKeys");

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What it allows.
    pub statements: Vec<Statement>,
    /// Whether it has managed policies, whose content is not known here.
    pub managed: bool,
}

/// Something that is allowed.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Actions, with `*` for anything.
    pub actions: Vec<String>,
    /// ARNs, with `*` for anything.
    pub resources: Vec<String>,
    /// Partition keys, with `*` for anything; all if absent.
    pub keys: Option<Vec<String>>,
}

pub(super) fn read(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Role> {
    let managed = scope.property(resource, "ManagedPolicyArns")?;
    let mut role = Role {
        arn: names::attribute(scope, line, id, "Arn")?,
        statements: Vec::new(),
        managed: managed.is_some_and(|node| node.expect_list("ManagedPolicyArns").is_ok_and(|list| !list.is_empty())),
    };
    let policies = resource.get("Properties").and_then(|properties| properties.get("Policies"));
    for policy in policies.map_or(Ok(&[][..]), |policies| policies.expect_list("Policies"))? {
        let statements = policy.get("PolicyDocument").and_then(|document| document.get("Statement"));
        for node in statements.map_or(Ok(&[][..]), |all| all.expect_list("Statement"))? {
            role.statements.extend(statement(scope, node)?);
        }
    }
    Ok(role)
}

/// A statement, or nothing if it is of services that are not there.
fn statement(scope: &Scope<'_>, node: &Node) -> Result<Option<Statement>> {
    let actions = texts(scope, node, "Action")?;
    if !actions.iter().any(|action| SERVICES.iter().any(|service| action.starts_with(service)) || action == "*") {
        return Ok(None);
    }
    if node.get("Effect").and_then(Node::as_text) != Some("Allow") {
        return Err(TemplateError::new(node.line, "a statement that does not Allow is not supported here"));
    }
    let keys = node.get("Condition").map(|condition| keys(scope, condition)).transpose()?;
    Ok(Some(Statement { actions, resources: texts(scope, node, "Resource")?, keys }))
}

fn keys(scope: &Scope<'_>, condition: &Node) -> Result<Vec<String>> {
    let entries = condition.expect_map("Condition")?;
    let refused = |line| {
        let message = format!("this condition is not supported here; {} of {} is", KEYS.0, KEYS.1);
        Err(TemplateError::new(line, message))
    };
    match entries {
        [(operator, line, operand)] if operator == KEYS.0 => match operand.entries() {
            [(name, ..)] if name == KEYS.1 => texts(scope, operand, KEYS.1),
            _ => refused(*line),
        },
        _ => refused(condition.line),
    }
}

/// A text or a list of texts.
fn texts(scope: &Scope<'_>, node: &Node, name: &str) -> Result<Vec<String>> {
    let missing = || TemplateError::new(node.line, format!("the statement has no {name}"));
    let value = scope.resolve(node.get(name).ok_or_else(missing)?)?.ok_or_else(missing)?;
    if let Some(text) = value.as_text() {
        return Ok(vec![text.to_owned()]);
    }
    value.expect_list(name)?.iter().map(|item| item.expect_text(name).map(str::to_owned)).collect()
}

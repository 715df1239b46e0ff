//! `AWS::IAM::Role`: what functions may do, as far as it can be asked for here.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::policies::allows_nothing;
use super::scope::Scope;

type Result<T> = std::result::Result<T, TemplateError>;

/// The services that are there.
const SERVICES: [&str; 6] = ["dynamodb:", "events:", "execute-api:", "lambda:", "s3:", "sqs:"];
/// The conditions that are understood: which partitions of a table, and which part of a bucket is listed.
const KEYS: (&str, &str) = ("ForAllValues:StringLike", "dynamodb:LeadingKeys");
const PREFIXES: &str = "s3:prefix";

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What it allows.
    pub statements: Vec<Statement>,
    /// The lines of its managed policies of which it is not known here what they allow.
    pub unknown: Vec<usize>,
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
    /// Prefixes that may be listed, with `*` for anything; all if absent.
    pub prefixes: Option<Vec<String>>,
}

pub(super) fn read(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Role> {
    let arn = names::attribute(scope, line, id, "Arn")?;
    let mut role = Role { arn, statements: Vec::new(), unknown: Vec::new() };
    if let Some(managed) = scope.property(resource, "ManagedPolicyArns")? {
        let policies = managed.expect_list("ManagedPolicyArns")?.iter();
        let unknown = policies.filter(|policy| !policy.as_text().is_some_and(allows_nothing));
        role.unknown = unknown.map(|policy| policy.line).collect();
    }
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
pub(super) fn statement(scope: &Scope<'_>, node: &Node) -> Result<Option<Statement>> {
    let actions = texts(scope, node, "Action")?;
    if !actions.iter().any(|action| SERVICES.iter().any(|service| action.starts_with(service)) || action == "*") {
        return Ok(None);
    }
    if node.get("Effect").and_then(Node::as_text) != Some("Allow") {
        return Err(TemplateError::new(node.line, "a statement that does not Allow is not supported here"));
    }
    let (mut keys, mut prefixes) = (None, None);
    if let Some(condition) = node.get("Condition") {
        match only(condition)? {
            (operator, key, operand) if (operator, key) == KEYS => keys = Some(texts(scope, operand, key)?),
            ("StringLike" | "StringEquals", PREFIXES, operand) => prefixes = Some(texts(scope, operand, PREFIXES)?),
            _ => return Err(refused(condition.line)),
        }
    }
    Ok(Some(Statement { actions, resources: texts(scope, node, "Resource")?, keys, prefixes }))
}

/// The operator, key and values of a condition that has one of each.
fn only(condition: &Node) -> Result<(&str, &str, &Node)> {
    match condition.expect_map("Condition")? {
        [(operator, line, operand)] => match operand.entries() {
            [(key, ..)] => Ok((operator, key, operand)),
            _ => Err(refused(*line)),
        },
        _ => Err(refused(condition.line)),
    }
}

fn refused(line: usize) -> TemplateError {
    let message = format!(
        "this condition is not supported here; {} of {}, and StringLike and StringEquals of {PREFIXES} are",
        KEYS.0, KEYS.1
    );
    TemplateError::new(line, message)
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

//! `AWS::IAM::Role`: what functions may do, as far as it can be checked here.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::policies::allows_nothing;
use super::scope::Scope;

type Result<T> = std::result::Result<T, TemplateError>;

/// The services that exist here.
const SERVICES: [&str; 6] = ["dynamodb:", "events:", "execute-api:", "lambda:", "s3:", "sqs:"];
/// The supported conditions: on the partitions of a table, and on the listed prefix of a bucket.
const KEYS: (&str, &str) = ("ForAllValues:StringLike", "dynamodb:LeadingKeys");
const PREFIXES: &str = "s3:prefix";

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What it allows.
    pub statements: Vec<Statement>,
    /// The lines of managed policies whose permissions are not known here.
    pub unknown: Vec<usize>,
}

/// An allowed action.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Actions, with `*` for anything.
    pub actions: Vec<String>,
    /// ARNs, with `*` for anything.
    pub resources: Vec<String>,
    /// Partition keys, with `*` for anything; `None` for all.
    pub keys: Option<Vec<String>>,
    /// Prefixes that may be listed; `None` for all.
    pub prefixes: Option<Prefixes>,
}

/// Which prefixes may be listed.
#[derive(Debug, Clone)]
pub enum Prefixes {
    /// Prefixes that match one of these, with `*` for anything.
    Like(Vec<String>),
    /// Exactly these; a `*` is a literal star.
    Equal(Vec<String>),
}

/// The known properties of a role. Who may assume it, and for how long, makes no difference here.
const PROPERTIES: [&str; 9] = [
    "AssumeRolePolicyDocument",
    "Description",
    "ManagedPolicyArns",
    "MaxSessionDuration",
    "Path",
    "PermissionsBoundary",
    "Policies",
    "RoleName",
    "Tags",
];

pub(super) fn read(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Role> {
    resource.expect_properties(id, &PROPERTIES)?;
    let arn = names::attribute(scope, line, id, "Arn")?;
    let mut role = Role { arn, statements: Vec::new(), unknown: Vec::new() };
    if let Some(managed) = scope.property(resource, "ManagedPolicyArns")? {
        let policies = managed.expect_list("ManagedPolicyArns")?.iter();
        let unknown = policies.filter(|policy| !policy.as_text().is_some_and(allows_nothing));
        role.unknown = unknown.map(|policy| policy.line).collect();
    }
    let policies = resource.property("Policies").map(|policies| scope.resolve_shallow(policies)).transpose()?.flatten();
    for policy in policies.as_deref().map_or(Ok(&[][..]), |policies| policies.expect_list("Policies"))? {
        let Some(policy) = scope.resolve_shallow(policy)? else { continue };
        let document = policy.get("PolicyDocument");
        let document = document.ok_or_else(|| TemplateError::new(policy.line, "the policy has no PolicyDocument"))?;
        if let Some(document) = scope.resolve_shallow(document)? {
            role.statements.extend(statements(scope, &document)?);
        }
    }
    Ok(role)
}

/// The statements of a document, which has one or a list of them. Statements about services that do not exist here are
/// skipped, because they may contain anything.
pub(super) fn statements(scope: &Scope<'_>, document: &Node) -> Result<Vec<Statement>> {
    let missing = || TemplateError::new(document.line, "the policy has no Statement");
    let all = scope.resolve_shallow(document.get("Statement").ok_or_else(missing)?)?.ok_or_else(missing)?;
    let mut statements = Vec::new();
    for node in all.expect_list("Statement").unwrap_or(std::slice::from_ref(&all)) {
        if let Some(node) = scope.resolve_shallow(node)? {
            statements.extend(statement(scope, &node)?);
        }
    }
    Ok(statements)
}

/// A statement, or `None` if it is about services that do not exist here.
fn statement(scope: &Scope<'_>, node: &Node) -> Result<Option<Statement>> {
    let actions = texts(scope, node, "Action")?;
    if !actions.iter().any(|action| SERVICES.iter().any(|service| action.starts_with(service)) || action == "*") {
        return Ok(None);
    }
    let Some(node) = scope.resolve(node)? else { return Ok(None) };
    if node.get("Effect").and_then(Node::as_text) != Some("Allow") {
        return Err(TemplateError::new(node.line, "a statement that does not Allow is not supported here"));
    }
    let (mut keys, mut prefixes) = (None, None);
    if let Some(condition) = node.get("Condition") {
        match only(condition)? {
            (operator, key, operand) if (operator, key) == KEYS => keys = Some(texts(scope, operand, key)?),
            ("StringLike", PREFIXES, operand) => prefixes = Some(Prefixes::Like(texts(scope, operand, PREFIXES)?)),
            ("StringEquals", PREFIXES, operand) => prefixes = Some(Prefixes::Equal(texts(scope, operand, PREFIXES)?)),
            _ => return Err(refused(condition.line)),
        }
    }
    Ok(Some(Statement { actions, resources: texts(scope, &node, "Resource")?, keys, prefixes }))
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

#[cfg(test)]
mod tests {
    use super::super::{Given, Template, TemplateError};
    use super::Role;

    const TEMPLATE: &str = "
Conditions: {Never: !Equals [a, b]}
Resources:
  Main:
    Type: AWS::Serverless::Function
    Properties: {Role: !GetAtt MainRole.Arn, Policies: [S3ReadPolicy: {BucketName: !ImportValue elsewhere}]}
  Other:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - Statement:
            - {Effect: Allow, Action: sns:Publish, Resource: !ImportValue elsewhere}
            - !If [Never, {Effect: Deny, Action: '*', Resource: '*'}, !Ref AWS::NoValue]
            - {Effect: Allow, Action: sqs:SendMessage, Resource: '*'}
  MainRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement: {Effect: Allow, Action: s3:GetObject, Resource: '*'}
";

    fn roles(source: &str) -> Result<Vec<Role>, TemplateError> {
        Template::parse(source, &Given::default()).map(|template| template.roles)
    }

    #[test]
    fn a_document_has_one_statement_or_several() {
        let roles = roles(TEMPLATE).unwrap();
        let actions = |arn: &str| {
            let role = roles.iter().find(|role| role.arn.ends_with(arn)).unwrap();
            role.statements.iter().flat_map(|statement| statement.actions.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            (actions("-MainRole"), actions("-OtherRole")),
            (vec!["s3:GetObject".to_owned()], vec!["sqs:SendMessage".to_owned()])
        );
    }

    #[test]
    fn a_policy_that_says_nothing_is_a_mistake() {
        for (from, to, message) in [
            ("PolicyDocument:", "Document:", "19: the policy has no PolicyDocument"),
            ("Statement: {Effect", "Statements: {Effect", "20: the policy has no Statement"),
        ] {
            let source = TEMPLATE.replace(from, to);
            assert_eq!(roles(&source).unwrap_err().to_string(), message);
        }
    }
}

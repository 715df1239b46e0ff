//! What functions may do: their roles in the template, checked at each call as AWS would check them.
//!
//! A function is identified by its access key, which is its logical id. Any other key, such as a developer's with the
//! AWS CLI, may do everything; so may a function whose role is not in the template.

mod calls;
mod proxy;

use crate::template::{Prefixes, Statement, Template, arn};
use crate::wildcard::fit;
pub(crate) use proxy::Proxy;
use serde_json::Value;
use std::collections::HashMap;

/// The permissions of all functions of a template.
#[derive(Debug)]
pub struct Permissions {
    roles: HashMap<String, Vec<Statement>>,
    tables: HashMap<String, Keys>,
}

/// A table's partition key, and those of its indexes.
#[derive(Debug)]
struct Keys {
    own: String,
    indexes: HashMap<String, String>,
}

/// An action that needs permission.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Such as `dynamodb:GetItem`.
    pub(crate) action: String,
    /// The ARN of the resource.
    pub(crate) resource: String,
    /// The partitions that it touches; empty if it does not name any.
    pub(crate) keys: Vec<String>,
    /// The prefix, for the listing of a bucket.
    pub(crate) prefix: Option<String>,
}

impl Wish {
    pub(crate) fn new(action: &str, resource: String) -> Self {
        Self { action: action.to_owned(), resource, keys: Vec::new(), prefix: None }
    }
}

impl Permissions {
    /// The permissions of a template's functions.
    pub fn of(template: &Template) -> Self {
        let statements = |arn: &str| {
            let role = template.roles.iter().find(|role| role.arn == arn && role.unknown.is_empty())?;
            Some(role.statements.clone())
        };
        let functions = template.functions.iter();
        let roles = functions.filter_map(|f| Some((f.id.clone(), statements(f.role.as_deref()?)?))).collect();
        let tables = template.tables.iter().map(|table| (table.name.clone(), Keys::of(&table.create))).collect();
        Self { roles, tables }
    }

    /// Refuses what the owner of this access key may not do, and says why. It is also logged, because the function may
    /// swallow the error.
    pub(crate) fn check(&self, access_key: &str, wish: &Wish) -> Result<(), String> {
        if self.allow(access_key, wish) {
            return Ok(());
        }
        let Wish { action, resource, keys, prefix } = wish;
        tracing::error!(
            function = access_key,
            action,
            resource,
            ?keys,
            prefix,
            "a function's role does not allow this"
        );
        Err(format!("{access_key} is not authorized to perform: {action} on resource: {resource}"))
    }

    /// Like `check`, but allows everything if roles are ignored.
    pub(crate) fn check_unless_off(permissions: Option<&Self>, access_key: &str, wish: &Wish) -> Result<(), String> {
        permissions.map_or(Ok(()), |permissions| permissions.check(access_key, wish))
    }

    /// Whether the owner of this access key has a permission.
    fn allow(&self, access_key: &str, wish: &Wish) -> bool {
        let Some(statements) = self.roles.get(access_key) else { return true };
        statements.iter().any(|statement| {
            let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| matches(pattern, text));
            // As in IAM, an empty list of keys satisfies the condition.
            let keys = statement.keys.as_ref().is_none_or(|keys| wish.keys.iter().all(|key| any(keys, key)));
            let listed = |prefixes: &Prefixes| match (&wish.prefix, prefixes) {
                (Some(prefix), Prefixes::Like(patterns)) => any(patterns, prefix),
                (Some(prefix), Prefixes::Equal(all)) => all.contains(prefix),
                (None, _) => false,
            };
            let prefix = statement.prefixes.as_ref().is_none_or(listed);
            any(&statement.actions, &wish.action) && any(&statement.resources, &wish.resource) && keys && prefix
        })
    }
}

impl Keys {
    fn of(create: &Value) -> Self {
        let hash = |schema: &Value| {
            let keys = schema["KeySchema"].as_array().into_iter().flatten();
            let mut hash = keys.filter(|key| key["KeyType"] == "HASH");
            hash.find_map(|key| key["AttributeName"].as_str()).unwrap_or_default().to_owned()
        };
        let indexes = create["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
        let indexes = indexes.map(|index| (index["IndexName"].as_str().unwrap_or_default().to_owned(), hash(index)));
        Self { own: hash(create), indexes: indexes.collect() }
    }
}

/// The access key of a signed request.
pub(crate) fn access_key(authorization: &str) -> &str {
    credential(authorization).split('/').next().unwrap_or_default()
}

/// The scope of a signature: signer, date, region and service: `KEY/20260101/us-east-1/s3/aws4_request`.
pub(crate) fn credential(authorization: &str) -> &str {
    let credential = authorization.split_once("Credential=").map_or("", |(_, rest)| rest);
    credential.split(',').next().unwrap_or_default()
}

/// The ARN of a connection of a WebSocket API, for a method.
pub(crate) fn connection(api_id: &str, stage: &str, method: &str, id: &str) -> Wish {
    let resource = arn("execute-api", &format!("{api_id}/{stage}/{method}/@connections/{id}"));
    Wish::new("execute-api:ManageConnections", resource)
}

/// Whether a text matches a pattern, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    fit(pattern.split('*'), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Given;
    use serde_json::json;

    const TEMPLATE: &str = "
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: g, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - {IndexName: by-g, KeySchema: [{AttributeName: g, KeyType: HASH}], Projection: {ProjectionType: ALL}}
  Reader:
    Type: AWS::Serverless::Function
    Properties: {Role: !GetAtt ReaderRole.Arn}
  Free:
    Type: AWS::Serverless::Function
  ReaderRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [dynamodb:GetItem, dynamodb:Query]
                Resource: !GetAtt Items.Arn
                Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ['A#*', B]}}
              - {Effect: Allow, Action: dynamodb:Query, Resource: !Sub '${Items.Arn}/index/by-g'}
              - {Effect: Allow, Action: 'execute-api:*', Resource: 'arn:*/POST/@connections/*'}
              - {Effect: Allow, Action: logs:PutLogEvents, Resource: !GetAtt Nowhere.Arn}
              - {Effect: Allow, Action: s3:ListBucket, Resource: 'arn:aws:s3:::like', Condition: {StringLike: {s3:prefix: a*}}}
              - {Effect: Allow, Action: s3:ListBucket, Resource: 'arn:aws:s3:::equal', Condition: {StringEquals: {s3:prefix: a*}}}
";

    fn allowed(access_key: &str, operation: &str, body: &Value) -> bool {
        let permissions = Permissions::of(&Template::parse(TEMPLATE, &Given::default()).unwrap());
        permissions.wishes(operation, body).iter().all(|wish| permissions.allow(access_key, wish))
    }

    #[test]
    fn a_function_may_do_what_its_role_allows_and_no_more() {
        let key = |pk: &str| json!({"TableName": "local-Items", "Key": {"pk": {"S": pk}}});
        assert!(allowed("Reader", "GetItem", &key("A#1")) && allowed("Reader", "GetItem", &key("B")));
        assert!(!allowed("Reader", "GetItem", &key("B#1")) && !allowed("Reader", "DeleteItem", &key("A#1")));
        let other = json!({"TableName": "local-Others", "Key": {"pk": {"S": "B"}}});
        assert!(!allowed("Reader", "GetItem", &other));
        for everything in ["Free", "developer"] {
            assert!(allowed(everything, "DeleteItem", &key("C")), "{everything}");
        }
    }

    #[test]
    fn queries_are_about_the_partition_that_they_name() {
        let query = |key: &str, index: Option<&str>| {
            let mut body = json!({"TableName": "local-Items", "KeyConditionExpression": "#k = :k AND sk > :s",
                "ExpressionAttributeNames": {"#k": "pk"}, "ExpressionAttributeValues": {":k": {"S": key}}});
            if let Some(index) = index {
                body["IndexName"] = json!(index);
                body["KeyConditionExpression"] = json!("g=:k");
            }
            allowed("Reader", "Query", &body)
        };
        assert!(query("A#1", None) && !query("C", None));
        assert!(query("C", Some("by-g")) && !query("A#1", Some("by-h")));
        for condition in ["(pk = :k)", "((pk=:k) AND (begins_with(sk, :s)))", "(sk >= :s) AND (pk = :k)"] {
            let about = |key: &str| {
                let values = json!({":k": {"S": key}, ":s": {"S": "A#"}});
                json!({"TableName": "local-Items", "KeyConditionExpression": condition, "ExpressionAttributeValues": values})
            };
            assert!(allowed("Reader", "Query", &about("A#1")), "{condition}");
            assert!(!allowed("Reader", "Query", &about("C")), "{condition}");
        }
    }

    #[test]
    fn every_part_of_a_transaction_is_asked_for_by_itself() {
        let part =
            |kind: &str, field: &str, pk: &str| json!({kind: {"TableName": "local-Items", field: {"pk": {"S": pk}}}});
        let transaction = |parts: Value| allowed("Reader", "TransactWriteItems", &json!({"TransactItems": parts}));
        assert!(!transaction(json!([part("Put", "Item", "A#1")])));
        assert!(!transaction(json!([part("ConditionCheck", "Key", "A#1"), part("Delete", "Key", "A#1")])));
        let get = json!({"TransactItems": [part("Get", "Key", "A#1"), part("Get", "Key", "C")]});
        assert!(!allowed("Reader", "TransactGetItems", &get));
        let batch = json!({"RequestItems": {"local-Items": [{"PutRequest": {"Item": {"pk": {"S": "A#1"}}}}]}});
        assert!(!allowed("Reader", "BatchWriteItem", &batch));
    }

    #[test]
    fn connections_are_named_by_method() {
        let permissions = Permissions::of(&Template::parse(TEMPLATE, &Given::default()).unwrap());
        assert_eq!(permissions.check("Reader", &connection("live", "ws", "POST", "a=")), Ok(()));
        let refused = permissions.check("Reader", &connection("live", "ws", "DELETE", "a=")).unwrap_err();
        let beginning = "Reader is not authorized to perform: execute-api:ManageConnections on resource: arn:aws:";
        assert!(refused.starts_with(beginning), "{refused}");
    }

    #[test]
    fn what_equals_is_not_only_like() {
        let permissions = Permissions::of(&Template::parse(TEMPLATE, &Given::default()).unwrap());
        for (bucket, prefix, expected) in
            [("like", "ab", true), ("like", "b", false), ("equal", "ab", false), ("equal", "a*", true)]
        {
            let mut wish = Wish::new("s3:ListBucket", format!("arn:aws:s3:::{bucket}"));
            wish.prefix = Some(prefix.to_owned());
            assert_eq!(permissions.allow("Reader", &wish), expected, "{bucket} {prefix}");
        }
    }

    #[test]
    fn what_cannot_be_checked_is_refused_with_its_line() {
        let source = TEMPLATE.replace("ForAllValues:StringLike", "StringEquals");
        let error = Template::parse(&source, &Given::default()).unwrap_err();
        assert!(error.to_string().contains("condition"), "{error}");
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn who_asks_is_told_by_the_signature() {
        let header = "AWS4-HMAC-SHA256 Credential=Reader/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host";
        assert_eq!((access_key(header), access_key("Bearer x")), ("Reader", ""));
    }
}

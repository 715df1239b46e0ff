//! The permissions that calls of DynamoDB need.

use super::{Permissions, Wish};
use crate::template;
use serde_json::Value;

impl Permissions {
    /// The permissions that a call needs, in IAM's terms. A transaction needs those of each of its parts.
    pub(super) fn wishes(&self, operation: &str, body: &Value) -> Vec<Wish> {
        match operation {
            "TransactWriteItems" | "TransactGetItems" => {
                let parts = body["TransactItems"].as_array().into_iter().flatten();
                parts.flat_map(|part| part.as_object().into_iter().flatten()).map(|part| self.part(part)).collect()
            }
            "BatchWriteItem" | "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().into_iter().flatten();
                tables.map(|(table, requests)| self.batch(operation, table, requests)).collect()
            }
            _ => {
                let table = body["TableName"].as_str().unwrap_or_default();
                let index = body["IndexName"].as_str();
                let hash = self.hash(table, index);
                let keys = [&body["Key"], &body["Item"]].map(|key| text(&key[hash])).into_iter().flatten();
                let keys = keys.chain(queried(body, hash)).collect();
                vec![Wish { action: format!("dynamodb:{operation}"), resource: arn(table, index), keys, prefix: None }]
            }
        }
    }

    fn part(&self, (kind, part): (&String, &Value)) -> Wish {
        let action = match kind.as_str() {
            "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
            other => format!("dynamodb:{other}Item"),
        };
        let table = part["TableName"].as_str().unwrap_or_default();
        let hash = self.hash(table, None);
        let keys = [&part["Key"], &part["Item"]].map(|key| text(&key[hash])).into_iter().flatten().collect();
        Wish { action, resource: arn(table, None), keys, prefix: None }
    }

    fn batch(&self, operation: &str, table: &str, requests: &Value) -> Wish {
        let hash = self.hash(table, None);
        let writes = requests.as_array().into_iter().flatten();
        let written = writes.flat_map(|r| [&r["PutRequest"]["Item"], &r["DeleteRequest"]["Key"]]);
        let read = requests["Keys"].as_array().into_iter().flatten();
        let keys = written.chain(read).filter_map(|key| text(&key[hash])).collect();
        Wish { action: format!("dynamodb:{operation}"), resource: arn(table, None), keys, prefix: None }
    }

    /// The partition key of a table or index.
    fn hash(&self, table: &str, index: Option<&str>) -> &str {
        let Some(keys) = self.tables.get(table) else { return "" };
        index.map_or(&keys.own, |index| keys.indexes.get(index).unwrap_or(&keys.own))
    }
}

fn arn(table: &str, index: Option<&str>) -> String {
    let index = index.map(|index| format!("/index/{index}")).unwrap_or_default();
    template::arn("dynamodb", &format!("table/{table}{index}"))
}

/// The value of a partition key.
fn text(attribute: &Value) -> Option<String> {
    ["S", "N", "B"].iter().find_map(|kind| attribute[kind].as_str()).map(str::to_owned)
}

/// The partition that a query reads: `hash = :value` in its condition, with or without parentheses, with the name
/// itself or `#name`.
fn queried(body: &Value, hash: &str) -> Option<String> {
    let condition = body["KeyConditionExpression"].as_str()?;
    let tokens = condition.replace(['(', ')'], " ").replace('=', " = ");
    let tokens: Vec<&str> = tokens.split_whitespace().collect();
    tokens.windows(3).find_map(|window| {
        let [name, "=", value] = window else { return None };
        let name = body["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
        (name == hash).then(|| text(&body["ExpressionAttributeValues"][value]))?
    })
}

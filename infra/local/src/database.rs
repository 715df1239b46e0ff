//! DynamoDB's API, in its own JSON.

use crate::template::{Table, region};
use anyhow::{Context, bail};
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A client of the database, embedded or elsewhere.
#[derive(Debug, Clone)]
pub struct Database {
    client: Client,
    endpoint: String,
}

/// Why a call had no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The database refused it.
    #[error("{0}")]
    Refused(String),
    /// It could not be reached.
    #[error(transparent)]
    Unreachable(#[from] reqwest::Error),
}

impl Database {
    /// A client for an endpoint.
    pub fn new(endpoint: String) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { client, endpoint })
    }

    /// Where the database is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls an operation, such as `DynamoDB_20120810.CreateTable`.
    pub async fn call(&self, target: &str, body: &Value) -> Result<Value, CallError> {
        let now = jiff::Timestamp::now();
        let scope = format!("{}/{}/dynamodb/aws4_request", now.strftime("%Y%m%d"), region());
        // It looks at the header's shape and verifies nothing.
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential=local/{scope}, SignedHeaders=host;x-amz-date, Signature=0");
        let request = self.client.post(&self.endpoint).header("X-Amz-Target", target);
        let request = request.header("Content-Type", "application/x-amz-json-1.0");
        let request = request.header("X-Amz-Date", now.strftime("%Y%m%dT%H%M%SZ").to_string());
        let response = request.header("Authorization", authorization).body(body.to_string()).send().await?;
        let is_success = response.status().is_success();
        let answer = response.bytes().await?;
        if !is_success {
            return Err(CallError::Refused(String::from_utf8_lossy(&answer).into_owned()));
        }
        serde_json::from_slice(&answer).map_err(|error| CallError::Refused(error.to_string()))
    }

    /// Creates a table that is not there yet, and gives the ARN of its stream.
    pub async fn create(&self, table: &Table) -> anyhow::Result<Option<String>> {
        let name = json!({"TableName": table.name});
        let known = self.call("DynamoDB_20120810.DescribeTable", &name).await;
        let stream = |answer: &Value, of: &str| answer[of]["LatestStreamArn"].as_str().map(str::to_owned);
        if let Ok(known) = &known {
            let differences = differences(&known["Table"], &table.create);
            if !differences.is_empty() {
                let (id, what) = (&table.id, differences.join("; "));
                bail!(
                    "the table {id} that is there is not the template's: {what}. Move the data folder away, or delete the \
                     table where --database is, and it is made anew"
                );
            }
            self.compare_expiry(table).await?;
            return Ok(stream(known, "Table"));
        }
        let created = self.call("DynamoDB_20120810.CreateTable", &table.create).await;
        let created = created.with_context(|| format!("cannot create the table {}", table.id))?;
        if let Some(attribute) = &table.ttl {
            let specification = json!({"Enabled": true, "AttributeName": attribute});
            let body = json!({"TableName": table.name, "TimeToLiveSpecification": specification});
            self.call("DynamoDB_20120810.UpdateTimeToLive", &body).await?;
        }
        tracing::info!(table = table.name, "the table was missing and has been created");
        Ok(stream(&created, "TableDescription"))
    }

    /// Says when items of a table that is there expire otherwise than the template wants. They can be read and written all
    /// the same.
    async fn compare_expiry(&self, table: &Table) -> Result<(), CallError> {
        let described = self.call("DynamoDB_20120810.DescribeTimeToLive", &json!({"TableName": table.name})).await?;
        let (found, wanted) = (expiry(&described), table.ttl.as_deref());
        if found != wanted {
            let (found, wanted) = (found.unwrap_or("missing"), wanted.unwrap_or("missing"));
            tracing::warn!(table = table.name, "the time to live is {found} there and {wanted} in the template");
        }
        Ok(())
    }
}

/// The attribute that says when an item expires, unless that is switched off.
fn expiry(described: &Value) -> Option<&str> {
    let described = &described["TimeToLiveDescription"];
    let is_on = matches!(described["TimeToLiveStatus"].as_str(), Some("ENABLED" | "ENABLING"));
    described["AttributeName"].as_str().filter(|_| is_on)
}

/// In what a table that is there differs from the one that the template wants.
fn differences(found: &Value, wanted: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, found: String, wanted: String| {
        if found != wanted {
            all.push(format!("{what} is {found} there and {wanted} in the template"));
        }
    };
    compare("the key", key(found, &found["KeySchema"]), key(wanted, &wanted["KeySchema"]));
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let (found, wanted) = (indexes(found, kind), indexes(wanted, kind));
        let names: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
        for name in names {
            let shown = |all: &BTreeMap<String, String>| all.get(name).cloned().unwrap_or_else(|| "missing".to_owned());
            compare(&format!("the index {name}"), shown(&found), shown(&wanted));
        }
    }
    compare("the stream", view(found), view(wanted));
    all
}

/// A key in words, such as `pk (S), sk (S)`.
fn key(table: &Value, schema: &Value) -> String {
    let defined = table["AttributeDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
    let mut parts: Vec<_> = schema.as_array().into_iter().flatten().collect();
    parts.sort_by_key(|part| part["KeyType"] != "HASH");
    let part = |part: &&Value| {
        let name = part["AttributeName"].as_str().unwrap_or_default();
        let kind = defined.iter().find(|attribute| attribute["AttributeName"] == name);
        format!("{name} ({})", kind.and_then(|kind| kind["AttributeType"].as_str()).unwrap_or("?"))
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn indexes(table: &Value, kind: &str) -> BTreeMap<String, String> {
    let all = table[kind].as_array().into_iter().flatten();
    all.map(|index| {
        let projection = index["Projection"]["ProjectionType"].as_str().unwrap_or("ALL");
        let shown = format!("{} with {projection}", key(table, &index["KeySchema"]));
        (index["IndexName"].as_str().unwrap_or_default().to_owned(), shown)
    })
    .collect()
}

fn view(table: &Value) -> String {
    let stream = &table["StreamSpecification"];
    let enabled = stream["StreamEnabled"].as_bool().unwrap_or(false);
    stream["StreamViewType"].as_str().filter(|_| enabled).unwrap_or("missing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_expires() {
        for (status, expected) in [("ENABLED", Some("ttl")), ("ENABLING", Some("ttl")), ("DISABLED", None)] {
            let described = json!({"TimeToLiveDescription": {"TimeToLiveStatus": status, "AttributeName": "ttl"}});
            assert_eq!(expiry(&described), expected, "{status}");
        }
        assert_eq!(expiry(&json!({})), None);
    }

    #[test]
    fn what_has_changed_is_said() {
        let table = json!({
            "AttributeDefinitions": [
                {"AttributeName": "sk", "AttributeType": "N"}, {"AttributeName": "pk", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "gsi",
                "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        });
        let mut described = table.clone();
        described["GlobalSecondaryIndexes"][0]["IndexStatus"] = json!("ACTIVE");
        assert!(differences(&described, &table).is_empty());
        let mut wanted = table.clone();
        wanted["KeySchema"] =
            json!([{"AttributeName": "sk", "KeyType": "RANGE"}, {"AttributeName": "pk", "KeyType": "HASH"}]);
        wanted["GlobalSecondaryIndexes"] = json!([]);
        wanted["StreamSpecification"] = json!(null);
        let expected = [
            "the key is pk (S) there and pk (S), sk (N) in the template",
            "the index gsi is sk (N) with KEYS_ONLY there and missing in the template",
            "the stream is NEW_IMAGE there and missing in the template",
        ];
        assert_eq!(differences(&described, &wanted), expected);
    }
}

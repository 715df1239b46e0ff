//! DynamoDB's API, in its own JSON.

use crate::signing::Keys;
use crate::template::{Table, region};
use anyhow::{Context, bail};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use embedded::{Answer, Caller};
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The content type of DynamoDB's answers.
pub(crate) const JSON: &str = "application/x-amz-json-1.0";

/// The connection to the database. Clones share it.
#[derive(Clone)]
pub struct Database(Way);

#[derive(Clone)]
enum Way {
    /// In this process.
    Embedded(Caller),
    /// At an address.
    At { client: Client, endpoint: String, keys: Keys },
}

/// Why a call failed.
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
    /// The embedded database.
    pub(crate) fn embedded(caller: Caller) -> Self {
        Self(Way::Embedded(caller))
    }

    /// The database at an address.
    pub fn at(endpoint: String, keys: Keys) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self(Way::At { client, endpoint, keys }))
    }

    /// Passes a call on, such as `DynamoDB_20120810.CreateTable`.
    pub(crate) async fn pass(&self, target: &str, body: Bytes) -> Result<Answer, reqwest::Error> {
        let (client, endpoint, keys) = match &self.0 {
            Way::Embedded(caller) => return Ok(caller.call(target.to_owned(), body).await),
            Way::At { client, endpoint, keys } => (client, endpoint, keys),
        };
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(JSON))]);
        let host = endpoint.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        headers.extend([(HOST, text(host)), ("x-amz-target".parse().unwrap_or(HOST), text(target))]);
        // Fails on characters that a header cannot hold; the database then refuses the call.
        let _ = keys.sign(&region(), &mut headers, &body);
        let response = client.post(endpoint).headers(headers).body(body).send().await?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.text().await? })
    }

    /// Calls an operation.
    pub async fn call(&self, target: &str, body: &Value) -> Result<Value, CallError> {
        let answer = self.pass(target, Bytes::from(body.to_string())).await?;
        if answer.status != 200 {
            return Err(CallError::Refused(answer.body));
        }
        serde_json::from_str(&answer.body).map_err(|error| CallError::Refused(error.to_string()))
    }

    /// Creates a table if it is missing, and returns the ARN of its stream.
    pub async fn create(&self, table: &Table) -> anyhow::Result<Option<String>> {
        let name = json!({"TableName": table.name});
        let known = self.call("DynamoDB_20120810.DescribeTable", &name).await;
        let stream = |answer: &Value, of: &str| answer[of]["LatestStreamArn"].as_str().map(str::to_owned);
        if let Ok(known) = &known {
            let differences = differences(&known["Table"], &table.create);
            if !differences.is_empty() {
                let (id, what) = (&table.id, differences.join("; "));
                bail!(
                    "the existing table {id} differs from the template: {what}. Move the data folder away, or delete the \
                     table in the database of --database, and it will be created anew"
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
        tracing::info!(table = table.name, "a missing table was created");
        Ok(stream(&created, "TableDescription"))
    }

    /// Warns if items of an existing table expire differently from the template. They can be read and written all the
    /// same.
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

/// The attribute that says when an item expires; `None` if that is switched off.
fn expiry(described: &Value) -> Option<&str> {
    let described = &described["TimeToLiveDescription"];
    let is_on = matches!(described["TimeToLiveStatus"].as_str(), Some("ENABLED" | "ENABLING"));
    described["AttributeName"].as_str().filter(|_| is_on)
}

/// How an existing table differs from the template.
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

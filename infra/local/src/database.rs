//! DynamoDB's API, in its own JSON.

use crate::template::{Table, region};
use anyhow::Context;
use reqwest::Client;
use serde_json::{Value, json};
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
}

//! Sources that are fetched on a schedule.

use crate::item::{n, s};
use crate::write::values;
use crate::{Item, ItemExt, PK, SK, Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const SOURCES: &str = "SOURCES";

/// A source, and its last fetch.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledSource {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub definition: Definition,
    /// The last fetch.
    pub asked: Option<Asked>,
    /// When somebody last requested an immediate fetch, in microseconds since 1970.
    pub wanted_at: Option<i64>,
}

/// The settings of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Where the file is.
    #[serde(flatten)]
    pub origin: Origin,
    /// The site of rows that name none, and of an effluent chart. The schedule uses its time zone.
    pub site: Option<String>,
    /// When it is fetched: a crontab line.
    pub schedule: String,
    /// The name of the secret that is sent with the request.
    pub secret: Option<String>,
    /// When this was set, in microseconds since 1970.
    pub set_at: i64,
    /// Who has set it: the client.
    pub set_by: String,
}

/// Where a source has its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// At a URL.
    Address {
        /// The URL.
        url: String,
    },
    /// EPA's effluent charts: the values that a permit's holder has reported.
    Echo {
        /// The NPDES permit.
        permit: String,
        /// A URL of the service, if not EPA's.
        url: Option<String>,
    },
}

/// The outcome of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SourceOutcome)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A file came, and is in the inbox.
    Taken,
    /// It is the same file as before.
    Unchanged,
    /// No file came.
    Failed,
}

/// A fetch of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Its outcome.
    pub outcome: Outcome,
    /// For programs: why no file came, or empty.
    pub code: String,
    /// For people.
    pub message: String,
    /// Since when the outcome has been the same, in microseconds since 1970.
    pub since: i64,
    /// How often in a row.
    pub times: u64,
    /// The last file that came.
    pub last: Option<Received>,
}

/// A file that came from a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The server's identification of this version: its `ETag` and its `Last-Modified`.
    pub etag: Option<String>,
    /// See `etag`.
    pub modified: Option<String>,
    /// SHA-256 of the received bytes, in hex.
    pub digest: String,
    /// The inbox into which it was put, by its name as a source.
    pub inbox: String,
    /// Its place there.
    pub place: String,
}

impl Store {
    /// All of them, by name.
    pub async fn scheduled_sources(&self) -> Result<Vec<ScheduledSource>, StoreError> {
        self.prefixed(SOURCES.into(), "").await?.iter().map(source).collect()
    }

    /// One of them.
    pub async fn scheduled_source(&self, name: &str) -> Result<Option<ScheduledSource>, StoreError> {
        self.get(SOURCES.into(), name.to_owned()).await?.as_ref().map(source).transpose()
    }

    /// Sets a source, as not yet fetched.
    pub async fn set_source(&self, name: &str, definition: &Definition) -> Result<(), StoreError> {
        let mut item = crate::keys(SOURCES, name);
        item.insert("definition".into(), s(text(definition)?));
        item.insert("set_at".into(), n(definition.set_at));
        self.put_if(item, None).await
    }

    /// Requests an immediate fetch of a source. A conflict means that there is no such source.
    pub async fn want_source(&self, name: &str, at: i64) -> Result<(), StoreError> {
        let update = self.change_source(name, "SET wanted_at = :at").condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_values(":at", n(at));
        self.patiently(|| update.clone().send()).await.map(drop)
    }

    /// Records a fetch of a source. A conflict means that it was changed meanwhile, or removed.
    pub async fn note_asked(&self, source: &ScheduledSource, asked: &Asked) -> Result<(), StoreError> {
        let update = self.change_source(&source.name, "SET asked = :asked").condition_expression("set_at = :set_at");
        let values = values([(":asked", s(text(asked)?)), (":set_at", n(source.definition.set_at))]);
        let update = update.set_expression_attribute_values(Some(values));
        self.patiently(|| update.clone().send()).await.map(drop)
    }

    /// Removes a source.
    pub async fn remove_source(&self, name: &str) -> Result<(), StoreError> {
        self.delete_all(vec![(SOURCES.into(), name.to_owned())]).await
    }

    fn change_source(
        &self,
        name: &str,
        change: &str,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(self.table()).key(PK, s(SOURCES)).key(SK, s(name));
        update.update_expression(change)
    }
}

fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::build)
}

fn source(item: &Item) -> Result<ScheduledSource, StoreError> {
    let damaged = |error| item.damaged(error);
    let asked = item.contains_key("asked").then(|| item.text("asked")).transpose()?;
    Ok(ScheduledSource {
        name: item.text(SK)?.to_owned(),
        definition: serde_json::from_str(item.text("definition")?).map_err(damaged)?,
        asked: asked.map(serde_json::from_str).transpose().map_err(damaged)?,
        wanted_at: item.contains_key("wanted_at").then(|| item.number("wanted_at")).transpose()?,
    })
}

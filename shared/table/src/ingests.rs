//! Ingest records: the ledger of where readings came from, and what makes an ingest happen once.

use super::bootstrap::{GSI, GSI_PK, GSI_SK};
use super::item::{n, s};
use super::write::Transaction;
use super::{ItemExt, PK, SK, Store, StoreError, TTL, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::name;
use domain::reading::short_digest;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// How far an ingest has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Readings are being written and judged. After a crash the same file posted again finishes it.
    Writing,
    /// Everything is stored, judged and announced.
    Done,
}

/// The record of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ingest {
    /// Made of digest and given site: the same file for the same site is the same ingest.
    pub id: String,
    /// SHA-256 of the decompressed bytes, in hex.
    pub digest: String,
    /// Decompressed size.
    pub bytes: u64,
    /// The site given with the file.
    pub site: Option<String>,
    /// What the client called the file; may be empty.
    pub source: String,
    /// Who sent it: the client's address.
    pub who: String,
    /// When it was first sent, RFC 3339.
    pub received_at: String,
    /// The version of this program.
    pub code_version: String,
    /// How far it has come.
    pub state: State,
    /// The revision of each site under which its segments are written.
    pub revisions: BTreeMap<String, u64>,
    /// The answer that was given, once it is done.
    pub answer: Option<Value>,
}

/// The id of the ingest of these bytes for this site.
pub fn id_of(digest: &str, site: Option<&str>) -> String {
    short_digest([digest, &site.map(name::key).unwrap_or_default()])
}

fn partition(id: &str) -> String {
    format!("INGEST#{id}")
}

const RECORD: &str = "RECORD";
const TURN: &str = "TURN";
/// The index partition of all records, by time.
const LEDGER: &str = "LEDGER";

impl Store {
    /// The record of an ingest.
    pub async fn ingest(&self, id: &str) -> Result<Option<Ingest>, StoreError> {
        let Some(item) = self.get(partition(id), RECORD.into()).await? else { return Ok(None) };
        Ok(Some(serde_json::from_str(item.text("record")?).map_err(|e| item.damaged(e))?))
    }

    /// The ledger: the records of ingests, the latest first, each with its place. `before` is the place of the last
    /// one of the page before. An ingest of this moment may be missing: the index follows the table.
    pub async fn ingests(&self, before: Option<&str>, limit: usize) -> Result<Vec<(String, Ingest)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.table())
            .index_name(GSI)
            .key_condition_expression("gpk = :ledger AND gsk < :before")
            .expression_attribute_values(":ledger", s(LEDGER))
            // Behind every time there is.
            .expression_attribute_values(":before", s(before.unwrap_or("~")))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let found = query.send().await?;
        let read = found.items().iter().map(async |item| {
            let id = item.text(PK)?.trim_start_matches("INGEST#");
            let record = self.ingest(id).await?;
            Ok::<_, StoreError>(record.map(|record| (item.text(GSI_SK).unwrap_or_default().to_owned(), record)))
        });
        Ok(try_join_all(read).await?.into_iter().flatten().collect())
    }

    /// Writes the record of an ingest that begins; a conflict means that it exists.
    pub async fn begin_ingest(&self, ingest: &Ingest) -> Result<(), StoreError> {
        self.put_if(record(ingest)?, Some("attribute_not_exists(pk)")).await
    }

    /// Writes the record of an ingest that is done, and removes what was noted on the way.
    pub async fn end_ingest(&self, ingest: &Ingest, notes: &[Note]) -> Result<(), StoreError> {
        self.put_if(record(ingest)?, None).await?;
        let sites = ingest.revisions.keys().map(|site| format!("SENT#{site}"));
        let notes = notes.iter().map(|note| format!("NOTE#{}", note.key));
        self.delete_all(notes.chain(sites).map(|key| (partition(&ingest.id), key)).collect()).await
    }

    /// What was noted of an ingest, in order of the keys.
    pub async fn notes(&self, id: &str) -> Result<Vec<Note>, StoreError> {
        let items = self.prefixed(partition(id), "NOTE#").await?;
        items.iter().map(|item| serde_json::from_str(item.text("note")?).map_err(|e| item.damaged(e))).collect()
    }

    /// Notes something before it is acted upon. Returns what was noted first: an ingest that is repeated after a
    /// crash must announce what it found then, not what is left to find now.
    pub async fn note(&self, id: &str, note: Note) -> Result<Note, StoreError> {
        let sort_key = format!("NOTE#{}", note.key);
        let mut item = keys(partition(id), &sort_key);
        item.insert("note".into(), s(serde_json::to_string(&note).map_err(|e| item.damaged(e))?));
        match self.put_if(item, Some("attribute_not_exists(pk)")).await {
            Err(StoreError::Conflict) => {
                let first = self.get(partition(id), sort_key).await?.ok_or(StoreError::Conflict)?;
                serde_json::from_str(first.text("note")?).map_err(|e| first.damaged(e))
            }
            done => done.map(|()| note),
        }
    }

    /// Takes or renews the turn to work on an ingest; `false` if somebody else has it. Times are microseconds since 1970.
    pub async fn take_turn(&self, id: &str, holder: &str, now: i64, until: i64) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, s(partition(id)))
            .key(SK, s(TURN))
            .update_expression("SET holder = :holder, lasts = :until, #ttl = :ttl")
            .condition_expression("attribute_not_exists(holder) OR holder = :holder OR lasts < :now")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":holder", s(holder))
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":until", n(until))
            .expression_attribute_values(":ttl", n(until / 1_000_000 + 60));
        match update.send().await.map_err(StoreError::from) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the turn to work on an ingest back; one that somebody else has by now stays theirs.
    pub async fn give_turn_back(&self, id: &str, holder: &str) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(self.table())
            .key(PK, s(partition(id)))
            .key(SK, s(TURN))
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", s(holder));
        match delete.send().await.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Adds to a transaction that it fails unless `holder` has the turn.
    pub fn demand_turn(&self, transaction: &mut Transaction, id: &str, holder: &str) -> Result<(), StoreError> {
        let values = HashMap::from([(":holder".to_owned(), s(holder))]);
        transaction.check(self, (partition(id), TURN.into()), "holder = :holder", values)
    }

    /// Whether somebody has the turn.
    pub async fn turn_of(&self, id: &str) -> Result<Option<String>, StoreError> {
        let item = self.get(partition(id), TURN.into()).await?;
        item.map(|item| item.text("holder").map(str::to_owned)).transpose()
    }

    /// Whether the events of an ingest for a site have been announced.
    pub async fn is_announced(&self, id: &str, site: &str) -> Result<bool, StoreError> {
        Ok(self.get(partition(id), format!("SENT#{site}")).await?.is_some())
    }

    /// Adds to a transaction the mark that makes the announcement happen once.
    pub fn mark_announced(&self, transaction: &mut Transaction, id: &str, site: &str) -> Result<(), StoreError> {
        let item = keys(partition(id), format!("SENT#{site}"));
        transaction.put_if(self, item, Some("attribute_not_exists(pk)"), HashMap::<String, AttributeValue>::new())
    }
}

/// Something that an ingest found, by a key of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub key: String,
    pub found: Value,
}

fn record(ingest: &Ingest) -> Result<super::Item, StoreError> {
    let mut item = keys(partition(&ingest.id), RECORD);
    item.insert("record".into(), s(serde_json::to_string(ingest).map_err(|e| item.damaged(e))?));
    item.insert(GSI_PK.into(), s(LEDGER));
    item.insert(GSI_SK.into(), s(format!("{}#{}", ingest.received_at, ingest.id)));
    Ok(item)
}

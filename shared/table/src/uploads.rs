//! Uploads: files that come in parts.

use crate::item::{expiring, s};
use crate::{Item, ItemExt, Store, StoreError, keys};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an upload may take, and how long it is told what became of it.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A file that comes in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id; later ones have greater ones.
    pub id: String,
    /// The site that was given with it.
    pub site: Option<String>,
    /// What the client calls it.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// How long its parts are, but for the last one.
    pub part_bytes: u64,
    /// Where it will stand in the inbox.
    pub place: String,
    /// What the store of its parts calls it; empty for a folder.
    pub handle: String,
    /// Whether it is being put together, or is: parts that are not there any more are in it.
    #[serde(default)]
    pub is_completing: bool,
    /// Whether all of it is there.
    pub is_complete: bool,
}

fn partition(id: &str) -> String {
    format!("UPLOAD#{id}")
}

const RECORD: &str = "RECORD";

fn record(upload: &Upload) -> Result<Item, StoreError> {
    let mut item = expiring(keys(partition(&upload.id), RECORD), KEPT.as_secs() as i64);
    item.insert("record".into(), s(serde_json::to_string(upload).map_err(StoreError::build)?));
    Ok(item)
}

impl Store {
    /// Writes the record of an upload that begins.
    pub async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        self.put_if(record(upload)?, None).await
    }

    /// Writes the record of an upload anew. `false` if it was given up meanwhile.
    pub async fn change_upload(&self, upload: &Upload) -> Result<bool, StoreError> {
        match self.put_if(record(upload)?, Some("attribute_exists(pk)")).await {
            Err(StoreError::Conflict) => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// The record of an upload.
    pub async fn upload(&self, id: &str) -> Result<Option<Upload>, StoreError> {
        let Some(item) = self.get(partition(id), RECORD.into()).await? else { return Ok(None) };
        serde_json::from_str(item.text("record")?).map(Some).map_err(|error| item.damaged(error))
    }

    /// Removes the record of an upload.
    pub async fn remove_upload(&self, id: &str) -> Result<(), StoreError> {
        self.delete_all(vec![(partition(id), RECORD.into())]).await
    }
}

//! Uploads: files that are sent in parts.

use crate::item::{expiring, s};
use crate::{Item, ItemExt, Store, StoreError, keys};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an upload may take, and how long its outcome is kept.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A file that is sent in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id; later uploads have greater ones.
    pub id: String,
    /// The site that was requested with it.
    pub site: Option<String>,
    /// The client's name for it.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The size of its parts, except for the last one.
    pub part_bytes: u64,
    /// Its future place in the inbox.
    pub place: String,
    /// Its id in the store of its parts; empty for a folder.
    pub handle: String,
    /// Whether it is being or has been assembled: parts that no longer exist are in it.
    #[serde(default)]
    pub is_completing: bool,
    /// Whether it is complete.
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
    /// Writes the record of a new upload.
    pub async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        self.put_if(record(upload)?, None).await
    }

    /// Rewrites the record of an upload. `false` if it was cancelled meanwhile.
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

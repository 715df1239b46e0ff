//! The outcomes of files by their place, for clients that have put a file there.

use crate::ingests::Refusal;
use crate::item::{expiring, s};
use crate::{ItemExt, Store, StoreError, keys};
use domain::reading::short_digest;

/// Seconds after which nobody asks any more. The ledger has the outcome of every file for ever.
const KEPT: i64 = 30 * 24 * 3600;

/// The known outcome of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// It is or was recorded.
    Ingest {
        /// The id of its ingest.
        id: String,
        /// Distinguishes it from other files at the same place, in the source's terms.
        version: String,
    },
    /// It was refused.
    Refused(Refusal),
}

fn key(source: &str, place: &str) -> (String, String) {
    // A place may be longer than a key.
    (format!("SOURCE#{source}"), format!("FILE#{}", short_digest(&[place])))
}

impl Store {
    /// Records the outcome of the file at a place of a source.
    pub async fn note_arrival(&self, source: &str, place: &str, arrival: &Arrival) -> Result<(), StoreError> {
        let (pk, sk) = key(source, place);
        let mut item = expiring(keys(pk, sk), KEPT);
        match arrival {
            Arrival::Ingest { id, version } => {
                item.insert("version".into(), s(version));
                item.insert("ingest".into(), s(id))
            }
            Arrival::Refused(refusal) => {
                let text = serde_json::to_string(refusal).map_err(StoreError::build)?;
                item.insert("refusal".into(), s(text))
            }
        };
        self.put_if(item, None).await
    }

    /// The outcome of the file at a place of a source, if it is known.
    pub async fn arrival(&self, source: &str, place: &str) -> Result<Option<Arrival>, StoreError> {
        let (pk, sk) = key(source, place);
        let Some(item) = self.get(pk, sk).await? else { return Ok(None) };
        if item.contains_key("ingest") {
            let [id, version] = [item.text("ingest")?, item.text("version")?].map(str::to_owned);
            return Ok(Some(Arrival::Ingest { id, version }));
        }
        let refusal = serde_json::from_str(item.text("refusal")?).map_err(|error| item.damaged(error))?;
        Ok(Some(Arrival::Refused(refusal)))
    }
}

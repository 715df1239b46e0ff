//! The progress of recording a file, so that the next attempt can resume.

use crate::ingests::partition;
use crate::item::{n, s};
use crate::leases::Lease;
use crate::write::Transaction;
use crate::{ItemExt, Store, StoreError, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::time;

/// The sort key; the item is removed with the record's other notes once the file is done.
pub(crate) const REACHED: &str = "REACHED";
/// How long, in microseconds, a paused recording is left alone: it is resumed within minutes.
const PAUSE: i64 = 15 * 60 * 1_000_000;
/// Longer texts are not stored, because an item may have 400 KB: the file is read for them again.
const MAX_OPTIONS: usize = 300_000;

/// The progress.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reached {
    /// The segments before this one are written, in the file's order.
    pub segments: u64,
    /// Bytes read, and in total.
    pub read: (u64, u64),
    /// The write units of all attempts so far.
    pub write_units: f64,
    /// How it is read, as JSON; absent if that is too long to store.
    pub options: Option<String>,
    /// Whether everything that the file touches was marked before, and no later attempt has started to mark again.
    pub is_marked: bool,
    /// When the recording paused, if it did: in microseconds.
    pub paused_at: Option<i64>,
}

impl Store {
    /// Records the progress of a file's recording, unless another process records it now.
    pub async fn note_reached(&self, lease: &Lease, id: &str, reached: &Reached) -> Result<(), StoreError> {
        let mut item = keys(partition(id), REACHED);
        item.insert("segments".into(), n(reached.segments));
        item.insert("bytes_read".into(), n(reached.read.0));
        item.insert("bytes_all".into(), n(reached.read.1));
        item.insert("write_units".into(), n(reached.write_units));
        if let Some(options) = reached.options.as_ref().filter(|options| options.len() <= MAX_OPTIONS) {
            item.insert("options".into(), s(options));
        }
        item.insert("is_marked".into(), AttributeValue::Bool(reached.is_marked));
        if let Some(at) = reached.paused_at {
            item.insert("paused_at".into(), n(at));
        }
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        transaction.put(self, item)?;
        self.commit(transaction).await
    }

    /// The progress of a file's recording, if any is stored.
    pub async fn reached(&self, id: &str) -> Result<Option<Reached>, StoreError> {
        let Some(item) = self.get(partition(id), REACHED.into()).await? else { return Ok(None) };
        let options = item.contains_key("options").then(|| item.text("options")).transpose()?;
        let paused_at = item.contains_key("paused_at").then(|| item.number("paused_at")).transpose()?;
        let read = (item.number("bytes_read")?, item.number("bytes_all")?);
        Ok(Some(Reached {
            segments: item.number("segments")?,
            read,
            write_units: item.number("write_units")?,
            is_marked: item.get("is_marked") == Some(&AttributeValue::Bool(true)),
            options: options.map(str::to_owned),
            paused_at,
        }))
    }

    /// Whether the recording of a file has paused, and can be expected to resume.
    pub async fn is_paused(&self, id: &str) -> Result<bool, StoreError> {
        let paused_at = self.reached(id).await?.and_then(|reached| reached.paused_at);
        Ok(paused_at.is_some_and(|at| (at - time::now()).abs() < PAUSE))
    }
}

//! The directory of a site, many series at once: a file may have hundreds, and each call takes time.

use crate::series::{Entry, partition};
use crate::write::Transaction;
use crate::{Store, StoreError, feed};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashMap;

/// From so many series on, the whole directory is read, in pages of a thousand, instead of each series.
const MANY: usize = 64;
/// Series that are read at the same time.
const AT_ONCE: usize = 16;
/// Series that are written in one transaction: it may have 100 items and 4 MB, and a series may have 64 long units.
const TOGETHER: usize = 50;

impl Store {
    /// The directory's entries for some series of a site, by id. Some may have no readings yet.
    pub async fn entries(&self, site: &str, ids: &[String]) -> Result<HashMap<String, Entry>, StoreError> {
        let found: Vec<Entry> = if ids.len() < MANY {
            let looks = (0..ids.len()).map(|index| self.directory_entry(site, &ids[index]));
            stream::iter(looks).buffered(AT_ONCE).try_filter_map(async |entry| Ok(entry)).try_collect().await?
        } else {
            let all = self.prefixed(partition(site), "SERIES#").await?;
            all.iter().map(Entry::from_item).collect::<Result<_, _>>()?
        };
        Ok(found.into_iter().map(|entry| (entry.id.clone(), entry)).collect())
    }

    /// Enters what `known` knows of some series of a site into the directory. Repeating it changes nothing.
    pub async fn merge_all(&self, site: &str, known: &[&Entry]) -> Result<(), StoreError> {
        let ids: Vec<String> = known.iter().map(|entry| entry.id.clone()).collect();
        let stored = self.entries(site, &ids).await?;
        for some in known.chunks(TOGETHER) {
            let mut transaction = Transaction::default();
            for entry in some {
                if let Some(mut merged) = entry.merged_into(stored.get(&entry.id)) {
                    merged.write(self, &mut transaction)?;
                }
            }
            let revision = some.iter().map(|entry| entry.revision()).min().unwrap_or_default();
            if transaction.len() > 0 {
                feed::demand_revision(self, &mut transaction, site, revision)?;
            }
            match self.commit(transaction).await {
                // Another process has written one of them meanwhile.
                Err(StoreError::Conflict) => {
                    let merging = (0..some.len()).map(|index| self.merge_series(some[index]));
                    stream::iter(merging).buffered(AT_ONCE).try_for_each(async |_| Ok(())).await?;
                }
                done => done?,
            }
        }
        Ok(())
    }
}

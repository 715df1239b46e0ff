//! The record of a file, and the sites that it is recorded at. Some may have been removed since an earlier attempt.

use super::noted::opened;
use super::scan::Scanned;
use super::{AT_ONCE, IngestError, Ingestor, Upload, through_lanes};
use crate::original::Original;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use table::ingests::{Ingest, Stage};
use table::leases::Lease;
use table::{Store, StoreError};

impl Ingestor {
    /// Writes the record under which everything else is written. Returns with it whether some of its sites were removed
    /// since an earlier attempt: the whole file must then be written again.
    pub(super) async fn begin(
        &self,
        store: &Store,
        original: &Original,
        upload: &Upload,
        (id, lease): (&str, &Lease),
        scanned: &Scanned,
    ) -> Result<(Ingest, bool), IngestError> {
        if let Some(mut unfinished) = store.ingest(id).await? {
            let gone = gone(store, &unfinished).await?;
            let sites: Vec<String> = unfinished.revisions.keys().cloned().collect();
            store.note_sites(&sites).await?;
            if !gone.is_empty() {
                unfinished.revisions.extend(self.revisions(store, &gone).await?);
                store.begin_again(lease, &unfinished, &gone).await?;
            }
            return Ok((unfinished, !gone.is_empty()));
        }
        store.note_sites(&scanned.sites).await?;
        let revisions = self.revisions(store, &scanned.sites).await?;
        let (digest, bytes) = (original.digest.clone(), original.bytes);
        let ingest = Ingest { id: id.to_owned(), digest, bytes, revisions, ..opened(upload) };
        Ok((store.begin_ingest(ingest).await?, false))
    }

    /// New revisions for a file, by site.
    async fn revisions(&self, store: &Store, sites: &[String]) -> Result<BTreeMap<String, u64>, StoreError> {
        let made = (0..sites.len()).map(|index| async move {
            let site = &sites[index];
            Ok((site.clone(), through_lanes::revision(store, &self.lanes, site).await?))
        });
        stream::iter(made).buffered(AT_ONCE).try_collect().await
    }
}

/// Whether a file is stored completely. Until then its recording continues, even if some of its sites were removed.
pub(super) fn is_recorded(state: Stage) -> bool {
    matches!(state, Stage::Judging | Stage::Done)
}

/// The sites of a file that were removed since it was recorded there.
pub(super) async fn gone(store: &Store, ingest: &Ingest) -> Result<Vec<String>, StoreError> {
    let sites: Vec<(String, u64)> = ingest.revisions.clone().into_iter().collect();
    let looks = sites.into_iter().map(async |(site, revision)| {
        let counts = store.counts(&site, revision).await?;
        Ok::<_, StoreError>((!counts).then_some(site))
    });
    let gone: Vec<Option<String>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    Ok(gone.into_iter().flatten().collect())
}

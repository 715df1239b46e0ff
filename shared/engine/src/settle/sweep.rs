//! Finds work left by clients that disconnected, functions that ended, and processes that were killed.

use super::Settler;
use crate::metrics;
use std::collections::BTreeSet;
use table::leases::{Abandoned, LEASE, Work};
use table::marks::Open;
use table::{Store, StoreError};

impl Settler {
    /// Settles everything open at any site, and reports files that nobody records any more. Returns what was open.
    pub async fn sweep(&self) -> Result<Vec<Open>, StoreError> {
        let store = &self.0.store;
        let sites = store.judge_anew().await?;
        if sites > 0 {
            tracing::info!(sites, "the rules of judging have changed: sites are judged anew");
        }
        let open = store.open_work().await?;
        let sites: BTreeSet<&str> = open.iter().map(|open| open.site.as_str()).collect();
        let mut suspects = Vec::new();
        for site in &sites {
            for ingest in store.outstanding(site).await?.recording {
                suspects.push((site.to_string(), ingest));
            }
        }
        if !suspects.is_empty() {
            self.look(&suspects).await?;
            // By the next look, every live process has renewed its leases.
            tokio::time::sleep(LEASE).await;
            for (site, ingest, abandoned) in self.look(&suspects).await? {
                if store.is_paused(&ingest).await? {
                    continue;
                }
                // A file that was completed meanwhile has nobody who records it either.
                if store.note_interrupted(&abandoned, &site, &ingest).await? {
                    tracing::warn!(site, ingest, "the recording of a file was interrupted; send the file again");
                }
            }
        }
        // A site that cannot be settled does not delay the others.
        let mut failed = None;
        for site in &sites {
            if let Err(error) = self.settle_site(site).await {
                tracing::error!(%error, site, "a site could not be settled");
                failed = Some(error);
            }
        }
        // All of it may be judged, with only the answer missing.
        self.answer_files(&open).await?;
        failed.map_or(Ok(open), Err)
    }

    /// The files of those being recorded that apparently nobody records any more.
    async fn look(&self, suspects: &[(String, String)]) -> Result<Vec<(String, String, Abandoned)>, StoreError> {
        let mut dead = Vec::new();
        for (site, ingest) in suspects {
            let mut watch = self.0.watches.lock().get(ingest).cloned().unwrap_or_default();
            let abandoned = self.0.store.abandoned(&Work::File(ingest.clone()), &mut watch).await?;
            self.0.watches.lock().insert(ingest.clone(), watch);
            dead.extend(abandoned.map(|abandoned| (site.clone(), ingest.clone(), abandoned)));
        }
        self.0.watches.lock().retain(|known, _| suspects.iter().any(|(_, ingest)| ingest == known));
        Ok(dead)
    }
}

/// Reports the open work for monitoring: how much there is, and the age of the oldest.
pub async fn report(store: &Store) -> Result<(), StoreError> {
    metrics::open_work(&store.open_work().await?);
    Ok(())
}

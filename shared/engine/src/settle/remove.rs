//! Removing a site, step by step. After a crash at any step, the next settler continues.

use super::Settler;
use crate::summary;
use table::StoreError;
use table::leases::Lease;
use table::removals::Removal;

impl Settler {
    pub(super) async fn remove(&self, lease: &Lease, removal: &Removal) -> Result<(), StoreError> {
        let store = &self.0.store;
        store.prepare_removal(lease, removal).await?;
        while store.remove_series(lease, removal).await? {}
        while store.remove_alerts(lease, removal).await? {}
        while let Some(files) = store.remove_marks(lease, removal).await? {
            for ingest in files {
                summary::answer_file(store, &ingest).await?;
                self.0.progress.notify_waiters();
            }
        }
        while store.remove_rest(lease, removal).await? {}
        store.end_removal(lease, removal).await?;
        self.0.progress.notify_waiters();
        let Removal { site, who, reason, series, readings, alerts, .. } = store.removal_now(removal).await?;
        tracing::info!(site, who, reason, series, readings, alerts, "a site was removed");
        Ok(())
    }
}

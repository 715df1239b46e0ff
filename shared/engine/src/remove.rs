//! Removing sites.

use crate::Engine;
use crate::events::event;
use crate::record::PATIENCE;
use domain::time;
use serde_json::json;
use std::time::Instant;
use table::StoreError;
use table::removals::{Begun, Removal, Why};

/// Why a site was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// There is no such site.
    #[error("there is no such site")]
    Unknown,
    /// These ingests are recording files at the site.
    #[error("files are being ingested at the site: {}", .0.join(", "))]
    Unfinished(Vec<String>),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Removes a site with everything stored for it. If that takes longer than the client waits, or the client
    /// disconnects, the settler continues. Two concurrent calls begin one removal.
    pub async fn remove_site(&self, site: &str, reason: &str, who: &str) -> Result<Removal, RemoveError> {
        let until = Instant::now() + PATIENCE;
        let (engine, site, reason, who) = (self.clone(), site.to_owned(), reason.to_owned(), who.to_owned());
        let beginning = tokio::spawn(async move { engine.begin_removal(&site, &reason, &who).await });
        let removal = beginning.await.map_err(|error| StoreError::Service(error.to_string()))??;
        let now = || self.store.removal_now(&removal);
        let ended = || async { Ok(Some(now().await?).filter(|removal| removal.ended_at.is_some())) };
        match self.settler.wait(until, ended).await? {
            Some(removal) => Ok(removal),
            None => Ok(now().await?),
        }
    }

    async fn begin_removal(&self, site: &str, reason: &str, who: &str) -> Result<Removal, RemoveError> {
        let told = event("removed", json!({"at": time::rfc3339_seconds(time::now())}));
        let lane = self.lanes.of(site);
        let mut known = lane.site.lock().await;
        let removal = match self.store.begin_removal(site, Why { who, reason }, &told).await? {
            Begun::Now(removal, events) => {
                self.announce.announce(&removal.site, events);
                tracing::info!(site, who, reason, "a site is being removed");
                removal
            }
            Begun::Before(removal) => removal,
            Begun::Unknown => return Err(RemoveError::Unknown),
            Begun::Unfinished(files) => return Err(RemoveError::Unfinished(files)),
        };
        known.forget();
        self.settler.kick(site);
        Ok(removal)
    }
}

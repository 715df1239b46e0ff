//! A file's changes to a site, apart from its segments. They go through the site's lane, so that publishers of this
//! process adopt them, instead of hitting a conflict and reading everything again.

use super::{Touched, readings_events};
use crate::lanes::Lanes;
use live::ports::Announce;
use table::leases::Lease;
use table::{Store, StoreError};

/// Creates a revision for a file.
pub(super) async fn revision(store: &Store, lanes: &Lanes, site: &str) -> Result<u64, StoreError> {
    let lane = lanes.of(site);
    let mut known = lane.site.lock().await;
    let revision = store.next_revision(site).await?;
    known.revised(revision);
    Ok(revision)
}

/// Announces that all of a file's readings of a site are there.
pub(super) async fn end(
    (store, lanes, announce): (&Store, &Lanes, &dyn Announce),
    lease: &Lease,
    id: &str,
    site: &str,
    touched: &[&Touched],
) -> Result<(), StoreError> {
    let events = readings_events(id, touched);
    let lane = lanes.of(site);
    let mut known = lane.site.lock().await;
    loop {
        let head = known.head(store).await?;
        if let Some((events, head)) = store.end_file(lease, site, id, head, &events).await? {
            announce.announce(site, events);
            known.told(head, id, touched.iter().map(|touched| touched.series.id()));
            return Ok(());
        }
        // Others have written to the site.
        known.forget();
    }
}

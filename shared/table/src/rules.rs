//! The rules of judging by which the stored alerts were found.

use crate::item::n;
use crate::retry::Backoff;
use crate::{Item, ItemExt, Store, StoreError, sites};
use std::time::Duration;

/// The number of the rules of judging. When they change, everything stored is judged anew, once: 1 was the first with
/// daily discharges, sets of results and permits over time; 2 the first that decides for each period which of several
/// series counts.
pub(crate) const RULES: u64 = 2;
/// How long the write of a site's permit is retried while others write it, too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records in a new site's item that it was never judged by other rules.
pub(crate) fn stamp(site: &mut Item) {
    site.insert("judged_by".into(), n(RULES));
}

/// Whether a site's alerts were found by earlier rules. Sites of earlier program versions do not say which.
pub(crate) fn is_of_earlier_rules(site: &Item) -> Result<bool, StoreError> {
    Ok(!site.contains_key("judged_by") || site.number::<u64>("judged_by")? < RULES)
}

impl Store {
    /// Marks the sites that were judged by earlier rules to be judged anew. Returns their number.
    pub async fn judge_anew(&self) -> Result<usize, StoreError> {
        let mut marked = 0;
        for item in self.site_items().await? {
            if !sites::is_being_removed(&item) && is_of_earlier_rules(&item)? {
                marked += usize::from(self.judge_site_anew(item.text("name")?).await?);
            }
        }
        Ok(marked)
    }

    /// Marks one site; `false` if it is being removed.
    async fn judge_site_anew(&self, site: &str) -> Result<bool, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let permit = self.permit(site).await?;
            match self.rewrite_permit(site, &permit).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {}
                Err(StoreError::BeingRemoved) => return Ok(false),
                done => return done.map(|_| true),
            }
        }
    }
}

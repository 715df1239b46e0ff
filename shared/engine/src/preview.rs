//! Previews what a permit would change.

use crate::answer::MAX_ANSWERED_ALERTS;
use crate::judge::{Purpose, TouchedBy, judge};
use crate::terms::Terms;
use domain::alert::{self, Alert, Severity};
use domain::history::History;
use std::collections::BTreeMap;
use table::{Store, StoreError};

/// The changes by a permit if it were in force.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// All exceedances that there would be, by severity.
    pub by_severity: BTreeMap<Severity, u64>,
    /// Those that are not alerts now.
    pub alerts_new: u64,
    /// Alerts that would no longer hold.
    pub alerts_withdrawn: u64,
    /// The gravest exceedances, at most [`MAX_ANSWERED_ALERTS`].
    pub gravest: Vec<Alert>,
}

/// Judges everything stored for a site by limits that are not in force. Nothing is written.
pub async fn preview_permit(store: &Store, site: &str, history: History) -> Result<Preview, StoreError> {
    let mut preview = Preview::default();
    let terms = Terms::load(store, site).await?.with(history);
    for entry in store.series_of(site).await? {
        let whole = entry.span(&terms.view);
        for found in judge(store, &entry, &terms, (whole, TouchedBy::Own), &Purpose::Preview).await? {
            let change = found.change;
            for (severity, count) in &change.found_by_severity {
                *preview.by_severity.entry(*severity).or_default() += count;
            }
            preview.alerts_new += change.added_total();
            preview.alerts_withdrawn += change.withdrawn_total;
            preview.gravest.extend(change.gravest.iter().map(|(row, unit)| change.source.alert(*row, unit)));
        }
        alert::sort_by_gravity(&mut preview.gravest);
        preview.gravest.truncate(MAX_ANSWERED_ALERTS);
    }
    Ok(preview)
}

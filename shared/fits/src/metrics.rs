//! Metrics of fits.

use ::metrics::counter;
use table::fits::FitState;
use telemetry::{Family, Kind, Metric};

const FITS: &str = "owsc_fits_total";

/// Counted by the process that computes fits.
pub static COUNTERS: Family = Family {
    metrics: &[Metric::new(FITS, Kind::Counter, "Fits that are over, by outcome")],
    begin: || [FitState::Done, FitState::Failed, FitState::Cancelled].into_iter().for_each(|state| times(state, 0)),
};

pub(crate) fn over(state: FitState) {
    times(state, 1);
}

fn times(state: FitState, times: u64) {
    counter!(FITS, "outcome" => state.text()).increment(times);
}

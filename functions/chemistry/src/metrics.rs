//! Metrics of fits.

use ::metrics::counter;
use table::fits::Doing;
use telemetry::{Family, Kind, Metric};

const FITS: &str = "owsc_fits_total";

/// What whoever works fits out counts.
pub static COUNTERS: Family = Family {
    metrics: &[Metric::new(FITS, Kind::Counter, "Fits that are over, by outcome")],
    begin: || [Doing::Done, Doing::Failed, Doing::Cancelled].into_iter().for_each(|doing| times(doing, 0)),
};

pub(crate) fn over(doing: Doing) {
    times(doing, 1);
}

fn times(doing: Doing, times: u64) {
    counter!(FITS, "outcome" => doing.text()).increment(times);
}

//! Metrics of the table.

use metrics::counter;
use telemetry::{Family, Kind, Metric};

const RETRIES: &str = "owsc_store_retries_total";

/// The metrics.
pub static FAMILY: Family = Family {
    metrics: &[Metric::new(RETRIES, Kind::Counter, "Writes to the table that were tried again")],
    begin: || counter!(RETRIES).increment(0),
};

/// A write was tried again.
pub fn retried() {
    counter!(RETRIES).increment(1);
}

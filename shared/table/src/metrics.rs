//! Metrics of the table.

use metrics::{counter, gauge};
use telemetry::{Family, Kind, Metric};

const RETRIES: &str = "owsc_store_retries_total";

/// What the table lacks, as found by a server at its start.
pub(crate) const TABLE_FAULTS: &str = "owsc_table_faults";

/// The metrics.
pub static FAMILY: Family = Family {
    metrics: &[Metric::new(RETRIES, Kind::Counter, "Writes to the table that were tried again")],
    begin: || counter!(RETRIES).increment(0),
};

/// The metrics of a process that prepares the table.
pub static PREPARED: Family = Family {
    metrics: &[Metric::new(TABLE_FAULTS, Kind::Gauge, "What the table lacks, as found at the start and not mended")],
    begin: || gauge!(TABLE_FAULTS).set(0.0),
};

/// A write was retried.
pub fn retried() {
    counter!(RETRIES).increment(1);
}

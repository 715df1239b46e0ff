//! The metrics of the server alone, and the list of all that it reports.

use crate::edge::Refusal;
use telemetry::{Family, Kind, Metric};

/// Whether hints of other instances arrive through Redis.
pub(crate) const REDIS_UP: &str = "owsc_redis_up";
/// Hints for other instances that were dropped because the queue to Redis was full.
pub(crate) const REDIS_HINTS_DROPPED: &str = "owsc_redis_hints_dropped_total";

/// Refused connections, by reason: all places taken, or the address had its full share.
pub(crate) const CONNECTIONS_REFUSED: &str = "owsc_connections_refused_total";

/// When the last scheduled backup was made.
pub(crate) const BACKUP_LAST: &str = "owsc_backup_last_success_timestamp_seconds";
/// Scheduled backups that failed.
pub(crate) const BACKUPS_FAILED: &str = "owsc_backups_failed_total";

static FAMILY: Family = Family {
    metrics: &[
        Metric::new(REDIS_UP, Kind::Gauge, "Whether hints of other instances arrive through Redis; 0 without it"),
        Metric::new(
            REDIS_HINTS_DROPPED,
            Kind::Counter,
            "Hints for other instances that found no room on their way to Redis",
        ),
        Metric::new(
            CONNECTIONS_REFUSED,
            Kind::Counter,
            "Connections refused, by reason: all places taken, or the address had its share",
        ),
        Metric::new(
            BACKUP_LAST,
            Kind::Gauge,
            "When the last scheduled backup was made, in seconds since 1970; 0 for never",
        ),
        Metric::new(BACKUPS_FAILED, Kind::Counter, "Scheduled backups that failed"),
    ],
    begin: || {
        metrics::gauge!(REDIS_UP).set(0.0);
        metrics::counter!(REDIS_HINTS_DROPPED).increment(0);
        metrics::gauge!(BACKUP_LAST).set(0.0);
        metrics::counter!(BACKUPS_FAILED).increment(0);
        for reason in Refusal::REASONS {
            metrics::counter!(CONNECTIONS_REFUSED, "reason" => reason).increment(0);
        }
    },
};

/// All families.
pub(crate) fn families() -> Vec<&'static Family> {
    let more = [
        &files::metrics::FAMILY,
        &files::metrics::COUNTERS,
        &fits::metrics::COUNTERS,
        &table::metrics::PREPARED,
        &FAMILY,
    ];
    web::metrics::FAMILIES.into_iter().chain(more).collect()
}

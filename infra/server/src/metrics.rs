//! Metrics that only a server has, and the list of all that it reports.

use telemetry::{Family, Kind, Metric};

/// Whether hints of other instances arrive through Redis.
pub(crate) const REDIS_UP: &str = "owsc_redis_up";
/// Hints for other instances that found no room on their way to Redis.
pub(crate) const REDIS_HINTS_DROPPED: &str = "owsc_redis_hints_dropped_total";

static FAMILY: Family = Family {
    metrics: &[
        Metric::new(REDIS_UP, Kind::Gauge, "Whether hints of other instances arrive through Redis; 0 without it"),
        Metric::new(
            REDIS_HINTS_DROPPED,
            Kind::Counter,
            "Hints for other instances that found no room on their way to Redis",
        ),
    ],
    begin: || {
        metrics::gauge!(REDIS_UP).set(0.0);
        metrics::counter!(REDIS_HINTS_DROPPED).increment(0);
    },
};

/// All families.
pub(crate) fn families() -> Vec<&'static Family> {
    let more = [&files::metrics::FAMILY, &files::metrics::COUNTERS, &fits::metrics::COUNTERS, &FAMILY];
    web::metrics::FAMILIES.into_iter().chain(more).collect()
}

//! Metrics of files, verdicts and published readings.

use domain::alert::Severity;
use metrics::{counter, gauge, histogram};
use std::time::Duration;
use table::marks::Open;
use telemetry::{Family, Kind, Metric, SECONDS};

const ROWS: &str = "owsc_ingest_rows_total";
const INGESTS: &str = "owsc_ingests_total";
const INGEST_SECONDS: &str = "owsc_ingest_duration_seconds";
const EVALUATION_SECONDS: &str = "owsc_evaluation_duration_seconds";
const ALERTS: &str = "owsc_alerts_total";
const PUSH_SECONDS: &str = "owsc_push_latency_seconds";
const OPEN: &str = "owsc_unsettled";
const OLDEST_SECONDS: &str = "owsc_unsettled_oldest_seconds";
const ATTEMPTS: &str = "owsc_settle_attempts_total";

/// The metrics.
pub static FAMILY: Family = Family {
    metrics: &[
        Metric::new(ROWS, Kind::Counter, "Rows of ingested files, by outcome"),
        Metric::new(INGESTS, Kind::Counter, "Files posted, by outcome"),
        Metric::new(INGEST_SECONDS, Kind::Histogram(SECONDS), "Time from the whole body to the answer of an ingest"),
        Metric::new(EVALUATION_SECONDS, Kind::Histogram(SECONDS), "Time to judge one series"),
        Metric::new(ALERTS, Kind::Counter, "Alerts raised, by level"),
        Metric::new(
            PUSH_SECONDS,
            Kind::Histogram(SECONDS),
            "Time from a published reading to the hand-over to its subscribers",
        ),
        Metric::new(OPEN, Kind::Gauge, "Files, permits and single readings of which something is still to be judged"),
        Metric::new(OLDEST_SECONDS, Kind::Gauge, "How long the oldest of these has been open"),
        Metric::new(ATTEMPTS, Kind::Counter, "Attempts to write verdicts on what was marked, by outcome"),
    ],
    begin,
};

telemetry::label! {
    /// The outcome of a file.
    FileOutcome {
        /// It was ingested.
        Stored = "stored",
        /// It had been ingested before.
        Known = "known",
        /// It could not be read, or has bad rows and was strict.
        Refused = "refused",
        /// The table or the disk failed.
        Failed = "failed",
    }
}

telemetry::label! {
    /// The outcome of a row.
    RowOutcome {
        /// It was accepted.
        Taken = "taken",
        /// It could not be read.
        Refused = "refused",
        /// It contains no reading.
        WithoutReading = "without_reading",
    }
}

telemetry::label! {
    /// The outcome of an attempt to write verdicts.
    Attempt {
        /// They are written.
        Written = "written",
        /// Events were written in between; retried after them.
        Behind = "behind",
        /// Its inputs had changed; judged again.
        Stale = "stale",
        /// The table failed.
        Failed = "failed",
    }
}

fn begin() {
    gauge!(OPEN).set(0.0);
    gauge!(OLDEST_SECONDS).set(0.0);
    Attempt::ALL.iter().for_each(|attempt| counter!(ATTEMPTS, "outcome" => attempt.as_str()).increment(0));
    Severity::ALL.into_iter().for_each(|severity| alerts_raised(severity, 0));
    RowOutcome::ALL.iter().for_each(|outcome| rows_ingested(*outcome, 0));
    FileOutcome::ALL.iter().for_each(|outcome| files(*outcome, 0));
}

/// A series was judged.
pub(crate) fn evaluated(took: Duration) {
    histogram!(EVALUATION_SECONDS).record(took);
}

/// Alerts were raised.
pub(crate) fn alerts_raised(severity: Severity, count: u64) {
    counter!(ALERTS, "level" => severity.as_str()).increment(count);
}

/// Rows were read.
pub(crate) fn rows_ingested(outcome: RowOutcome, count: u64) {
    counter!(ROWS, "outcome" => outcome.as_str()).increment(count);
}

/// A file was posted.
pub(crate) fn file_ingested(outcome: FileOutcome, took: Duration) {
    files(outcome, 1);
    histogram!(INGEST_SECONDS).record(took);
}

fn files(outcome: FileOutcome, count: u64) {
    counter!(INGESTS, "outcome" => outcome.as_str()).increment(count);
}

/// A published reading was passed to its subscribers.
pub(crate) fn pushed(took: Duration) {
    histogram!(PUSH_SECONDS).record(took);
}

/// An attempt to write verdicts.
pub(crate) fn settle_attempt(attempt: Attempt) {
    counter!(ATTEMPTS, "outcome" => attempt.as_str()).increment(1);
}

/// The open work, the oldest first.
pub(crate) fn open_work(open: &[Open]) {
    let age = open.first().map_or(0, |oldest| (domain::time::now() - oldest.since).max(0));
    gauge!(OPEN).set(open.len() as f64);
    gauge!(OLDEST_SECONDS).set(age as f64 / 1e6);
}

//! Metrics of sources.

use ::metrics::{counter, gauge};
use table::scheduled::Outcome;
use telemetry::{Family, Kind, Metric};

const ASKED: &str = "owsc_sources_asked_total";
const WAITING: &str = "owsc_inbox_waiting";
const FAILURES: &str = "owsc_inbox_failures_total";

/// Only on a server: functions keep no state between invocations.
pub static FAMILY: Family = Family {
    metrics: &[Metric::new(WAITING, Kind::Gauge, "Files in the inbox that are not taken in yet")],
    begin: || gauge!(WAITING).set(0.0),
};

/// Counted by any process that takes files in.
pub static COUNTERS: Family = Family {
    metrics: &[
        Metric::new(FAILURES, Kind::Counter, "Failures to list the inbox, or to read or put away a file in it"),
        Metric::new(ASKED, Kind::Counter, "Fetches from sources on their schedules, by outcome"),
    ],
    begin: || {
        counter!(FAILURES).increment(0);
        for outcome in [Outcome::Taken, Outcome::Unchanged, Outcome::Failed] {
            asked_times(outcome, 0);
        }
    },
};

pub(crate) fn waiting(files: usize) {
    gauge!(WAITING).set(files as f64);
}

pub(crate) fn asked(outcome: Outcome) {
    asked_times(outcome, 1);
}

fn asked_times(outcome: Outcome, times: u64) {
    let outcome = match outcome {
        Outcome::Taken => "taken",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed => "failed",
    };
    counter!(ASKED, "outcome" => outcome).increment(times);
}

pub(crate) fn failure() {
    counter!(FAILURES).increment(1);
}

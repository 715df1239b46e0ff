//! Metrics of sources.

use ::metrics::{counter, gauge};
use table::scheduled::Outcome;
use telemetry::{Family, Kind, Metric};

const ASKED: &str = "owsc_sources_asked_total";
const WAITING: &str = "owsc_inbox_waiting";
const FAILURES: &str = "owsc_inbox_failures_total";

/// What a server alone has: functions that come and go have no state to tell.
pub static FAMILY: Family = Family {
    metrics: &[Metric::new(WAITING, Kind::Gauge, "Files in the inbox that are not taken in yet")],
    begin: || gauge!(WAITING).set(0.0),
};

/// What whoever takes files in counts.
pub static COUNTERS: Family = Family {
    metrics: &[
        Metric::new(
            FAILURES,
            Kind::Counter,
            "Times that the inbox could not be listed, or a file of it not read or put away",
        ),
        Metric::new(ASKED, Kind::Counter, "Times that sources were asked on their schedules, by outcome"),
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

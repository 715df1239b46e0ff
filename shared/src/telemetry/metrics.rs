//! Every metric there is: name, kind, help and buckets in one place.
//!
//! Code reports through the functions below or the `metrics` macros with these names; only a host installs a recorder.

use crate::domain::alert::Severity;
use crate::live::protocol::Code;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

/// Open WebSocket connections.
pub const WS_ACTIVE: &str = "ws_active_connections";
/// WebSocket connections accepted.
pub const WS_CONNECTIONS: &str = "ws_connections_total";
/// Messages received from clients.
pub const WS_RECEIVED: &str = "ws_messages_received_total";
/// Frames delivered to clients.
pub const WS_BROADCAST: &str = "ws_messages_broadcast_total";
/// Refused messages and dropped connections, by code.
pub const WS_ERRORS: &str = "ws_errors_total";
/// Size of received messages.
pub const WS_MESSAGE_SIZE: &str = "ws_message_size_bytes";
/// Events held in memory for subscribers.
pub const STREAM_BUFFER: &str = "stream_buffer_len";
/// Whether hints of other instances arrive through Redis.
pub const REDIS_UP: &str = "owsc_redis_up";
/// Hints for other instances that found no room on their way to Redis.
pub const REDIS_HINTS_DROPPED: &str = "owsc_redis_hints_dropped_total";
/// Rows of files, by outcome.
pub const ROWS: &str = "owsc_ingest_rows_total";
/// Files, by outcome.
pub const INGESTS: &str = "owsc_ingests_total";
/// How long ingests take.
pub const INGEST_SECONDS: &str = "owsc_ingest_duration_seconds";
/// How long judging a series takes.
pub const EVALUATION_SECONDS: &str = "owsc_evaluation_duration_seconds";
/// Alerts raised, by level.
pub const ALERTS: &str = "owsc_alerts_total";
/// From receipt of a published reading to the hand-over to its subscribers.
pub const PUSH_SECONDS: &str = "owsc_push_latency_seconds";
/// HTTP requests, by matched route and status.
pub const HTTP_REQUESTS: &str = "owsc_http_requests_total";
/// How long HTTP requests take, by matched route.
pub const HTTP_SECONDS: &str = "owsc_http_request_duration_seconds";
/// Writes to the table that were tried again.
pub const STORE_RETRIES: &str = "owsc_store_retries_total";

const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const BYTES: &[f64] = &[64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Samples by the upper bounds of their buckets.
    Histogram(&'static [f64]),
}

/// A metric as it is presented.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it tells.
    pub help: &'static str,
}

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// Every metric.
pub const ALL: &[Metric] = &[
    metric(WS_ACTIVE, Kind::Gauge, "Open WebSocket connections"),
    metric(WS_CONNECTIONS, Kind::Counter, "WebSocket connections accepted"),
    metric(WS_RECEIVED, Kind::Counter, "Messages received from WebSocket clients"),
    metric(WS_BROADCAST, Kind::Counter, "Frames delivered to WebSocket clients"),
    metric(WS_ERRORS, Kind::Counter, "Refused messages and dropped connections, by code"),
    metric(WS_MESSAGE_SIZE, Kind::Histogram(BYTES), "Size of messages received from WebSocket clients"),
    metric(STREAM_BUFFER, Kind::Gauge, "Events held in memory for subscribers"),
    metric(REDIS_UP, Kind::Gauge, "Whether hints of other instances arrive through Redis; 0 without it"),
    metric(REDIS_HINTS_DROPPED, Kind::Counter, "Hints for other instances that found no room on their way to Redis"),
    metric(ROWS, Kind::Counter, "Rows of ingested files, by outcome"),
    metric(INGESTS, Kind::Counter, "Files posted, by outcome"),
    metric(INGEST_SECONDS, Kind::Histogram(SECONDS), "Time from the whole body to the answer of an ingest"),
    metric(EVALUATION_SECONDS, Kind::Histogram(SECONDS), "Time to judge one series"),
    metric(ALERTS, Kind::Counter, "Alerts raised, by level"),
    metric(PUSH_SECONDS, Kind::Histogram(SECONDS), "Time from a published reading to the hand-over to its subscribers"),
    metric(HTTP_REQUESTS, Kind::Counter, "HTTP requests, by matched route and status"),
    metric(HTTP_SECONDS, Kind::Histogram(SECONDS), "Time to answer HTTP requests, by matched route"),
    metric(STORE_RETRIES, Kind::Counter, "Writes to the table that were tried again"),
];

/// The values of a label, each of which begins at zero: none can be counted that is not in the list.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name { $($(#[$of])* $value,)* }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$value,)*];

            fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }
    };
}

label! {
    /// What became of a file.
    FileOutcome {
        /// It has been taken in.
        Stored = "stored",
        /// It had been taken in before.
        Known = "known",
        /// It could not be read, or has bad rows and was to be taken as a whole.
        Refused = "refused",
        /// The table or the disk failed.
        Failed = "failed",
    }
}

label! {
    /// What became of a row.
    RowOutcome {
        /// It has been taken in.
        Taken = "taken",
        /// It could not be read.
        Refused = "refused",
        /// It says that there is no reading.
        WithoutReading = "without_reading",
    }
}

label! {
    /// Why a connection was dropped, where it was not for a message.
    Dropped {
        /// The client does not read.
        TooSlow = "too_slow",
        /// The client does not answer.
        Silent = "silent",
        /// Nobody knows whether the client has what was delivered by a process that was killed.
        UnknownDelivery = "unknown_delivery",
    }
}

/// Registers help texts, and at zero whatever has no labels or known ones: a scrape shows them before anything has
/// happened, and the first increase is one. To `rate`, what comes into being at 1 has not risen.
pub fn describe() {
    for Metric { name, kind, help } in ALL {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram(_) => describe_histogram!(*name, *help),
        }
    }
    gauge!(WS_ACTIVE).set(0.0);
    gauge!(STREAM_BUFFER).set(0.0);
    gauge!(REDIS_UP).set(0.0);
    for name in [WS_CONNECTIONS, WS_RECEIVED, WS_BROADCAST, STORE_RETRIES, REDIS_HINTS_DROPPED] {
        counter!(name).increment(0);
    }
    Severity::ALL.into_iter().for_each(|severity| alerts_raised(severity, 0));
    RowOutcome::ALL.iter().for_each(|outcome| rows_ingested(*outcome, 0));
    FileOutcome::ALL.iter().for_each(|outcome| files(*outcome, 0));
    Dropped::ALL.iter().for_each(|why| ws_errors(why.as_str(), 0));
    // Without a token no connection comes to be: that is an HTTP request with status 401, and is counted as one.
    let codes = Code::ALL.into_iter().filter(|code| *code != Code::Unauthorized);
    codes.for_each(|code| ws_errors(code.as_str(), 0));
}

/// A series was judged.
pub fn evaluated(took: Duration) {
    histogram!(EVALUATION_SECONDS).record(took);
}

/// Alerts were raised.
pub fn alerts_raised(severity: Severity, count: u64) {
    counter!(ALERTS, "level" => severity.as_str()).increment(count);
}

/// Rows were read.
pub fn rows_ingested(outcome: RowOutcome, count: u64) {
    counter!(ROWS, "outcome" => outcome.as_str()).increment(count);
}

/// A file was posted.
pub fn file_ingested(outcome: FileOutcome, took: Duration) {
    files(outcome, 1);
    histogram!(INGEST_SECONDS).record(took);
}

fn files(outcome: FileOutcome, count: u64) {
    counter!(INGESTS, "outcome" => outcome.as_str()).increment(count);
}

/// A message was refused, or a connection dropped for it.
pub fn ws_refused(code: Code) {
    ws_errors(code.as_str(), 1);
}

/// A connection was dropped.
pub fn ws_dropped(why: Dropped) {
    ws_errors(why.as_str(), 1);
}

fn ws_errors(code: &'static str, count: u64) {
    counter!(WS_ERRORS, "code" => code).increment(count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::deltas::Deltas;

    #[test]
    fn only_requests_are_not_there_at_zero() {
        let deltas = Deltas::default();
        metrics::with_local_recorder(&deltas, describe);
        let described: Vec<_> = deltas.take().into_iter().map(|delta| delta.series).collect();
        for metric in ALL.iter().filter(|metric| !matches!(metric.kind, Kind::Histogram(_))) {
            let known = described.iter().any(|series| series.split('{').next() == Some(metric.name));
            assert_eq!(known, metric.name != HTTP_REQUESTS, "{} in {described:?}", metric.name);
        }
        assert!(described.iter().any(|series| series == r#"ws_errors_total{code="unknown_delivery"}"#));
        assert!(described.iter().all(|series| !series.contains("unauthorized")), "{described:?}");
    }
}

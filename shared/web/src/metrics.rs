//! Metrics of HTTP, and the families of every host.

use metrics::{counter, histogram};
use std::time::Duration;
use telemetry::{Family, Kind, Metric, SECONDS};

const REQUESTS: &str = "owsc_http_requests_total";
const REQUEST_SECONDS: &str = "owsc_http_request_duration_seconds";

/// The metrics. Their labels are not known in advance.
pub static FAMILY: Family = Family {
    metrics: &[
        Metric::new(REQUESTS, Kind::Counter, "HTTP requests, by matched route and status"),
        Metric::new(REQUEST_SECONDS, Kind::Histogram(SECONDS), "Time to answer HTTP requests, by matched route"),
    ],
    begin: || {},
};

/// The families of the code that every host runs.
pub static FAMILIES: [&Family; 4] =
    [&live::metrics::FAMILY, &engine::metrics::FAMILY, &table::metrics::FAMILY, &FAMILY];

/// A request was answered. `labels` begin with the route.
pub(crate) fn answered(labels: [(&'static str, String); 3], took: Duration) {
    counter!(REQUESTS, &labels).increment(1);
    let [(_, route), ..] = labels;
    histogram!(REQUEST_SECONDS, "route" => route).record(took);
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::deltas::Deltas;

    #[test]
    fn only_requests_are_not_there_at_zero() {
        let deltas = Deltas::new(&FAMILIES);
        ::metrics::with_local_recorder(&deltas, || telemetry::describe(&FAMILIES));
        let described: Vec<_> = deltas.take().into_iter().map(|delta| delta.series).collect();
        for metric in telemetry::metric::all(&FAMILIES).filter(|metric| !matches!(metric.kind, Kind::Histogram(_))) {
            let known = described.iter().any(|series| series.split('{').next() == Some(metric.name));
            assert_eq!(known, metric.name != REQUESTS, "{} in {described:?}", metric.name);
        }
        assert!(described.iter().any(|series| series == r#"ws_errors_total{code="unknown_delivery"}"#));
        assert!(described.iter().all(|series| !series.contains("unauthorized")), "{described:?}");
    }
}

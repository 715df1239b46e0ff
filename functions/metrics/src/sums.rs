//! The counts of many processes, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use telemetry::deltas::{COUNT, SUM, VALUE, bucket};
use telemetry::{Family, Kind, Metric};
use web::metrics::FAMILIES;

/// Numbers of each series, by name and labels as Prometheus writes them.
pub type Sums = BTreeMap<String, BTreeMap<String, f64>>;

/// Metrics of single functions, beyond those that all functions have.
pub const MORE: [&Family; 2] = [&files::metrics::COUNTERS, &fits::metrics::COUNTERS];

/// The sums in Prometheus' text format, in the order in which metrics are declared.
pub fn render(sums: &Sums) -> String {
    let mut text = String::new();
    for metric in telemetry::metric::all(&FAMILIES).chain(telemetry::metric::all(&MORE)) {
        // Writing to a `String` cannot fail.
        let _ = write_metric(&mut text, metric, sums);
    }
    text
}

fn write_metric(text: &mut String, metric: &Metric, sums: &Sums) -> fmt::Result {
    let name = metric.name;
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help)?;
    for (series, numbers) in sums.range(name.to_owned()..) {
        let Some(labels) = series.strip_prefix(name) else { break };
        let labels = labels.trim_start_matches('{').trim_end_matches('}');
        let number = |field: &str| numbers.get(field).copied().unwrap_or_default();
        match metric.kind {
            // Another metric whose name begins like this one.
            _ if !series[name.len()..].is_empty() && !series[name.len()..].starts_with('{') => {}
            Kind::Counter | Kind::Gauge => writeln!(text, "{series} {}", number(VALUE))?,
            Kind::Histogram(bounds) => {
                let comma = if labels.is_empty() { "" } else { "," };
                let mut below = 0.0;
                for (index, bound) in bounds.iter().enumerate() {
                    below += number(&bucket(index));
                    writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}")?;
                }
                writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}", number(COUNT))?;
                let braced = &series[name.len()..];
                writeln!(text, "{name}_sum{braced} {}\n{name}_count{braced} {}", number(SUM), number(COUNT))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_rendered_by_metric_with_cumulative_buckets() {
        let series = |name: &str, numbers: &[(&str, f64)]| {
            (name.to_owned(), numbers.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect())
        };
        let sums = Sums::from([
            series("ws_connections_total", &[(VALUE, 3.0)]),
            series(r#"owsc_alerts_total{level="info"}"#, &[(VALUE, 2.0)]),
            series("ws_message_size_bytes", &[(SUM, 1100.0), (COUNT, 3.0), ("b0", 1.0), ("b4", 1.0), ("b8", 1.0)]),
            series(r#"owsc_http_request_duration_seconds{route="/a"}"#, &[(SUM, 0.5), (COUNT, 1.0), ("b8", 1.0)]),
        ]);
        let text = render(&sums);
        for line in [
            "# TYPE ws_connections_total counter\nws_connections_total 3\n",
            "owsc_alerts_total{level=\"info\"} 2\n",
            "ws_message_size_bytes_bucket{le=\"64\"} 1\n",
            "ws_message_size_bytes_bucket{le=\"8192\"} 2\nws_message_size_bytes_bucket{le=\"+Inf\"} 3\n",
            "ws_message_size_bytes_sum 1100\nws_message_size_bytes_count 3\n",
            "owsc_http_request_duration_seconds_bucket{route=\"/a\",le=\"0.25\"} 0\n",
            "owsc_http_request_duration_seconds_bucket{route=\"/a\",le=\"0.5\"} 1\n",
            "owsc_http_request_duration_seconds_count{route=\"/a\"} 1\n",
            "# TYPE stream_buffer_len gauge\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}

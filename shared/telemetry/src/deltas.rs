//! Metrics of a process that nobody scrapes: its counts since its last report, to be added to those of other processes.

use crate::metric::{Family, Kind, all};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The value of counters and gauges.
pub const VALUE: &str = "v";
/// How many samples a histogram has.
pub const COUNT: &str = "count";
/// The sum of a histogram's samples.
pub const SUM: &str = "sum";

/// One metric with its labels, and numbers to sum over all processes: [`VALUE`], or for a histogram [`SUM`], [`COUNT`]
/// and [`bucket`].
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// As Prometheus writes it: `name{label="value"}`.
    pub series: String,
    /// The numbers by name.
    pub numbers: BTreeMap<String, f64>,
}

/// The name of the count of a histogram's bucket: samples below its bound and above the one before.
pub fn bucket(index: usize) -> String {
    format!("b{index}")
}

/// Counts of this process that are not reported yet. Clones share them.
#[derive(Clone)]
pub struct Deltas(Arc<Counted>);

struct Counted {
    families: Vec<&'static Family>,
    registry: Registry<Key, AtomicStorage>,
    /// Counts that could not be reported.
    kept: Mutex<BTreeMap<String, BTreeMap<String, f64>>>,
}

impl Deltas {
    /// Counts the metrics of these families. Histograms of others have no buckets.
    pub fn new(families: &[&'static Family]) -> Self {
        Self(Arc::new(Counted { families: families.to_vec(), registry: Registry::atomic(), kept: Mutex::default() }))
    }

    /// Takes the counts, zeros included, and starts again from zero.
    pub fn take(&self) -> Vec<Delta> {
        let mut taken = std::mem::take(&mut *self.0.kept.lock());
        let registry = &self.0.registry;
        registry.visit_counters(|key, counter| {
            add(&mut taken, key, VALUE, counter.swap(0, Ordering::AcqRel) as f64);
        });
        // The bits of 0.0 are 0.
        registry.visit_gauges(|key, gauge| {
            add(&mut taken, key, VALUE, f64::from_bits(gauge.swap(0, Ordering::AcqRel)));
        });
        registry.visit_histograms(|key, histogram| {
            let bounds = self.bounds(key.name());
            histogram.clear_with(|samples| {
                for sample in samples {
                    let index = bounds.partition_point(|bound| bound < sample);
                    add(&mut taken, key, SUM, *sample);
                    add(&mut taken, key, COUNT, 1.0);
                    add(&mut taken, key, &bucket(index), 1.0);
                }
            });
        });
        taken.into_iter().map(|(series, numbers)| Delta { series, numbers }).collect()
    }

    fn bounds(&self, name: &str) -> &'static [f64] {
        let metric = all(&self.0.families).find(|metric| metric.name == name);
        metric.map_or(&[], |metric| if let Kind::Histogram(bounds) = metric.kind { bounds } else { &[] })
    }

    /// Keeps counts that could not be reported, for the next report.
    pub fn keep(&self, delta: Delta) {
        let mut kept = self.0.kept.lock();
        let numbers = kept.entry(delta.series).or_default();
        for (name, number) in delta.numbers {
            *numbers.entry(name).or_insert(0.0) += number;
        }
    }
}

fn add(taken: &mut BTreeMap<String, BTreeMap<String, f64>>, key: &Key, name: &str, number: f64) {
    *taken.entry(series(key)).or_default().entry(name.to_owned()).or_insert(0.0) += number;
}

/// As Prometheus writes it, with the labels sorted by name.
fn series(key: &Key) -> String {
    let mut labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
    labels.sort_unstable();
    let mut text = key.name().to_owned();
    for (index, (name, value)) in labels.iter().enumerate() {
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        // Writing to a string does not fail.
        let _ = write!(text, "{}{name}=\"{value}\"", if index == 0 { '{' } else { ',' });
    }
    if !labels.is_empty() {
        text.push('}');
    }
    text
}

impl Recorder for Deltas {
    // Help texts are in the table of metrics.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0.registry.get_or_create_counter(key, |counter| counter.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.registry.get_or_create_gauge(key, |gauge| gauge.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.registry.get_or_create_histogram(key, |histogram| histogram.clone().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BYTES, Metric};

    const REQUESTS: &str = "requests_total";
    const ACTIVE: &str = "active";
    const SIZE: &str = "size_bytes";
    static FAMILY: Family = Family { metrics: &[Metric::new(SIZE, Kind::Histogram(BYTES), "Sizes")], begin: || {} };

    fn counted() -> (Deltas, BTreeMap<String, BTreeMap<String, f64>>) {
        let deltas = Deltas::new(&[&FAMILY]);
        metrics::with_local_recorder(&deltas, || {
            metrics::counter!(REQUESTS, "status" => "200", "method" => "GET").increment(3);
            metrics::gauge!(ACTIVE).increment(2.0);
            metrics::gauge!(ACTIVE).decrement(3.0);
            for size in [64.0, 65.0, 1e6] {
                metrics::histogram!(SIZE).record(size);
            }
        });
        let taken = deltas.take();
        let numbers = by_series(&taken);
        taken.into_iter().for_each(|delta| deltas.keep(delta));
        (deltas, numbers)
    }

    fn by_series(deltas: &[Delta]) -> BTreeMap<String, BTreeMap<String, f64>> {
        deltas.iter().map(|delta| (delta.series.clone(), delta.numbers.clone())).collect()
    }

    #[test]
    fn what_was_counted_is_taken_once() {
        let (deltas, numbers) = counted();
        assert_eq!(numbers[r#"requests_total{method="GET",status="200"}"#][VALUE], 3.0);
        assert_eq!(numbers[ACTIVE][VALUE], -1.0);
        let sizes = &numbers[SIZE];
        assert_eq!((sizes[COUNT], sizes[SUM]), (3.0, 1_000_129.0));
        // A bound belongs to its bucket; the last bucket has none.
        assert_eq!((sizes["b0"], sizes["b1"], sizes["b8"]), (1.0, 1.0, 1.0));
        deltas.take();
        assert!(deltas.take().iter().all(|delta| delta.numbers.values().all(|number| *number == 0.0)));
    }

    #[test]
    fn what_could_not_be_told_is_counted_again() {
        let (deltas, first) = counted();
        let second = by_series(&deltas.take());
        for (series, numbers) in first {
            assert_eq!(second[&series], numbers, "{series}");
        }
    }
}

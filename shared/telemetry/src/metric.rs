//! How metrics are declared. Each owner has a [`Family`]; a host lists the families that it reports.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Buckets for durations.
pub const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets for sizes of messages.
pub const BYTES: &[f64] = &[64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0];

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
    /// Its kind.
    pub kind: Kind,
    /// What it means.
    pub help: &'static str,
}

impl Metric {
    /// A metric.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, help }
    }
}

/// The metrics of one owner.
#[derive(Debug)]
pub struct Family {
    /// The metrics.
    pub metrics: &'static [Metric],
    /// Starts at zero every counter without labels, or with known ones. `rate` sees no increase in a counter that first
    /// appears at 1.
    pub begin: fn(),
}

/// All metrics of these families.
pub fn all(families: &[&'static Family]) -> impl Iterator<Item = &'static Metric> {
    families.iter().flat_map(|family| family.metrics)
}

/// Registers help texts and zeros with the recorder.
pub fn describe(families: &[&'static Family]) {
    for Metric { name, kind, help } in all(families) {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram(_) => describe_histogram!(*name, *help),
        }
    }
    families.iter().for_each(|family| (family.begin)());
}

/// The values of a label, each of which starts at zero. Values outside the list cannot be counted.
#[macro_export]
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

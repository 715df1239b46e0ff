//! Logs, and how metrics are declared, described and reported.

#![warn(missing_docs)]

pub mod deltas;
pub mod logs;
pub mod metric;

pub use metric::{BYTES, Family, Kind, Metric, SECONDS, describe};

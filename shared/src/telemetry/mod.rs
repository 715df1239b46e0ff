//! Logs and metrics.

pub mod deltas;
pub mod logs;
pub mod metrics;

//! Fits of decay and sorption as jobs: kept in the table, taken up by whoever is there, and worked out apart from requests.

pub mod metrics;
pub mod outcome;
pub mod points;
pub mod queue;
pub mod task;
pub mod work;
pub mod workers;

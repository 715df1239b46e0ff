//! Fits of decay and sorption as jobs: kept in the table, started by any process, and computed apart from requests.

pub mod metrics;
pub mod outcome;
pub mod points;
pub mod queue;
pub mod task;
pub mod work;
pub mod workers;

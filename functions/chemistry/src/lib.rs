//! `/api/chemistry`: fits of decay and sorption. A fit is a job: it is kept in the table, taken up by whoever is there, and
//! worked out apart from all requests.

mod asked;
mod document;
pub mod metrics;
mod models;
mod points;
mod routes;
mod task;
pub mod work;
pub mod workers;

pub use routes::{Docs, router};
pub use workers::Hands;

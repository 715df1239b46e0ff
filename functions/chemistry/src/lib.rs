//! `/api/chemistry`: the available models, and fits as jobs.

mod asked;
mod document;
mod models;
mod routes;

pub use routes::{Docs, router};

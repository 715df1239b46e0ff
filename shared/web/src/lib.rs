//! The common parts of HTTP functions: configuration, the error envelope, the layers around a router, limits and
//! tokens.

pub mod answer;
pub mod auth;
pub mod config;
mod drain;
pub mod error;
pub mod guard;
pub mod hosts;
pub mod layers;
mod limiter;
pub mod metrics;
pub mod moment;
mod pace;
pub mod query;
pub mod rate;
pub mod request_id;

pub use error::{ApiError, ApiResult};

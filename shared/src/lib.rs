//! The core of the effluent monitor: domain, ingest, storage, live feed, and the HTTP pieces that every host shares.
//!
//! `domain` knows nothing of AWS, HTTP or the environment; `store`, `ingest`, `verdicts` and `live` build on it;
//! `http`, `auth` and `telemetry` are what hosts need, `lambda` what the functions' own host needs.

pub mod auth;
pub mod config;
pub mod domain;
pub mod http;
pub mod ingest;
pub mod lambda;
pub mod live;
pub mod store;
pub mod telemetry;
pub mod verdicts;

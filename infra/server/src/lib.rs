//! The effluent monitor as one process: every function's routes, live connections, and an embedded database.

pub mod backup;
pub mod cli;
pub mod database;
mod demo;
pub mod health;
mod inbox;
mod live;
mod metrics;
mod proxies;
mod recorder;
pub mod send;
pub mod serve;
mod sources;

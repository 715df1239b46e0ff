//! The client protocol, and the ports to connections.

#![warn(missing_docs)]

pub mod metrics;
pub mod ports;
pub mod protocol;
pub mod registry;

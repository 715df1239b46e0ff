//! The container host.

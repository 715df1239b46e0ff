//! The core of the effluent monitor: domain, ingest, storage, live feed, and the HTTP pieces that every host shares.
pub mod domain;

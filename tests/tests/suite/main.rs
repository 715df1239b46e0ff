//! The end-to-end suite: one binary, the real server, real sockets.

mod backup;
mod certificate;
mod chart;
mod configuration;
mod crash;
mod docs;
mod echo;
mod errors;
mod ingest;
mod instances;
mod lists;
mod live;
mod metrics;
mod outage;
mod overview;
mod permits;
mod process;
mod properties;
mod repetition;
mod resume;
mod scale;
mod security;
mod stalled;
mod store;
mod support;
mod verdicts;

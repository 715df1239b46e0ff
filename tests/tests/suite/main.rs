//! The end-to-end suite: one binary, the real server, real sockets.

mod echo;
mod ingest;
mod lists;
mod live;
mod support;
mod verdicts;

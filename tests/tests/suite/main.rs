//! The end-to-end suite: one binary, the real server, real sockets.

mod echo;
mod live;
mod resume;
mod scale;
mod stalled;
mod store;
mod support;

//! The end-to-end suite: one binary, the real server, real sockets.

mod live;
mod scale;

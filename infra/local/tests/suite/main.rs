//! The gateway's binary from outside: real functions, real clients.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, anything unexpected ends the test")]

mod asynchronous;
mod aws;
mod buckets;
mod events;
mod functions;
mod gateway;
mod http;
mod invoke;
mod kills;
mod mistakes;
mod permissions;
mod pool;
mod refusals;
mod samples;
mod schedules;
mod shards;
mod streams;
mod websocket;

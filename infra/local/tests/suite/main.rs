//! The gateway's binary from outside: real functions, real clients.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, what is not as expected ends the test")]

mod functions;
mod gateway;
mod http;
mod permissions;
mod pool;
mod schedules;
mod streams;
mod websocket;

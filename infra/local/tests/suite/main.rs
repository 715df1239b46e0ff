//! The gateway's binary from outside: real functions, real clients.

mod functions;
mod gateway;
mod http;
mod websocket;

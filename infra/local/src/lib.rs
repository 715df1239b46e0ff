//! A local API Gateway: runs the functions of a SAM template on this machine.

pub mod cli;
pub mod database;
pub mod front;
pub mod functions;
pub mod http;
mod logs;
pub mod runtime;
pub mod serve;
pub mod streams;
pub mod template;
mod throttle;
mod websocket;

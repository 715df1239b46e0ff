//! The test harness: the server as its users run it, and clients for it.

pub mod client;
pub mod crowd;
pub mod fanout;
pub mod faults;
pub mod fleet;
pub mod follower;
pub mod generate;
pub mod host;
pub mod inbox;
pub mod lab;
pub mod meter;
pub mod plant;
pub mod ready;
pub mod redis;
pub mod server;
pub mod skip;
pub mod stores;
pub mod table;
pub mod tap;
pub mod websocket;
pub mod wire;

pub use client::Api;
pub use faults::Faults;
pub use fleet::Fleet;
pub use follower::Follower;
pub use server::Server;
pub use websocket::Socket;

/// How long a test waits for an expected event: much longer than it takes even on a busy machine.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// The demonstration file: an effluent chart of EPA ECHO with EPA's own verdicts (public domain).
pub const ECHO: &str = include_str!("../fixtures/echo-effluent-chart-TX0119407.csv");

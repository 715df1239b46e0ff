//! Metrics of connections and their messages.

use crate::protocol::Code;
use metrics::{counter, gauge};
use telemetry::{BYTES, Family, Kind, Metric};

/// Open WebSocket connections.
pub const ACTIVE: &str = "ws_active_connections";
/// WebSocket connections accepted.
pub const CONNECTIONS: &str = "ws_connections_total";
/// Messages received from clients.
pub const RECEIVED: &str = "ws_messages_received_total";
/// Frames delivered to clients.
pub const BROADCAST: &str = "ws_messages_broadcast_total";
/// Size of received messages.
pub const MESSAGE_SIZE: &str = "ws_message_size_bytes";
/// Events held in memory for subscribers.
pub const STREAM_BUFFER: &str = "stream_buffer_len";
const ERRORS: &str = "ws_errors_total";

/// The metrics.
pub static FAMILY: Family = Family {
    metrics: &[
        Metric::new(ACTIVE, Kind::Gauge, "Open WebSocket connections"),
        Metric::new(CONNECTIONS, Kind::Counter, "WebSocket connections accepted"),
        Metric::new(RECEIVED, Kind::Counter, "Messages received from WebSocket clients"),
        Metric::new(BROADCAST, Kind::Counter, "Frames delivered to WebSocket clients"),
        Metric::new(ERRORS, Kind::Counter, "Refused messages and dropped connections, by code"),
        Metric::new(MESSAGE_SIZE, Kind::Histogram(BYTES), "Size of messages received from WebSocket clients"),
        Metric::new(STREAM_BUFFER, Kind::Gauge, "Events held in memory for subscribers"),
    ],
    begin,
};

telemetry::label! {
    /// Why a connection was dropped, if not for a message.
    Dropped {
        /// The client does not read.
        TooSlow = "too_slow",
        /// The client does not answer.
        Silent = "silent",
        /// A killed process was delivering to the client, and nobody knows whether it has the events.
        UnknownDelivery = "unknown_delivery",
    }
}

fn begin() {
    gauge!(ACTIVE).set(0.0);
    gauge!(STREAM_BUFFER).set(0.0);
    [CONNECTIONS, RECEIVED, BROADCAST].into_iter().for_each(|name| counter!(name).increment(0));
    Dropped::ALL.iter().for_each(|why| errors(why.as_str(), 0));
    // Without a token there is no connection, only an HTTP request with status 401, which is counted as such.
    let codes = Code::ALL.into_iter().filter(|code| *code != Code::Unauthorized);
    codes.for_each(|code| errors(code.as_str(), 0));
}

/// A message was refused, or its connection dropped.
pub fn refused(code: Code) {
    errors(code.as_str(), 1);
}

/// A connection was dropped.
pub fn dropped(why: Dropped) {
    errors(why.as_str(), 1);
}

fn errors(code: &'static str, count: u64) {
    counter!(ERRORS, "code" => code).increment(count);
}

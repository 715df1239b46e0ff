//! A connection, as the whole gateway sees it: its identity, its queue, and why it ends.

use axum::extract::ws::{Message, close_code};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::{Notify, SetOnce};

/// The most messages that wait for a client.
const MAX_WAITING: usize = 512;
/// The most bytes that wait for a client. An empty queue always has room for the largest message.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: String,
    pub(super) connected_at: jiff::Timestamp,
    pub(super) source_ip: IpAddr,
    pub(super) user_agent: Option<String>,
    pub(super) domain: String,
    last_active: AtomicI64,
    outbox: Mutex<Outbox>,
    filled: Notify,
    closed: SetOnce<Close>,
}

#[derive(Debug, Default)]
struct Outbox {
    waiting: VecDeque<Message>,
    bytes: usize,
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
    /// Whether the client must and can be told.
    pub(super) tell: bool,
}

/// Why a message was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Gone,
}

impl Close {
    fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), tell: true }
    }

    /// The time is up, or the gateway is stopping.
    pub(super) fn going_away() -> Self {
        Self::new(close_code::AWAY, "Going away")
    }

    /// A function has closed it.
    pub(super) fn by_function() -> Self {
        Self::new(close_code::NORMAL, "Connection closed normally")
    }

    /// A frame or message was too large.
    pub(super) fn too_large() -> Self {
        Self::new(close_code::SIZE, "Message too long: at most 32 KB a frame and 128 KB a message")
    }

    /// Invalid UTF-8, or another protocol error.
    pub(super) fn protocol_error(code: u16) -> Self {
        Self::new(code, "Invalid frame")
    }

    /// API Gateway does not support binary messages.
    pub(super) fn unsupported() -> Self {
        Self::new(close_code::UNSUPPORTED, "Binary messages are not supported")
    }

    /// Whether the client violated the protocol, so that nothing more can be read from it.
    pub(super) fn is_violation(&self) -> bool {
        self.tell && matches!(self.code, close_code::SIZE | close_code::PROTOCOL | close_code::INVALID)
    }

    /// The client disappeared, or does not read.
    pub(super) fn abnormal() -> Self {
        Self { code: close_code::ABNORMAL, reason: String::new(), tell: false }
    }

    /// The client has closed it.
    pub(super) fn by_client(code: u16, reason: String) -> Self {
        Self { code, reason, tell: false }
    }
}

impl Connection {
    /// A connection that begins now.
    pub(super) fn new(headers: &HeaderMap, peer: SocketAddr) -> Self {
        let now = jiff::Timestamp::now();
        let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self {
            id: identifier(),
            connected_at: now,
            source_ip: peer.ip(),
            user_agent: text(header::USER_AGENT),
            domain: text(header::HOST).unwrap_or_default(),
            last_active: AtomicI64::new(now.as_millisecond()),
            outbox: Mutex::default(),
            filled: Notify::new(),
            closed: SetOnce::new(),
        }
    }

    /// Queues a message for the client. Messages are sent in the order of these calls.
    pub(super) fn send(&self, message: Message) -> Result<(), Refused> {
        let size = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data.len(),
            Message::Close(_) => 0,
        };
        let mut outbox = self.outbox.lock();
        if self.closed.get().is_some() {
            return Err(Refused::Gone);
        }
        let full = outbox.waiting.len() >= MAX_WAITING || outbox.bytes + size > MAX_WAITING_BYTES;
        if full && !outbox.waiting.is_empty() {
            return Err(Refused::Full);
        }
        outbox.waiting.push_back(message);
        outbox.bytes += size;
        drop(outbox);
        self.filled.notify_one();
        self.is_active();
        Ok(())
    }

    /// The next message for the client; `None` once the connection ends and the queue is empty.
    pub(super) async fn next(&self) -> Option<Message> {
        loop {
            if let Some(message) = self.take() {
                return Some(message);
            }
            if self.closed.get().is_some() {
                // Also take what was queued in between; nothing is queued any more.
                return self.take();
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<Message> {
        let mut outbox = self.outbox.lock();
        let message = outbox.waiting.pop_front()?;
        if let Message::Text(text) = &message {
            outbox.bytes -= text.len();
        } else if let Message::Binary(data) = &message {
            outbox.bytes -= data.len();
        }
        Some(message)
    }

    /// Ends the connection. The first reason counts.
    pub(super) fn close(&self, close: Close) {
        let outbox = self.outbox.lock();
        let _ = self.closed.set(close);
        drop(outbox);
        self.filled.notify_one();
    }

    /// Waits until the connection is ended.
    pub(super) async fn closed(&self) -> Close {
        self.closed.wait().await.clone()
    }

    /// Records that something was sent or received.
    pub(super) fn is_active(&self) {
        self.last_active.store(jiff::Timestamp::now().as_millisecond(), Ordering::Relaxed);
    }

    /// When something was last sent or received.
    pub(super) fn last_active(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.last_active.load(Ordering::Relaxed)).unwrap_or(self.connected_at)
    }
}

/// The bytes of an id, before base64.
const ID_BYTES: usize = 11;

/// An id in API Gateway's format: 15 letters, digits, dashes and underscores, and an equals sign.
pub(super) fn identifier() -> String {
    URL_SAFE.encode(&uuid::Uuid::new_v4().as_bytes()[..ID_BYTES])
}

/// Whether a text is a valid id.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() == 16 && URL_SAFE.decode(text).is_ok_and(|bytes| bytes.len() == ID_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(&HeaderMap::new(), SocketAddr::from(([127, 0, 0, 1], 1)))
    }

    #[tokio::test]
    async fn what_waits_is_bounded_and_leaves_in_order() {
        let connection = connection();
        let big = "x".repeat(128 * 1024);
        let taken = (0..20).filter(|_| connection.send(Message::text(big.clone())).is_ok()).count();
        assert_eq!(taken, 8);
        assert_eq!(connection.send(Message::text("y")), Err(Refused::Full));
        assert!(connection.next().await.is_some());
        assert_eq!(connection.send(Message::text("y")), Ok(()));
        let small = self::connection();
        let taken = (0..1000).filter(|number| small.send(Message::text(number.to_string())).is_ok()).count();
        assert_eq!(taken, MAX_WAITING);
        small.close(Close::going_away());
        assert_eq!(small.send(Message::text("late")), Err(Refused::Gone));
        for number in 0..MAX_WAITING {
            assert_eq!(small.next().await, Some(Message::text(number.to_string())));
        }
        assert_eq!(small.next().await, None);
    }

    #[tokio::test]
    async fn the_first_reason_counts() {
        let connection = connection();
        connection.close(Close::by_function());
        connection.close(Close::going_away());
        assert_eq!(connection.closed().await, Close::by_function());
    }

    #[test]
    fn identifiers_look_as_in_aws() {
        let id = identifier();
        assert!(id.len() == 16 && id.ends_with('='), "{id}");
        assert_ne!(id, identifier());
        assert!(is_identifier(&id));
        for malformed in ["", "abc", "=", &id[..15], &format!("{id}="), &id.replace('=', "A"), "../../../../../="] {
            assert!(!is_identifier(malformed), "{malformed}");
        }
    }
}

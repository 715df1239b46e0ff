//! The life of a connection, from its upgrade to its end.
//!
//! Three tasks share it: one reads, one writes posts, and one passes messages to functions. They do not block each
//! other: a client that does not read can still send, and a slow function does not keep a closed connection open.

use super::connection::{Close, Connection};
use super::{Live, Outcome, event};
use crate::http::{body_of, status_of};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite;

/// How long a client may read nothing before it is dropped.
const STUCK: Duration = Duration::from_secs(30);
/// How long the last messages and the close frame may take.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the socket stays open after a protocol violation. Clients wait about a second at most for it to close.
const LINGER: Duration = Duration::from_millis(250);
/// How long functions may still handle messages before they are told that the connection has ended.
const LAST_MESSAGES: Duration = Duration::from_secs(5);
/// Messages that may wait for a function; beyond that, reading pauses.
const BACKLOG: usize = 16;
/// Messages of one connection that functions may handle at once, if that is allowed.
const PARALLEL: usize = 64;

/// Runs a connection until it ends, and tells the function.
pub(super) async fn run(live: Live, connection: Arc<Connection>, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let writer = tokio::spawn(write(connection.clone(), sink));
    let (messages, received) = mpsc::channel(BACKLOG);
    let mut worker = tokio::spawn(work(live.clone(), connection.clone(), received));
    let close = read(&live, &connection, &mut stream, messages).await;
    // From here on, nobody can post to it.
    live.0.connections.lock().remove(&connection.id);
    connection.close(close.clone());
    // At worst a task of ours has panicked, and the connection is ending anyway.
    let _ = writer.await;
    if close.is_violation() {
        // The client violated the protocol. Closing a socket with unread bytes resets the connection, which could
        // destroy the close frame before the client has read it.
        sleep(LINGER).await;
    } else {
        let _ = timeout(LAST_WORDS, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
    drop(stream);
    let _ = timeout(LAST_MESSAGES, &mut worker).await;
    live.forget(&connection, &close).await;
}

/// Reads until the connection ends, and says why.
async fn read(
    live: &Live,
    connection: &Connection,
    stream: &mut SplitStream<WebSocket>,
    messages: mpsc::Sender<Utf8Bytes>,
) -> Close {
    let end_of_life = Instant::now() + live.0.connection_duration;
    let mut pending = None;
    loop {
        let silent = jiff::Timestamp::now().duration_since(connection.last_active()).unsigned_abs();
        let left = live.0.idle_timeout.saturating_sub(silent);
        if left.is_zero() {
            return Close::going_away();
        }
        tokio::select! {
            close = connection.closed() => return close,
            () = sleep_until(end_of_life) => return Close::going_away(),
            // Something may have been posted meanwhile: check again.
            () = sleep(left) => {}
            permit = messages.reserve(), if pending.is_some() => {
                if let (Ok(permit), Some(message)) = (permit, pending.take()) {
                    permit.send(message);
                }
            }
            received = stream.next(), if pending.is_none() => {
                connection.is_active();
                match received {
                    Some(Ok(Message::Close(frame))) => return said(frame),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Text(text))) => pending = Some(text),
                    Some(Ok(Message::Binary(_))) => return Close::unsupported(),
                    Some(Err(error)) => return failed(error),
                    None => return Close::abnormal(),
                }
            }
        }
    }
}

fn said(frame: Option<CloseFrame>) -> Close {
    match frame {
        Some(frame) => Close::by_client(frame.code, frame.reason.as_str().to_owned()),
        None => Close::by_client(close_code::STATUS, String::new()),
    }
}

fn failed(error: axum::Error) -> Close {
    match error.into_inner().downcast::<tungstenite::Error>().map(|error| *error) {
        Ok(tungstenite::Error::Capacity(_)) => Close::too_large(),
        Ok(tungstenite::Error::Utf8(_)) => Close::protocol_error(close_code::INVALID),
        Ok(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
            Close::abnormal()
        }
        Ok(tungstenite::Error::Protocol(_)) => Close::protocol_error(close_code::PROTOCOL),
        _ => Close::abnormal(),
    }
}

/// Writes posts in order until the connection ends, and then the close frame.
async fn write(connection: Arc<Connection>, mut sink: SplitSink<WebSocket, Message>) {
    let posted = async {
        while let Some(message) = connection.next().await {
            match timeout(STUCK, sink.send(message)).await {
                Ok(Ok(())) => {}
                // The reader finds out why.
                Ok(Err(_)) => return false,
                Err(_) => {
                    tracing::warn!(connection = connection.id, "a client does not read and is dropped");
                    connection.close(Close::abnormal());
                    return false;
                }
            }
        }
        true
    };
    let ended = async {
        connection.closed().await;
        sleep(LAST_WORDS).await;
    };
    let complete = tokio::select! {
        complete = posted => complete,
        () = ended => false,
    };
    let close = connection.closed().await;
    let goodbye = async {
        if complete && close.tell {
            let frame = CloseFrame { code: close.code, reason: close.reason.as_str().into() };
            // A client that is gone needs no close frame.
            let _ = sink.send(Message::Close(Some(frame))).await;
        }
        let _ = sink.flush().await;
    };
    let _ = timeout(LAST_WORDS, goodbye).await;
}

/// Passes messages to functions, one after the other unless several at once are allowed.
async fn work(live: Live, connection: Arc<Connection>, mut messages: mpsc::Receiver<Utf8Bytes>) {
    let limit = Arc::new(Semaphore::new(PARALLEL));
    while let Some(message) = messages.recv().await {
        if !live.0.parallel {
            live.hand_over(&connection, message).await;
            continue;
        }
        // The semaphore is never closed.
        let Ok(permit) = limit.clone().acquire_owned().await else { return };
        let (live, connection) = (live.clone(), connection.clone());
        tokio::spawn(async move {
            live.hand_over(&connection, message).await;
            drop(permit);
        });
    }
}

impl Live {
    /// Passes a message to its function, and sends the client what API Gateway would.
    async fn hand_over(&self, connection: &Connection, text: Utf8Bytes) {
        let route = self.select(&text);
        let incoming = event::message(&self.0.api, connection, route.as_deref().unwrap_or_default(), &text);
        let tell = |text: &str| {
            let body = json!({"message": text, "connectionId": connection.id, "requestId": incoming.request_id});
            // If the client is gone or does not read, it cannot be told.
            let _ = connection.send(Message::text(body.to_string()));
        };
        let Some(route) = route else { return tell("Forbidden") };
        if !self.0.throttles.admit(&route) {
            return tell("Too Many Requests");
        }
        match self.invoke(&route, incoming.event.clone()).await {
            Some(Outcome::Returned(returned)) if status_of(&returned).is_some() => {
                let answers = self.0.routes.get(&route).is_some_and(|route| route.answers);
                let body = body_of(&returned).filter(|body| answers && !body.is_empty());
                if let Some(body) = body {
                    let _ = connection.send(Message::text(String::from_utf8_lossy(&body).into_owned()));
                }
            }
            Some(Outcome::Returned(_) | Outcome::Failed) | None => tell("Internal server error"),
            Some(Outcome::TimedOut) => tell("Endpoint request timed out"),
        }
    }
}

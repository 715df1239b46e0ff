//! One WebSocket connection, from upgrade to close.
//!
//! The connection keeps its position in the site's feed and sends what follows it, from whatever source: from the hub
//! while it keeps up, and from the table for what is missing, such as after a reconnect. Repeats and gaps are therefore
//! excluded by arithmetic.

use super::hub::Hub;
use super::outbox::Outbox;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use domain::name;
use engine::publisher::{Fate, PublishError};
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{FusedStream, FuturesOrdered};
use futures_util::{FutureExt, SinkExt, StreamExt};
use live::metrics::{self as names, Dropped};
use live::ports::{Batch, Connection, Connections, Pushed};
use live::protocol::{self, Code};
use metrics::Counter;
use std::sync::Arc;
use std::time::Duration;
use table::{Store, StoreError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};
use tokio_util::sync::CancellationToken;
use ws_message::{Allowance, Messages, Step, unpublished};

/// Readings of one connection that may be in progress at once; beyond that, its messages are not read until some are
/// done.
const MAX_IN_FLIGHT: usize = 1024;
/// How long events wait at first. A client that reconnects says after which event it resumes, and must not be sent
/// later ones before that.
const HOLD: Duration = Duration::from_millis(500);
/// The same for a client that asked for the wait when it connected.
const LONG_HOLD: Duration = Duration::from_secs(60);
/// How often a quiet client is pinged.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A connection that was silent for so long counts as dead: two pings went unanswered.
const SILENCE: Duration = Duration::from_secs(75);
/// How long one write may take.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a client that did not read may take to read why it is dropped.
const FAREWELL: Duration = Duration::from_secs(30);
/// How long a stopping server may take to end one connection.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How long the socket stays open after a protocol violation. Closing it with unread bytes would reset the connection,
/// and could destroy the close frame before the client has read it. Clients wait about a second at most for the server
/// to close.
const LINGER: Duration = Duration::from_millis(250);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) messages: Messages,
    pub(super) stopping: CancellationToken,
}

/// One connection.
pub(super) struct Session {
    host: Host,
    socket: WebSocket,
    connection: Connection,
    outbox: Arc<Outbox>,
    allowance: Allowance,
    /// The last event that was sent, or did not need to be.
    position: u64,
    /// Until when events wait for the client to say where to begin.
    holding: Option<Instant>,
    /// Replies to messages, in their order: a client that publishes and then pings knows by the pong that its readings
    /// are stored.
    in_flight: FuturesOrdered<BoxFuture<'static, Option<String>>>,
    heartbeat: Interval,
    last_sign: Instant,
    delivered: Counter,
    _open: Open,
}

/// Why a connection ends.
enum End {
    /// The client has sent a close frame; the library answers with its code at the next flush.
    Closed,
    /// The client disconnected without one.
    Gone,
    /// The client reads too slowly.
    TooSlow,
    /// The client sent a message that is too large.
    TooLarge,
    /// The client sent a text that is not UTF-8.
    NotUtf8,
    /// The client sent a binary message.
    Binary,
    /// The client violated the WebSocket protocol.
    Protocol,
    /// The client does not answer pings.
    Silent,
    /// The server is stopping.
    Stopping,
    /// The table failed.
    Store(StoreError),
}

impl From<axum::Error> for End {
    fn from(error: axum::Error) -> Self {
        match error.into_inner().downcast::<tungstenite::Error>().map(|error| *error) {
            Ok(tungstenite::Error::Capacity(_)) => Self::TooLarge,
            Ok(tungstenite::Error::Utf8(_)) => Self::NotUtf8,
            Ok(tungstenite::Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake
                | ProtocolError::SendAfterClosing
                | ProtocolError::ReceivedAfterClosing,
            )) => Self::Gone,
            Ok(tungstenite::Error::Protocol(_)) => Self::Protocol,
            _ => Self::Gone,
        }
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The next thing that a connection has to handle.
enum Turn {
    Message(Option<Result<Message, axum::Error>>),
    Due(Option<String>),
    Events(Vec<Arc<Batch>>),
    Begin,
    Heartbeat,
    Stop,
}

impl Session {
    /// A registered connection.
    pub(super) fn new(host: Host, socket: WebSocket, connection: Connection) -> Option<Self> {
        let outbox = host.hub.outbox(&connection.id)?;
        let position = host.hub.last(&connection.site)?;
        let allowance = host.messages.allowance();
        let hold = if connection.waits { LONG_HOLD } else { HOLD };
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(Self {
            host,
            socket,
            connection,
            outbox,
            allowance,
            position,
            holding: Some(Instant::now() + hold),
            in_flight: FuturesOrdered::new(),
            heartbeat,
            last_sign: Instant::now(),
            delivered: metrics::counter!(names::BROADCAST),
            _open: Open::count(),
        })
    }

    /// Serves the connection until it ends.
    pub(super) async fn run(mut self) {
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        if matches!(end, End::Stopping) {
            self.finish().await;
        }
        if let Err(error) = ws_disconnect::disconnect(&self.host.hub, &self.connection.id).await {
            tracing::error!(%error, "a connection could not be unregistered");
        }
        self.part(end).await;
    }

    async fn turn(&mut self) -> Result<(), End> {
        let turn = tokio::select! {
            message = self.socket.recv(), if self.in_flight.len() < MAX_IN_FLIGHT => Turn::Message(message),
            Some(due) = self.in_flight.next() => Turn::Due(due),
            batches = self.outbox.take(), if self.holding.is_none() => Turn::Events(batches),
            () = sleep_until(self.holding.unwrap_or_else(Instant::now)), if self.holding.is_some() => Turn::Begin,
            _ = self.heartbeat.tick() => Turn::Heartbeat,
            () = self.host.stopping.cancelled() => Turn::Stop,
        };
        let outbox = self.outbox.clone();
        tokio::select! {
            done = self.act(turn) => done,
            () = outbox.overflowed() => Err(End::TooSlow),
        }
    }

    async fn act(&mut self, turn: Turn) -> Result<(), End> {
        match turn {
            Turn::Message(message) => {
                self.last_sign = Instant::now();
                self.holding = None;
                self.receive(message.ok_or(End::Gone)??).await?;
            }
            Turn::Due(None) => return Ok(()),
            Turn::Due(Some(frame)) => self.answer(frame).await?,
            Turn::Events(batches) => {
                for batch in batches {
                    self.deliver(&batch).await?;
                }
            }
            Turn::Begin => self.holding = None,
            Turn::Heartbeat if self.last_sign.elapsed() > SILENCE => return Err(End::Silent),
            Turn::Heartbeat => self.feed(Message::Ping(Bytes::new())).await?,
            Turn::Stop => return Err(End::Stopping),
        }
        // Everything fed so far is sent in one write.
        self.flush().await
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        Ok(timeout(WRITE_PATIENCE, self.socket.feed(message)).await.map_err(|_| End::TooSlow)??)
    }

    async fn flush(&mut self) -> Result<(), End> {
        Ok(timeout(WRITE_PATIENCE, self.socket.flush()).await.map_err(|_| End::TooSlow)??)
    }

    async fn receive(&mut self, message: Message) -> Result<(), End> {
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(_) => return Err(End::Binary),
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Closed),
        };
        match self.host.messages.receive(&self.connection, self.allowance.take(), text) {
            Step::Reply(frame) if self.in_flight.is_empty() => self.answer(frame).await,
            Step::Reply(frame) => {
                self.in_flight.push_back(ready(Some(frame)).boxed());
                Ok(())
            }
            Step::Publishing(fate) => {
                self.in_flight.push_back(refused(fate).boxed());
                Ok(())
            }
            Step::Subscribe { site, after } => self.subscribe(&site, after).await,
        }
    }

    async fn answer(&mut self, frame: String) -> Result<(), End> {
        self.feed(Message::Text(frame.into())).await
    }

    /// Switches to a site: sends past events from the table first, and continues from the hub.
    async fn subscribe(&mut self, site: &str, after: Option<u64>) -> Result<(), End> {
        if after.is_none() && name::same(site, &self.connection.site) {
            return self.answer(protocol::subscribed(site, self.position, 0, false)).await;
        }
        // While it reads the past, new events must not fill its queue.
        ws_disconnect::disconnect(&self.host.hub, &self.connection.id).await?;
        self.connection.site = site.to_owned();
        if let Some(after) = after {
            self.begin_replay(after).await?;
            while self.replay_page().await? {}
        }
        self.host.hub.register(&self.connection).await?;
        // It was registered a moment ago, and only a full queue unregisters it.
        let (outbox, last) = (self.host.hub.outbox(&self.connection.id), self.host.hub.last(site));
        let (Some(outbox), Some(last)) = (outbox, last) else { return Err(End::TooSlow) };
        self.outbox = outbox;
        match after {
            Some(_) => self.catch_up(last).await,
            None => {
                self.position = last;
                self.answer(protocol::subscribed(site, last, 0, false)).await
            }
        }
    }

    /// Finds where a replay begins, and says so: later than requested if events have expired, earlier if the feed has
    /// not reached `after`, as when the database was replaced.
    async fn begin_replay(&mut self, after: u64) -> Result<(), End> {
        let site = &self.connection.site;
        let head = self.host.store.head(site).await?.seq;
        let oldest = self.host.store.feed_after(site, after).await?.first().map(|entry| entry.seq);
        self.position = if after > head { head } else { oldest.map_or(head, |oldest| oldest - 1) };
        let lost = self.position.saturating_sub(after);
        let frame = protocol::subscribed(&self.connection.site, self.position, lost, after > head);
        self.answer(frame).await
    }

    /// Sends the next events from the table; `false` if there are none.
    async fn replay_page(&mut self) -> Result<bool, End> {
        let page = self.host.store.feed_after(&self.connection.site, self.position).await?;
        let Some(page) = Batch::new(&self.connection.site, page) else { return Ok(false) };
        self.send(&page.events).await?;
        self.flush().await?;
        Ok(true)
    }

    /// Sends the events between the position and `last` from the table.
    async fn catch_up(&mut self, last: u64) -> Result<(), End> {
        while self.position < last {
            if !self.replay_page().await? {
                tracing::error!(site = self.connection.site, from = self.position, to = last, "events are missing");
                self.position = last;
            }
        }
        Ok(())
    }

    async fn deliver(&mut self, batch: &Batch) -> Result<(), End> {
        if !name::same(&batch.site, &self.connection.site) {
            return Ok(());
        }
        self.catch_up(batch.first() - 1).await?;
        self.send(&batch.events).await
    }

    /// Feeds the socket with the events that the client wants and does not have yet.
    async fn send(&mut self, events: &[Pushed]) -> Result<(), End> {
        let mut sent = 0;
        let known = self.position;
        for event in events.iter().filter(|event| event.seq > known) {
            if event.is_for(&self.connection) {
                // Frames are valid UTF-8 by construction; `try_from` only checks it again.
                let text = Utf8Bytes::try_from(event.frame.clone()).map_err(|_| End::Gone)?;
                self.feed(Message::Text(text)).await?;
                sent += 1;
            }
            self.position = event.seq;
        }
        self.delivered.increment(sent);
        Ok(())
    }

    /// Tells the client why the connection ends.
    async fn part(mut self, end: End) {
        let resume = format!("reconnect and subscribe with after={}", self.position);
        let (code, reason, patience) = match end {
            End::Gone => return,
            End::Closed => {
                // A client that does not read the answer does without it.
                let _ = timeout(LAST_WORDS, self.socket.flush()).await;
                return;
            }
            End::TooSlow => {
                names::dropped(Dropped::TooSlow);
                tracing::warn!(connection = self.connection.id, "a client does not read and is dropped");
                (close_code::AGAIN, format!("too slow; {resume}"), FAREWELL)
            }
            End::TooLarge => {
                names::refused(Code::TooLarge);
                (close_code::SIZE, format!("at most {} bytes a message", protocol::MAX_WIRE_BYTES), LAST_WORDS)
            }
            End::NotUtf8 => {
                names::refused(Code::BadMessage);
                (close_code::INVALID, "a text message is UTF-8".to_owned(), LAST_WORDS)
            }
            End::Binary => {
                names::refused(Code::BadMessage);
                (close_code::UNSUPPORTED, "messages are text".to_owned(), LAST_WORDS)
            }
            End::Protocol => {
                names::refused(Code::BadMessage);
                (close_code::PROTOCOL, "protocol error".to_owned(), LAST_WORDS)
            }
            End::Silent => {
                names::dropped(Dropped::Silent);
                (close_code::AWAY, format!("no answer to pings; {resume}"), LAST_WORDS)
            }
            End::Stopping => (close_code::AWAY, format!("the server is stopping; {resume}"), LAST_WORDS),
            End::Store(error) => {
                names::refused(Code::Unavailable);
                tracing::error!(%error, connection = self.connection.id, "a connection ends");
                (close_code::ERROR, format!("the database does not answer; {resume}"), LAST_WORDS)
            }
        };
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // A client that does not read the close frame in time does without it.
        if let Ok(Ok(())) = timeout(patience, self.socket.send(frame)).await {
            if self.socket.is_terminated() {
                return sleep(LINGER).await;
            }
            // Until the client has answered, closing the socket could destroy what it has not read yet.
            let answer = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            let _ = timeout(LAST_WORDS, answer).await;
        }
    }

    /// Completes the readings in progress, of all connections, and sends the waiting events: a stopping server drops
    /// none of them.
    async fn finish(&mut self) {
        let rest = async {
            while let Some(due) = self.in_flight.next().await {
                if let Some(frame) = due {
                    self.answer(frame).await?;
                }
            }
            self.host.messages.idle().await;
            let head = self.host.store.head(&self.connection.site).await?.seq;
            while self.position < head {
                for batch in self.outbox.take().await {
                    self.deliver(&batch).await?;
                }
            }
            self.flush().await
        };
        if timeout(LAST_WORDS, rest).await.is_err() {
            tracing::warn!(connection = self.connection.id, "a client did not read its last events in time");
        }
    }
}

/// The reply for a reading that is not stored. A dropped publisher has not stored it either.
async fn refused(fate: Fate) -> Option<String> {
    let error = fate.await.unwrap_or(Err(PublishError::Unavailable)).err()?;
    Some(unpublished(&error))
}

/// Counts an open connection while it lives.
struct Open;

impl Open {
    fn count() -> Self {
        metrics::counter!(names::CONNECTIONS).increment(1);
        metrics::gauge!(names::ACTIVE).increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(names::ACTIVE).decrement(1.0);
    }
}

//! The ports between the live code and the host.

use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use table::StoreError;
pub use table::connections::Connection;
use table::feed::Event;

/// The future of a port that must be usable as a trait object.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Announces events once they are in the feed. In AWS the table's stream does that, so there is nothing to do; a server
/// passes them to its own connections at once.
pub trait Announce: Send + Sync {
    /// Accepts committed events.
    fn announce(&self, site: &str, entries: Vec<Event>);

    /// Waits while most subscribers of a site are far behind. Bounded: a few that do not read slow nobody down.
    fn pace<'a>(&'a self, _site: &'a str) -> Waiting<'a> {
        Box::pin(std::future::ready(()))
    }
}

/// Announces nothing: whoever follows the feed finds the events.
#[derive(Debug, Clone, Copy, Default)]
pub struct FollowTheFeed;

impl Announce for FollowTheFeed {
    fn announce(&self, _site: &str, _entries: Vec<Event>) {}
}

/// An event for connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Its sequence number in the site's feed.
    pub seq: u64,
    /// The frame, UTF-8.
    pub frame: Bytes,
    /// The connection that published it.
    pub origin: Option<String>,
    /// Whether it is about alerts.
    pub is_alerts: bool,
}

impl Pushed {
    /// Whether a connection gets it: not the publisher's own, and otherwise those that subscribed to it.
    pub fn is_for(&self, connection: &Connection) -> bool {
        self.origin.as_deref() != Some(&connection.id) && (self.is_alerts || !connection.alerts_only)
    }
}

impl From<Event> for Pushed {
    fn from(entry: Event) -> Self {
        let is_alerts = entry.is_alerts();
        Self { seq: entry.seq, frame: Bytes::from(entry.frame), origin: entry.origin, is_alerts }
    }
}

/// Consecutive events of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The site.
    pub site: String,
    /// The events, in order; never empty.
    pub events: Vec<Pushed>,
    /// The size of all frames.
    pub bytes: usize,
}

impl Batch {
    /// A batch; `None` if there are no events.
    pub fn new(site: &str, entries: impl IntoIterator<Item = Event>) -> Option<Self> {
        let events: Vec<Pushed> = entries.into_iter().map(Pushed::from).collect();
        let bytes = events.iter().map(|event| event.frame.len()).sum();
        (!events.is_empty()).then(|| Self { site: site.to_owned(), events, bytes })
    }

    /// The events after `seq`; `None` if there are none.
    pub fn after(self: &Arc<Self>, seq: u64) -> Option<Arc<Self>> {
        let start = self.events.partition_point(|event| event.seq <= seq);
        match start {
            0 => Some(self.clone()),
            start if start == self.events.len() => None,
            start => {
                let events = self.events[start..].to_vec();
                let bytes = events.iter().map(|event| event.frame.len()).sum();
                Some(Arc::new(Self { site: self.site.clone(), events, bytes }))
            }
        }
    }

    /// The sequence number of the first event.
    pub fn first(&self) -> u64 {
        self.events.first().map_or(0, |event| event.seq)
    }

    /// The sequence number of the last event.
    pub fn last(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq)
    }
}

/// The registered connections.
pub trait Connections: Send + Sync {
    /// Adds a connection, or moves it to another site.
    fn register(&self, connection: &Connection) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Removes a connection.
    fn unregister(&self, id: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The connections that receive the events of a site.
    fn list(&self, site: &str) -> impl Future<Output = Result<Vec<Arc<Connection>>, StoreError>> + Send;
}

/// Why a connection did not receive events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It no longer exists.
    #[error("the connection is gone")]
    Gone,
    /// It may still exist.
    #[error("the connection could not be reached: {0}")]
    Failed(String),
}

/// Sends to connections.
pub trait Push: Send + Sync {
    /// Sends a connection the events that it wants, in order.
    fn post(&self, connection: &Connection, batch: &Arc<Batch>) -> impl Future<Output = Result<(), PushError>> + Send;
}

//! A client that follows a site's events over several connections.

use crate::Socket;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A client's view of a site's feed, over all its connections.
#[derive(Debug, Default)]
pub struct Follower {
    /// The events by sequence number.
    pub events: BTreeMap<u64, Value>,
    /// The sequence number of the last one.
    pub last: u64,
}

impl Follower {
    /// Connects and resumes.
    pub async fn reconnect(&self, url: &str) -> anyhow::Result<Socket> {
        let mark = if url.contains('?') { '&' } else { '?' };
        let mut socket = Socket::connect(&format!("{url}{mark}wait=true")).await?;
        socket.send(&json!({"type": "subscribe", "after": self.last})).await?;
        Ok(socket)
    }

    /// Accepts an event. Panics unless it is the next one.
    pub fn take(&mut self, event: Value) {
        let Some(seq) = event["seq"].as_u64().filter(|_| event["type"] != "subscribed") else { return };
        assert_eq!(seq, self.last + 1, "a gap or a repeat: {event}");
        assert!(self.events.insert(seq, event).is_none());
        self.last = seq;
    }
}

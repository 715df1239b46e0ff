//! The ports between live logic and the host.

use crate::store::feed::Entry;

/// Where events go once they are in the feed. In AWS the table's stream carries them, so that nothing is to be done;
/// a server hands them to its own connections at once.
pub trait Announce: Send + Sync {
    /// Takes events that have been committed, in order.
    fn announce(&self, site: &str, entries: &[Entry]);
}

/// Leaves announcing to whoever follows the feed.
#[derive(Debug, Clone, Copy, Default)]
pub struct FollowTheFeed;

impl Announce for FollowTheFeed {
    fn announce(&self, _site: &str, _entries: &[Entry]) {}
}

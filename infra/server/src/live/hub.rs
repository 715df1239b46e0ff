//! The connections of this process, by site, and the delivery of events to them.

use super::follower::Follower;
use super::others::Others;
use super::outbox::Outbox;
use domain::name;
use live::ports::{Announce, Batch, Connection, Connections, Push, PushError, Waiting};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::feed::Event;
use table::{Store, StoreError};

/// How long publishing waits at most for subscribers that are behind.
const PATIENCE: Duration = Duration::from_millis(250);
/// Publishing continues when no more than one in so many subscribers is behind.
const FEW: usize = 8;

/// Passes events to the connections of this process. Clones share the hub.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(super) store: Store,
    state: Arc<Mutex<Roster>>,
    others: Option<Arc<Others>>,
}

#[derive(Default)]
struct Roster {
    members: HashMap<String, Arc<Member>>,
    sites: HashMap<String, Watched>,
}

struct Member {
    connection: Arc<Connection>,
    outbox: Arc<Outbox>,
}

/// A site with subscribers.
#[derive(Default)]
struct Watched {
    members: Vec<Arc<Member>>,
    follower: Option<Arc<Follower>>,
}

impl Hub {
    /// A hub without connections, on a table with or without other writers.
    pub(crate) fn new(store: Store, others: Option<Others>) -> Self {
        Self { store, state: Arc::default(), others: others.map(Arc::new) }
    }

    /// Other processes that write to the table; `None` if there are none.
    pub(super) fn others(&self) -> Option<&Others> {
        self.others.as_deref()
    }

    /// Makes the follower of a site query the table, or all followers.
    pub(super) fn wake(&self, key: Option<&str>) {
        let state = self.state.lock();
        let followers = state.sites.iter().filter(|(site, _)| key.is_none_or(|key| key == site.as_str()));
        followers.filter_map(|(_, site)| site.follower.as_ref()).for_each(|follower| follower.wake());
    }

    /// How many events wait for connections.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().members.values().map(|member| member.outbox.len()).sum()
    }

    /// The queue of a connection.
    pub(super) fn outbox(&self, id: &str) -> Option<Arc<Outbox>> {
        self.state.lock().members.get(id).map(|member| member.outbox.clone())
    }

    /// The last event that was passed to the connections of a site.
    pub(super) fn last(&self, site: &str) -> Option<u64> {
        let state = self.state.lock();
        Some(state.sites.get(&name::key(site))?.follower.as_ref()?.last())
    }

    /// Adds a connection to its site. The follower exists before the head of the feed is read, so that nothing is
    /// missed in between.
    fn add(&self, connection: &Connection) -> Arc<Follower> {
        let key = name::key(&connection.site);
        let mut state = self.state.lock();
        let outbox = state.remove(&connection.id).map_or_else(Arc::default, |member| member.outbox.clone());
        let member = Arc::new(Member { connection: Arc::new(connection.clone()), outbox });
        state.members.insert(connection.id.clone(), member.clone());
        let site = state.sites.entry(key).or_default();
        site.members.push(member);
        site.follower.get_or_insert_with(|| Follower::start(self.clone(), &connection.site)).clone()
    }
}

impl Roster {
    fn remove(&mut self, id: &str) -> Option<Arc<Member>> {
        let member = self.members.remove(id)?;
        let key = name::key(&member.connection.site);
        if let Some(site) = self.sites.get_mut(&key) {
            site.members.retain(|other| other.connection.id != id);
            if site.members.is_empty() {
                // Its follower ends with it.
                self.sites.remove(&key);
            }
        }
        Some(member)
    }
}

impl Connections for Hub {
    async fn register(&self, connection: &Connection) -> Result<(), StoreError> {
        let follower = self.add(connection);
        follower.started().await.map_err(|reason| {
            self.state.lock().remove(&connection.id);
            StoreError::Service(reason)
        })
    }

    async fn unregister(&self, id: &str) -> Result<(), StoreError> {
        self.state.lock().remove(id);
        Ok(())
    }

    async fn list(&self, site: &str) -> Result<Vec<Arc<Connection>>, StoreError> {
        let state = self.state.lock();
        let members = state.sites.get(&name::key(site)).map_or(&[][..], |site| &site.members);
        Ok(members.iter().map(|member| member.connection.clone()).collect())
    }
}

impl Push for Hub {
    async fn post(&self, connection: &Connection, batch: &Arc<Batch>) -> Result<(), PushError> {
        let outbox = self.outbox(&connection.id).ok_or(PushError::Gone)?;
        // The connection's own task tells the client why, so a full queue counts as a closed connection here.
        if outbox.push(batch) { Ok(()) } else { Err(PushError::Gone) }
    }
}

impl Announce for Hub {
    fn announce(&self, site: &str, entries: Vec<Event>) {
        let key = name::key(site);
        if let Some(follower) = self.state.lock().sites.get(&key).and_then(|site| site.follower.as_ref()) {
            follower.take(entries);
        }
        if let Some(others) = self.others() {
            others.tell(key);
        }
    }

    fn pace<'a>(&'a self, site: &'a str) -> Waiting<'a> {
        Box::pin(async move {
            let until = Instant::now() + PATIENCE;
            loop {
                let behind = self.behind(site);
                if behind.is_empty() {
                    return;
                }
                if Instant::now() >= until {
                    behind.iter().for_each(|outbox| outbox.excuse());
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    }
}

impl Hub {
    /// The connections of a site that are behind; empty if they are few.
    fn behind(&self, site: &str) -> Vec<Arc<Outbox>> {
        let state = self.state.lock();
        let Some(site) = state.sites.get(&name::key(site)) else { return Vec::new() };
        let behind: Vec<_> =
            site.members.iter().map(|member| member.outbox.clone()).filter(|outbox| outbox.is_behind()).collect();
        if behind.len() * FEW <= site.members.len() { Vec::new() } else { behind }
    }
}

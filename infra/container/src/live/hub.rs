//! The connections of this process, by site, and the way of events to them.

use super::outbox::Outbox;
use parking_lot::Mutex;
use shared::domain::name;
use shared::live::ports::{Announce, Batch, Connection, Connections, Push, PushError, Waiting};
use shared::store::feed::Entry;
use shared::store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{SetOnce, mpsc};

/// How long an event may be missing before it is read from the table. Two writers of one site hand over their events
/// at nearly the same time, not always in order.
const GRACE: Duration = Duration::from_millis(20);
/// How long publishing waits at most for subscribers that are behind.
const PATIENCE: Duration = Duration::from_millis(250);
/// Publishing goes on when no more than one in so many subscribers is behind.
const FEW: usize = 8;

/// Hands events to the connections of this process. Clones are the same hub.
#[derive(Clone)]
pub(crate) struct Hub {
    store: Store,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    members: HashMap<String, Arc<Member>>,
    sites: HashMap<String, Watched>,
}

struct Member {
    connection: Arc<Connection>,
    outbox: Arc<Outbox>,
}

/// A site that somebody watches.
#[derive(Default)]
struct Watched {
    members: Vec<Arc<Member>>,
    follower: Option<Arc<Follower>>,
}

/// Puts the events of a site in order before they are handed on.
struct Follower {
    /// Committed events. Not bounded: it holds what one or two transactions wrote, as following never waits for
    /// connections.
    committed: mpsc::UnboundedSender<Vec<Entry>>,
    /// The last event that was handed on.
    last: AtomicU64,
    /// Set when `last` is that of the table, or with the reason why it could not be read.
    started: SetOnce<Result<(), String>>,
}

impl Hub {
    /// A hub without connections.
    pub(crate) fn new(store: Store) -> Self {
        Self { store, state: Arc::default() }
    }

    /// How many events wait for connections.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().members.values().map(|member| member.outbox.len()).sum()
    }

    /// The queue of a connection.
    pub(super) fn outbox(&self, id: &str) -> Option<Arc<Outbox>> {
        self.state.lock().members.get(id).map(|member| member.outbox.clone())
    }

    /// The last event that was handed to the connections of a site.
    pub(super) fn last(&self, site: &str) -> Option<u64> {
        let state = self.state.lock();
        Some(state.sites.get(&name::key(site))?.follower.as_ref()?.last.load(Ordering::Acquire))
    }

    /// Adds a connection to its site. The follower is there before the head of the feed is read, so that nothing
    /// falls between the two.
    fn add(&self, connection: &Connection) -> Arc<Follower> {
        let key = name::key(&connection.site);
        let mut state = self.state.lock();
        let outbox = state.remove(&connection.id).map_or_else(Arc::default, |member| member.outbox.clone());
        let member = Arc::new(Member { connection: Arc::new(connection.clone()), outbox });
        state.members.insert(connection.id.clone(), member.clone());
        let site = state.sites.entry(key).or_default();
        site.members.push(member);
        let follower = site.follower.get_or_insert_with(|| {
            let (committed, receiver) = mpsc::unbounded_channel();
            let follower = Arc::new(Follower { committed, last: AtomicU64::new(0), started: SetOnce::new() });
            let follow = Follow { hub: self.clone(), site: connection.site.clone(), ahead: BTreeMap::new() };
            tokio::spawn(follow.run(Arc::downgrade(&follower), receiver));
            follower
        });
        follower.clone()
    }
}

impl State {
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
        follower.started.wait().await.clone().map_err(|reason| {
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
        // The connection's own task tells the client why, so that a full queue is as good as a closed connection here.
        if outbox.push(batch) { Ok(()) } else { Err(PushError::Gone) }
    }
}

impl Announce for Hub {
    fn announce(&self, site: &str, entries: Vec<Entry>) {
        let state = self.state.lock();
        if let Some(follower) = state.sites.get(&name::key(site)).and_then(|site| site.follower.as_ref()) {
            // The receiver lives as long as the follower.
            let _ = follower.committed.send(entries);
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
    /// The connections of a site that are behind; none if they are few.
    fn behind(&self, site: &str) -> Vec<Arc<Outbox>> {
        let state = self.state.lock();
        let Some(site) = state.sites.get(&name::key(site)) else { return Vec::new() };
        let behind: Vec<_> =
            site.members.iter().map(|member| member.outbox.clone()).filter(|outbox| outbox.is_behind()).collect();
        if behind.len() * FEW <= site.members.len() { Vec::new() } else { behind }
    }
}

/// What a follower works with.
struct Follow {
    hub: Hub,
    site: String,
    /// Events that came before their predecessors, by the place of the first.
    ahead: BTreeMap<u64, Vec<Entry>>,
}

impl Follow {
    /// Runs until the last connection of the site has left.
    async fn run(mut self, follower: Weak<Follower>, mut committed: mpsc::UnboundedReceiver<Vec<Entry>>) {
        let head = self.hub.store.head(&self.site).await;
        if let Some(follower) = follower.upgrade() {
            follower.last.store(head.as_ref().map_or(0, |head| head.seq), Ordering::Release);
            // Set once: there is no other task of this follower.
            let _ = follower.started.set(head.map(drop).map_err(|error| error.to_string()));
        }
        loop {
            let missing = !self.ahead.is_empty();
            let received = tokio::select! {
                received = committed.recv() => received,
                () = tokio::time::sleep(GRACE), if missing => Some(Vec::new()),
            };
            let (Some(entries), Some(follower)) = (received, follower.upgrade()) else { return };
            match entries.first() {
                Some(first) => drop(self.ahead.insert(first.seq, entries)),
                None => self.fill(&follower).await,
            }
            self.hand_on(&follower).await;
        }
    }

    /// Reads what is missing from the table: another process wrote it.
    async fn fill(&mut self, follower: &Follower) {
        let last = follower.last.load(Ordering::Acquire);
        match self.hub.store.feed_after(&self.site, last).await {
            Ok(entries) => {
                let Some(first) = entries.first().map(|entry| entry.seq) else { return };
                if first > last + 1 {
                    tracing::error!(site = self.site, lost = first - last - 1, "events are no longer in the feed");
                    follower.last.store(first - 1, Ordering::Release);
                }
                self.ahead.insert(first, entries);
            }
            Err(error) => tracing::warn!(%error, site = self.site, "missing events could not be read yet"),
        }
    }

    async fn hand_on(&mut self, follower: &Follower) {
        let mut next = follower.last.load(Ordering::Acquire) + 1;
        let mut ready = Vec::new();
        while let Some(block) = self.ahead.first_entry().filter(|block| *block.key() <= next) {
            let entries = block.remove().into_iter().filter(|entry| entry.seq >= next);
            let before = ready.len();
            ready.extend(entries);
            next += (ready.len() - before) as u64;
        }
        let Some(batch) = Batch::new(&self.site, ready) else { return };
        follower.last.store(batch.last(), Ordering::Release);
        let batch = Arc::new(batch);
        if let Err(error) = ws_broadcast::broadcast(&self.hub, &self.hub, &batch).await {
            tracing::error!(%error, site = self.site, "events were not handed on");
        }
    }
}

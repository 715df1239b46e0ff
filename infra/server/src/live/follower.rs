//! One site's events: put in order, completed from the table, and handed on.
//!
//! What this process commits comes by itself. What others commit to a shared table is found by asking for what follows
//! the last event: soon after events of theirs, at leisure where nothing happens, and at once when a hint says so. The
//! feed is dense, so that nothing can be skipped, however late or often one asks.

use super::hub::Hub;
use super::others::Others;
use live::ports::Batch;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use table::StoreError;
use table::feed::Event;
use tokio::sync::{Notify, SetOnce, mpsc};
use tokio::time::{Instant, sleep_until};

/// How long an event may be missing before it is read from the table. Two writers of one site hand over their events
/// at nearly the same time, not always in order.
const GRACE: Duration = Duration::from_millis(20);
/// How long after the last question the next one may be asked where others have just written.
const BUSY: Duration = Duration::from_millis(40);
/// The longest time between two questions: others' events are there within a second.
const IDLE: Duration = Duration::from_millis(500);
/// The same while hints come, which only have to be made good when one is lost.
const HINTED: Duration = Duration::from_secs(2);

/// Puts the events of a site in order before they are handed on.
pub(super) struct Follower {
    /// Committed events. Not bounded: it holds what one or two transactions wrote, as following never waits for
    /// connections.
    committed: mpsc::UnboundedSender<Vec<Event>>,
    /// The last event that was handed on.
    last: AtomicU64,
    /// Set when `last` is that of the table, or with the reason why it could not be read.
    started: SetOnce<Result<(), String>>,
    /// Somebody else has written.
    hint: Arc<Notify>,
}

impl Follower {
    /// Begins to follow a site. Ends when the last one who holds the follower lets go of it.
    pub(super) fn start(hub: Hub, site: &str) -> Arc<Self> {
        let (committed, receiver) = mpsc::unbounded_channel();
        let hint = Arc::new(Notify::new());
        let follow = Follow {
            hub,
            site: site.to_owned(),
            hint: hint.clone(),
            ahead: BTreeMap::new(),
            pause: BUSY,
            failing: false,
        };
        let follower = Arc::new(Self { committed, last: AtomicU64::new(0), started: SetOnce::new(), hint });
        tokio::spawn(follow.run(Arc::downgrade(&follower), receiver));
        follower
    }

    /// The last event that was handed on.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Waits until `last` is that of the table.
    pub(super) async fn started(&self) -> Result<(), String> {
        self.started.wait().await.clone()
    }

    /// Takes events that this process has committed.
    pub(super) fn take(&self, entries: Vec<Event>) {
        // The receiver lives as long as the follower.
        let _ = self.committed.send(entries);
    }

    /// Has it look at the table.
    pub(super) fn wake(&self) {
        self.hint.notify_one();
    }
}

/// What a follower works with.
struct Follow {
    hub: Hub,
    site: String,
    hint: Arc<Notify>,
    /// Events that came before their predecessors, by the place of the first.
    ahead: BTreeMap<u64, Vec<Event>>,
    /// How long it waits before it asks the table again.
    pause: Duration,
    /// Whether the last question was not answered.
    failing: bool,
}

impl Follow {
    /// Runs until the last connection of the site has left.
    async fn run(mut self, weak: Weak<Follower>, mut committed: mpsc::UnboundedReceiver<Vec<Event>>) {
        let head = self.hub.store.head(&self.site).await;
        if let Some(follower) = weak.upgrade() {
            follower.last.store(head.as_ref().map_or(0, |head| head.seq), Ordering::Release);
            // Set once: there is no other task of this follower.
            let _ = follower.started.set(head.map(drop).map_err(|error| error.to_string()));
        }
        let shared = self.hub.others().is_some();
        let mut next_look = Instant::now() + self.pause;
        loop {
            let missing = !self.ahead.is_empty();
            let received = tokio::select! {
                received = committed.recv() => received.map(Some),
                () = tokio::time::sleep(GRACE), if missing => Some(None),
                () = self.hint.notified(), if shared => Some(None),
                () = sleep_until(next_look), if shared => Some(None),
            };
            let (Some(received), Some(follower)) = (received, weak.upgrade()) else { return };
            match received {
                Some(entries) => {
                    drop(entries.first().map(|first| first.seq).map(|seq| self.ahead.insert(seq, entries)))
                }
                None => {
                    let found = self.fill(&follower).await;
                    self.pause = self.next_pause(found);
                    next_look = Instant::now() + self.pause;
                }
            }
            self.hand_on(&follower).await;
        }
    }

    fn next_pause(&self, found: bool) -> Duration {
        let longest = if self.hub.others().is_some_and(Others::hint) { HINTED } else { IDLE };
        if found { BUSY } else { (self.pause * 5 / 4).min(longest) }
    }

    /// Reads what follows from the table: another process wrote it. Returns whether there was something.
    async fn fill(&mut self, follower: &Follower) -> bool {
        let last = follower.last();
        match self.look(last).await {
            Ok(entries) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(site = self.site, "the feed can be read again");
                }
                let Some(event) = entries.first() else { return false };
                let (first, is_removal) = (event.seq, event.is_removal());
                if first > last + 1 && is_removal {
                    tracing::info!(site = self.site, "the site was removed, and events of it with it");
                    follower.last.store(first - 1, Ordering::Release);
                } else if first > last + 1 {
                    tracing::error!(site = self.site, lost = first - last - 1, "events are no longer in the feed");
                    follower.last.store(first - 1, Ordering::Release);
                }
                self.ahead.insert(first, entries);
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, site = self.site, "events could not be read; it is tried again");
                }
                false
            }
        }
    }

    /// What follows an event. On a shared table, where most looks find nothing, a cheaper read comes first: half a read
    /// unit for the head, which may be a moment old.
    async fn look(&self, last: u64) -> Result<Vec<Event>, StoreError> {
        if self.ahead.is_empty() && self.hub.store.glance(&self.site).await? <= last {
            return Ok(Vec::new());
        }
        self.hub.store.feed_after(&self.site, last).await
    }

    async fn hand_on(&mut self, follower: &Follower) {
        let mut next = follower.last() + 1;
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

//! One site's events: puts them in order, fills gaps from the table, and passes them on.
//!
//! This process's own commits arrive by themselves. Other processes' commits to a shared table are found by querying
//! for what follows the last event: soon after events of others, less often when nothing happens, and at once after a
//! hint. The feed is dense, so nothing can be skipped, however late or often it is queried.

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

/// How long an event may be missing before it is read from the table. Two writers of one site hand over their events at
/// nearly the same time, and not always in order.
const GRACE: Duration = Duration::from_millis(20);
/// The pause before the next query after others have just written.
const BUSY: Duration = Duration::from_millis(40);
/// The longest pause between queries: others' events arrive within a second.
const IDLE: Duration = Duration::from_millis(500);
/// The same while hints arrive: queries only have to make up for lost ones.
const HINTED: Duration = Duration::from_secs(2);

/// Puts the events of a site in order before they are passed on.
pub(super) struct Follower {
    /// Committed events. Unbounded, but it only holds what one or two transactions wrote, because the follower never
    /// waits for connections.
    committed: mpsc::UnboundedSender<Vec<Event>>,
    /// The last event that was passed on.
    last: AtomicU64,
    /// Set once `last` has been read from the table, or with the reason why it could not be read.
    started: SetOnce<Result<(), String>>,
    /// Signals that another process has written.
    hint: Arc<Notify>,
}

impl Follower {
    /// Starts to follow a site. Ends when the last holder drops the follower.
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

    /// The last event that was passed on.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Waits until `last` has been read from the table.
    pub(super) async fn started(&self) -> Result<(), String> {
        self.started.wait().await.clone()
    }

    /// Accepts events that this process has committed.
    pub(super) fn take(&self, entries: Vec<Event>) {
        // The receiver lives as long as the follower.
        let _ = self.committed.send(entries);
    }

    /// Makes it query the table.
    pub(super) fn wake(&self) {
        self.hint.notify_one();
    }
}

/// What a follower needs.
struct Follow {
    hub: Hub,
    site: String,
    hint: Arc<Notify>,
    /// Events that arrived before their predecessors, by the sequence number of the first.
    ahead: BTreeMap<u64, Vec<Event>>,
    /// The pause before the next query.
    pause: Duration,
    /// Whether the last query failed.
    failing: bool,
}

impl Follow {
    /// Runs until the last connection of the site has left.
    async fn run(mut self, weak: Weak<Follower>, mut committed: mpsc::UnboundedReceiver<Vec<Event>>) {
        let head = self.hub.store.head(&self.site).await;
        if let Some(follower) = weak.upgrade() {
            follower.last.store(head.as_ref().map_or(0, |head| head.seq), Ordering::Release);
            // Set once: the follower has no other task.
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

    /// Reads from the table what another process has written. Returns whether there was something.
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
                    tracing::info!(site = self.site, "the site was removed, together with its earlier events");
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
                    tracing::warn!(%error, site = self.site, "events could not be read; a retry follows");
                }
                false
            }
        }
    }

    /// The events after `last`. On a shared table, where most queries find nothing, a cheaper read comes first: half a
    /// read unit for the head, which may be slightly stale.
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
            tracing::error!(%error, site = self.site, "events could not be passed on");
        }
    }
}

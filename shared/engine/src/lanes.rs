//! Serialises the writes to each site: every writer to a site's feed in this process goes through its lane, one at a
//! time.
//!
//! Conflicts with other processes show in the condition on the feed's head. Within a process, a lane avoids most of
//! these conflicts, and keeps what is known of the site between two writes.

use crate::publisher::Job;
use crate::site::Site;
use domain::name;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use table::series::Entry;
use table::{Store, StoreError};

/// The most sites whose state is remembered.
const MAX_SITES: usize = 256;
/// The most readings in one transaction. Whether they fit depends on the alerts they raise.
const MAX_BATCH: usize = 512;
/// The most bytes of messages in one transaction.
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// The most readings that wait at one site; any more are refused.
const MAX_WAITING: usize = 16_384;

/// The lanes of a process. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Lanes(Arc<Mutex<HashMap<String, Arc<Lane>>>>);

/// The lane of a site.
pub(crate) struct Lane {
    queue: Mutex<Queue>,
    /// The known state of the site; locked during a write.
    pub(crate) site: tokio::sync::Mutex<Site>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Whether a task is processing the queue.
    running: bool,
}

impl Lanes {
    /// The lane of a site.
    pub(crate) fn of(&self, site: &str) -> Arc<Lane> {
        let mut lanes = self.0.lock();
        let key = name::key(site);
        if let Some(lane) = lanes.get(&key) {
            return lane.clone();
        }
        if lanes.len() >= MAX_SITES {
            // A lane in use must stay, or the site would get a second one.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let lane = Arc::new(Lane { queue: Mutex::default(), site: tokio::sync::Mutex::new(Site::new(site)) });
        lanes.insert(key, lane.clone());
        lane
    }

    /// Enters series of a site into the directory. Publishers of this process adopt the change, instead of hitting a
    /// conflict and reading everything again.
    pub(crate) async fn merge(&self, store: &Store, entries: Vec<Entry>) -> Result<(), StoreError> {
        let Some(first) = entries.first() else { return Ok(()) };
        let site = first.series.site.clone();
        let lane = self.of(&site);
        let mut others = Vec::new();
        for entry in &entries {
            // Released between two series, for publishers.
            let mut known = lane.site.lock().await;
            if known.knows(&entry.id) {
                known.merged(&store.merge_series(entry).await?);
            } else {
                others.push(entry);
            }
        }
        // Series without publishers wait for nobody.
        store.merge_all(&site, &others).await
    }

    /// Enters series of a site into the directory whose readings were never announced. The publishers' copies lack
    /// these readings.
    pub(crate) async fn adopt(&self, store: &Store, site: &str, entries: Vec<Entry>) -> Result<(), StoreError> {
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        self.merge(store, entries).await?;
        self.of(site).site.lock().await.adopted(&ids);
        Ok(())
    }

    /// All lanes.
    pub(crate) fn all(&self) -> Vec<Arc<Lane>> {
        self.0.lock().values().cloned().collect()
    }
}

impl Lane {
    /// Queues a reading. `Some(true)`: no task is processing the queue, and the caller must start one; `None` if there
    /// is no room.
    pub(crate) fn push(&self, job: Job) -> Option<bool> {
        let mut queue = self.queue.lock();
        if queue.waiting.len() >= MAX_WAITING {
            return None;
        }
        queue.waiting.push_back(job);
        Some(!std::mem::replace(&mut queue.running, true))
    }

    /// Whether readings are waiting or being written.
    pub(crate) fn is_running(&self) -> bool {
        self.queue.lock().running
    }

    /// The readings for the next transaction, or `None`, after which no task is processing the queue any more.
    pub(crate) fn next_batch(&self) -> Option<Vec<Job>> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let fitting = queue.waiting.iter().take(MAX_BATCH).take_while(|job| {
            bytes += job.published.bytes;
            bytes <= MAX_BATCH_BYTES
        });
        let count = fitting.count().max(1).min(queue.waiting.len());
        queue.running = count > 0;
        (count > 0).then(|| queue.waiting.drain(..count).collect())
    }

    /// Drops all waiting readings, and records that no task is processing the queue.
    pub(crate) fn clear(&self) {
        *self.queue.lock() = Queue::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_in_use_is_never_replaced() {
        let lanes = Lanes::default();
        let held = lanes.of("held");
        for other in 0..2 * MAX_SITES {
            lanes.of(&format!("site {other}"));
        }
        assert!(Arc::ptr_eq(&held, &lanes.of("HELD")));
        assert!(lanes.all().len() <= MAX_SITES + 1);
    }
}

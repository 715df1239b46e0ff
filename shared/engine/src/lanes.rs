//! The way to each site: whoever writes to a site's feed in this process goes through its lane, one at a time.
//!
//! Other processes are met in the condition on the feed's head. Within a process a lane spares most of these meetings,
//! and keeps what is known of the site between two writes.

use crate::publisher::Job;
use crate::site::Site;
use domain::name;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use table::series::Entry;
use table::{Store, StoreError};

/// Sites whose state is remembered.
const MAX_SITES: usize = 256;
/// The most readings in one transaction. What they raise decides whether they fit.
const MAX_BATCH: usize = 512;
/// The most bytes of messages in one transaction.
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// The most readings that wait at one site; beyond that they are refused.
const MAX_WAITING: usize = 16_384;

/// The lanes of a process. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Lanes(Arc<Mutex<HashMap<String, Arc<Lane>>>>);

/// The lane of a site.
pub(crate) struct Lane {
    queue: Mutex<Queue>,
    /// What is known of the site; held while something is written.
    pub(crate) site: tokio::sync::Mutex<Site>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Whether a task is working the queue off.
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
            // Whoever holds a lane has it to itself only as long as there is no second one: those stay.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let lane = Arc::new(Lane { queue: Mutex::default(), site: tokio::sync::Mutex::new(Site::new(site)) });
        lanes.insert(key, lane.clone());
        lane
    }

    /// Brings series of a site into the directory. Publishers of this process take them over, in place of meeting them as
    /// a conflict and reading everything anew.
    pub(crate) async fn merge(&self, store: &Store, entries: Vec<Entry>) -> Result<(), StoreError> {
        let Some(first) = entries.first() else { return Ok(()) };
        let site = first.series.site.clone();
        let lane = self.of(&site);
        let mut others = Vec::new();
        for entry in &entries {
            // Given free between two series, for those who publish.
            let mut known = lane.site.lock().await;
            if known.knows(&entry.id) {
                known.merged(&store.merge_series(entry).await?);
            } else {
                others.push(entry);
            }
        }
        // Series to which nobody publishes wait for nobody.
        store.merge_all(&site, &others).await
    }

    /// Brings series of a site into the directory whose readings nobody has told of before. What publishers keep of them
    /// lacks these readings.
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
    /// Adds a reading to those that wait. Tells whether nobody is working them off, and somebody has to be then; `None` if
    /// there is no room.
    pub(crate) fn push(&self, job: Job) -> Option<bool> {
        let mut queue = self.queue.lock();
        if queue.waiting.len() >= MAX_WAITING {
            return None;
        }
        queue.waiting.push_back(job);
        Some(!std::mem::replace(&mut queue.running, true))
    }

    /// Whether readings wait or are being written.
    pub(crate) fn is_running(&self) -> bool {
        self.queue.lock().running
    }

    /// The readings that the next transaction takes, or `None`, and then nobody is working any more.
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

    /// Drops all readings that wait, and says that nobody is working.
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

//! Publishing single readings.
//!
//! A reading is stored, judged and put into the site's feed in one transaction before anybody sees it. A disk or a
//! database confirms some hundred transactions a second, a busy site publishes more readings than that: so each site
//! has a lane in which readings wait while a transaction is under way, and the next one takes all that have waited.

use super::site::Site;
use crate::metrics;
use domain::name;
use live::ports::Announce;
use live::protocol::Published;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{Store, StoreError};
use tokio::sync::oneshot;

/// The most readings in one transaction, whose frames then fit its 4 MB with room for the alerts they raise.
const MAX_BATCH: usize = 512;
/// The most bytes of messages in one transaction.
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// The most readings that wait at one site; beyond that they are refused.
const MAX_WAITING: usize = 16_384;
/// How long a transaction is tried again when others write to the same site: in Lambda, as many processes publish as
/// there are connections that do. Less than the 28 s that template.yaml gives the function.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest wait between two tries.
const LONGEST_WAIT: u64 = 160;
/// Sites whose state is remembered between readings.
const MAX_SITES: usize = 256;

/// Takes published readings in. Clones share their lanes.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    announce: Arc<dyn Announce>,
    lanes: Arc<Mutex<HashMap<String, Arc<Lane>>>>,
}

/// Why a reading was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Too many are waiting.
    #[error("too many readings are waiting to be stored; try again")]
    Busy,
    /// The table failed; the cause is in the log.
    #[error("the database does not answer; try again")]
    Unavailable,
}

/// The fate of a published reading: its place in the feed, once it is stored.
pub type Fate = oneshot::Receiver<Result<u64, PublishError>>;

/// A reading that waits.
struct Job {
    published: Published,
    origin: String,
    received: Instant,
    done: oneshot::Sender<Result<u64, PublishError>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Whether a task is working the queue off.
    running: bool,
}

struct Lane {
    queue: Mutex<Queue>,
    site: tokio::sync::Mutex<Site>,
}

impl Publisher {
    /// A publisher.
    pub fn new(store: Store, announce: Arc<dyn Announce>) -> Self {
        Self { store, announce, lanes: Arc::default() }
    }

    /// Takes a reading for a site; `origin` is the connection that it came from. Readings of one caller are stored in
    /// the order of its calls.
    pub fn publish(&self, site: &str, published: Published, origin: &str) -> Result<Fate, PublishError> {
        let (done, fate) = oneshot::channel();
        let job = Job { published, origin: origin.to_owned(), received: Instant::now(), done };
        let lane = self.lane(site);
        let mut queue = lane.queue.lock();
        if queue.waiting.len() >= MAX_WAITING {
            return Err(PublishError::Busy);
        }
        queue.waiting.push_back(job);
        if !std::mem::replace(&mut queue.running, true) {
            tokio::spawn(self.clone().work_off(lane.clone()));
        }
        Ok(fate)
    }

    /// Waits until no reading is waiting any more.
    pub async fn idle(&self) {
        let lanes: Vec<_> = self.lanes.lock().values().cloned().collect();
        for lane in lanes {
            while lane.queue.lock().running {
                // Held by the task that works the queue off, as long as it does.
                drop(lane.site.lock().await);
                tokio::task::yield_now().await;
            }
        }
    }

    fn lane(&self, site: &str) -> Arc<Lane> {
        let mut lanes = self.lanes.lock();
        let key = name::key(site);
        if let Some(lane) = lanes.get(&key) {
            return lane.clone();
        }
        if lanes.len() >= MAX_SITES {
            lanes.retain(|_, lane| lane.queue.lock().running);
        }
        let lane = Arc::new(Lane { queue: Mutex::default(), site: tokio::sync::Mutex::new(Site::new(site)) });
        lanes.insert(key, lane.clone());
        lane
    }

    async fn work_off(self, lane: Arc<Lane>) {
        let _cleared = ClearedOnPanic(&lane);
        let mut site = lane.site.lock().await;
        while let Some(jobs) = lane.next_batch() {
            let readings: Vec<_> = jobs.iter().map(|job| (&job.published, job.origin.as_str())).collect();
            let stored = self.store_all(&mut site, &readings).await;
            for (job, seq) in std::iter::zip(jobs, stored) {
                if seq.is_ok() {
                    metrics::pushed(job.received.elapsed());
                }
                // Who published may be gone; the reading is stored all the same.
                let _ = job.done.send(seq);
            }
            self.announce.pace(site.name()).await;
        }
    }

    /// Stores readings and announces them; in two halves, and so on, where they do not fit one transaction.
    async fn store_all(&self, site: &mut Site, readings: &[(&Published, &str)]) -> Vec<Result<u64, PublishError>> {
        let mut results = Vec::with_capacity(readings.len());
        let mut parts = vec![readings];
        while let Some(part) = parts.pop() {
            match self.store_part(site, part).await {
                Ok(Some(first)) => results.extend((first..).take(part.len()).map(Ok)),
                Ok(None) => {
                    let (front, back) = part.split_at(part.len() / 2);
                    parts.extend([back, front]);
                }
                Err(error) => {
                    tracing::error!(%error, site = site.name(), readings = part.len(), "readings were not stored");
                    results.extend(part.iter().map(|_| Err(PublishError::Unavailable)));
                }
            }
        }
        results
    }

    /// The place of the first reading, or `None` if they are too many for one transaction.
    async fn store_part(&self, site: &mut Site, part: &[(&Published, &str)]) -> Result<Option<u64>, StoreError> {
        let started = Instant::now();
        let mut attempt = 0u32;
        loop {
            match site.store(&self.store, part).await {
                Ok(None) => return Ok(None),
                Ok(Some(stored)) => {
                    let first = stored.entries.first().map(|entry| entry.seq);
                    self.announce.announce(site.name(), stored.entries);
                    stored.alerts.into_iter().for_each(|(severity, count)| metrics::alerts_raised(severity, count));
                    return Ok(first);
                }
                Err(StoreError::Conflict) if started.elapsed() < PATIENCE => {
                    table::metrics::retried();
                    // Somebody else writes to this site; each waits longer than before, and not all equally long.
                    let most = (5 << attempt.min(10)).min(LONGEST_WAIT);
                    let part = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
                    tokio::time::sleep(Duration::from_millis(most * part / 255)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Opens a lane again whose task has panicked: the readings that wait are refused, later ones are taken.
struct ClearedOnPanic<'a>(&'a Lane);

impl Drop for ClearedOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.queue.lock() = Queue::default();
        }
    }
}

impl Lane {
    /// The readings that the next transaction takes, or `None`, and then nobody is working any more.
    fn next_batch(&self) -> Option<Vec<Job>> {
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
}

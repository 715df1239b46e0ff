//! Publishes single readings.
//!
//! A reading is stored, judged and put into the site's feed in one transaction before anybody sees it. A disk or a
//! database confirms a few hundred transactions a second, but a busy site publishes more readings than that. So
//! readings wait in the site's lane while a transaction is in progress, and the next one takes all that have waited.

use crate::lanes::{Lane, Lanes};
use crate::metrics;
use crate::settle::Settler;
use crate::site::{Outcome, Site};
use domain::unit::MAX_SERIES_UNITS;
use live::ports::Announce;
use live::protocol::Published;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::retry::Backoff;
use table::sites::NoNewSite;
use table::{Store, StoreError};
use tokio::sync::oneshot;

/// How long a transaction is retried while others write to the same site: in Lambda, as many processes publish as there
/// are publishing connections. Less than the 28 s that template.yaml gives the function.
const PATIENCE: Duration = Duration::from_secs(20);

/// Stores published readings. Clones share their lanes.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    announce: Arc<dyn Announce>,
    lanes: Lanes,
    settler: Settler,
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
    /// The site is being removed.
    #[error("the site is being removed")]
    BeingRemoved,
    /// The site is unknown, and cannot be created.
    #[error("site: {0}")]
    NoNewSite(NoNewSite),
    /// The series has the maximum number of units.
    #[error("unit: the series has {MAX_SERIES_UNITS} units already, and {0:?} is none of them")]
    TooManyUnits(String),
}

/// The fate of a published reading: its sequence number in the feed, once it is stored.
pub type Fate = oneshot::Receiver<Result<u64, PublishError>>;

/// A waiting reading.
pub(crate) struct Job {
    pub(crate) published: Published,
    origin: String,
    received: Instant,
    done: oneshot::Sender<Result<u64, PublishError>>,
}

/// A reading and its connection.
pub(crate) type Reading<'a> = (&'a Published, &'a str);

impl Publisher {
    pub(crate) fn new(store: Store, announce: Arc<dyn Announce>, lanes: Lanes, settler: Settler) -> Self {
        Self { store, announce, lanes, settler }
    }

    /// Queues a reading for a site; `origin` is its connection. Readings of one caller are stored in the order of its
    /// calls.
    pub fn publish(&self, site: &str, published: Published, origin: &str) -> Result<Fate, PublishError> {
        let (done, fate) = oneshot::channel();
        let job = Job { published, origin: origin.to_owned(), received: Instant::now(), done };
        let lane = self.lanes.of(site);
        if lane.push(job).ok_or(PublishError::Busy)? {
            tokio::spawn(self.clone().work_off(lane));
        }
        Ok(fate)
    }

    /// Waits until no readings are waiting.
    pub async fn idle(&self) {
        for lane in self.lanes.all() {
            while lane.is_running() {
                // The task that processes the queue holds this lock while it writes.
                drop(lane.site.lock().await);
                tokio::task::yield_now().await;
            }
        }
    }

    async fn work_off(self, lane: Arc<Lane>) {
        let _cleared = ClearedOnPanic(&lane);
        while let Some(jobs) = lane.next_batch() {
            // Released between two transactions, so that the site's settler gets its turn.
            let mut site = lane.site.lock().await;
            let readings: Vec<_> = jobs.iter().map(|job| (&job.published, job.origin.as_str())).collect();
            let stored = self.store_all(&mut site, &readings).await;
            let name = site.name().to_owned();
            drop(site);
            for (job, seq) in std::iter::zip(jobs, stored) {
                if seq.is_ok() {
                    metrics::pushed(job.received.elapsed());
                }
                // The publisher may be gone; the reading is stored all the same.
                let _ = job.done.send(seq);
            }
            self.announce.pace(&name).await;
        }
    }

    /// Stores readings and announces them; in halves, and so on, if they do not fit one transaction.
    async fn store_all(&self, site: &mut Site, readings: &[Reading<'_>]) -> Vec<Result<u64, PublishError>> {
        let mut results = Vec::with_capacity(readings.len());
        let mut parts = vec![readings];
        while let Some(part) = parts.pop() {
            match self.store_part(site, part).await {
                Ok(Some(fates)) => results.extend(fates),
                Ok(None) => {
                    let (front, back) = part.split_at(part.len() / 2);
                    parts.extend([back, front]);
                }
                Err(StoreError::BeingRemoved) => results.extend(part.iter().map(|_| Err(PublishError::BeingRemoved))),
                Err(StoreError::NoNewSite(why)) => {
                    results.extend(part.iter().map(|_| Err(PublishError::NoNewSite(why.clone()))));
                }
                Err(error) => {
                    tracing::error!(%error, site = site.name(), readings = part.len(), "readings were not stored");
                    results.extend(part.iter().map(|_| Err(PublishError::Unavailable)));
                }
            }
        }
        results
    }

    /// The fate of each reading, or `None` if they are too many for one transaction.
    async fn store_part(
        &self,
        site: &mut Site,
        part: &[Reading<'_>],
    ) -> Result<Option<Vec<Result<u64, PublishError>>>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            match site.store(&self.store, part).await {
                Ok(Outcome::TooLarge) => return Ok(None),
                Ok(Outcome::Stored(stored)) => {
                    self.announce.announce(site.name(), stored.events);
                    stored.alerts.into_iter().for_each(|(severity, count)| metrics::alerts_raised(severity, count));
                    if stored.deferred {
                        self.settler.kick(site.name());
                    }
                    return Ok(Some(stored.fates));
                }
                // Another process writes to this site.
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => table::metrics::retried(),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reopens a lane whose task has panicked: the waiting readings are refused, later ones are accepted.
struct ClearedOnPanic<'a>(&'a Lane);

impl Drop for ClearedOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.clear();
        }
    }
}

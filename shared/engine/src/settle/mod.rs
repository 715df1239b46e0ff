//! Settles: judges marked stretches, and writes the results.
//!
//! One settler at a time works on a site, under a lease in the table. It takes marks, judges their stretches by the
//! readings and the permit as they are then, and commits alerts, events, accounts and the removal of the marks
//! together. If something came between, the attempt leaves nothing behind, and its marks are taken again. Whoever waits
//! for its own marks settles the site itself; what others left behind is found by a sweep, and by the table's stream.

mod batch;
mod pass;
mod remove;
mod sets;

pub(crate) use sets::replacement;
mod sweep;

pub use sweep::report;

use crate::lanes::Lanes;
use crate::metrics;
use crate::summary;
use live::ports::Announce;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::leases::{BEAT, Lease, Watch, Work};
use table::marks::{Mark, Open, Outstanding};
use table::retry::Backoff;
use table::{Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

/// Sites that are settled at the same time: each waits for the table several times, and a file may have hundreds.
const SITES_AT_ONCE: usize = 16;
/// How often to check whether another process has done what is waited for.
const LOOK: Duration = Duration::from_millis(100);
/// How long a failing site is retried before it is left to the next sweep.
const PATIENCE: Duration = Duration::from_secs(30);
/// The age, in microseconds, at which invalid blocks are removed: a client that reads alerts page by page may still
/// need them.
const GARBAGE_AGE: i64 = 10_000_000;

/// Settles sites. Clones share the state.
#[derive(Clone)]
pub struct Settler(Arc<Inner>);

struct Inner {
    store: Store,
    announce: Arc<dyn Announce>,
    lanes: Lanes,
    /// Sites that a task of this process is settling, and whether there may be more work than it has seen.
    running: Mutex<HashMap<String, bool>>,
    room: Semaphore,
    /// Notified after every settlement.
    progress: Notify,
    watches: Mutex<HashMap<String, Watch>>,
    /// Whether this settler removes sites.
    removes: bool,
}

/// What was done about the marks of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// There is more to do.
    Some,
    /// Everything that could be settled is.
    Nothing,
    /// Another process has the lease.
    Lost,
}

impl Settler {
    pub(crate) fn new(store: Store, announce: Arc<dyn Announce>, lanes: Lanes, removes: bool) -> Self {
        Self(Arc::new(Inner {
            store,
            announce,
            lanes,
            running: Mutex::default(),
            room: Semaphore::new(SITES_AT_ONCE),
            progress: Notify::new(),
            watches: Mutex::default(),
            removes,
        }))
    }

    /// Starts a task that settles a site, and continues whether or not anybody waits.
    pub fn kick(&self, site: &str) {
        let key = domain::name::key(site);
        let mut running = self.0.running.lock();
        if let Some(again) = running.get_mut(&key) {
            *again = true;
            return;
        }
        running.insert(key, false);
        let (settler, site) = (self.clone(), site.to_owned());
        tokio::spawn(async move {
            let running = Running { settler: &settler, key: domain::name::key(&site) };
            loop {
                settler.settle_patiently(&site).await;
                if running.is_over() {
                    return;
                }
            }
        });
    }

    async fn settle_patiently(&self, site: &str) {
        // The semaphore is never closed.
        let _room = self.0.room.acquire().await;
        let mut backoff = Backoff::default();
        let mut is_again = false;
        while let Err(error) = self.attempt(site, is_again).await {
            is_again = true;
            metrics::settle_attempt(metrics::Attempt::Failed);
            tracing::error!(%error, site, "a site could not be settled");
            if !backoff.wait(PATIENCE).await {
                return;
            }
        }
    }

    /// `is_again`: an earlier attempt may have judged all of a file without writing its answer.
    async fn attempt(&self, site: &str, is_again: bool) -> Result<(), StoreError> {
        self.settle_site(site).await?;
        if is_again {
            self.answer_files(&self.0.store.open_work().await?).await?;
        }
        Ok(())
    }

    /// Writes the answers of files that are completely judged.
    async fn answer_files(&self, open: &[Open]) -> Result<(), StoreError> {
        for ingest in open.iter().filter_map(|open| open.ingest.as_deref()) {
            summary::answer_file(&self.0.store, ingest).await?;
            self.0.progress.notify_waiters();
        }
        Ok(())
    }

    /// Settles a site until nothing is left that can be settled now.
    pub async fn settle_site(&self, site: &str) -> Result<(), StoreError> {
        let store = &self.0.store;
        let mut watch = Watch::default();
        loop {
            let Some(lease) = store.take_lease(Work::Site(site.to_owned()), &mut watch).await? else {
                tokio::time::sleep(LOOK).await;
                if !self.is_ready(site).await? {
                    return Ok(());
                }
                continue;
            };
            let beating = Beating::start(store.clone(), lease.clone());
            let worked = self.work(&lease, site).await;
            drop(beating);
            store.give_back(&lease).await?;
            // Marks that arrived meanwhile are settled by those who left them.
            return worked;
        }
    }

    /// Whether a site has marks that can be settled now.
    async fn is_ready(&self, site: &str) -> Result<bool, StoreError> {
        if self.0.removes && self.0.store.removal(site).await?.is_some() {
            return Ok(true);
        }
        let mut after = None;
        loop {
            let (marks, next) = self.0.store.marks(site, after.as_deref()).await?;
            // Read afterwards, for the reason given in `Pass::run`.
            let outstanding = self.0.store.outstanding(site).await?;
            if !outstanding.permits.is_empty() || outstanding.garbage.iter().any(is_old) {
                return Ok(true);
            }
            if marks.iter().any(|mark| is_ready(mark, &outstanding)) {
                return Ok(true);
            }
            after = next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }

    async fn work(&self, lease: &Lease, site: &str) -> Result<(), StoreError> {
        loop {
            match self.0.store.removal(site).await? {
                Some(removal) if self.0.removes => return self.remove(lease, &removal).await,
                Some(_) => return Ok(()),
                None => {}
            }
            match self.judge(lease, site).await {
                // The removal began meanwhile.
                Err(StoreError::BeingRemoved) => {}
                done => return done,
            }
        }
    }

    async fn judge(&self, lease: &Lease, site: &str) -> Result<(), StoreError> {
        let mut pass = pass::Pass::new(self, lease, site);
        while pass.run().await? == Done::Some {}
        let store = &self.0.store;
        for (series, rule, _) in pass.garbage.iter().filter(|garbage| is_old(garbage)) {
            store.collect_garbage(site, series, rule).await?;
        }
        for ingest in pass.finished {
            summary::answer_file(store, &ingest).await?;
            self.0.progress.notify_waiters();
        }
        Ok(())
    }

    /// Waits until `done` returns something, checking after each settlement of this process and at intervals; `None` if
    /// the time is over first.
    pub(crate) async fn wait<T, F>(&self, until: Instant, done: impl Fn() -> F) -> Result<Option<T>, StoreError>
    where
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        loop {
            let progress = self.0.progress.notified();
            let mut progress = std::pin::pin!(progress);
            progress.as_mut().enable();
            if let Some(done) = done().await? {
                return Ok(Some(done));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            let _ = tokio::time::timeout(LOOK, progress).await;
        }
    }
}

fn is_old((_, _, since): &(String, String, i64)) -> bool {
    domain::time::now() - since >= GARBAGE_AGE
}

/// Whether a mark can be settled now: a file that is being recorded is judged once all of it is there.
pub(crate) fn is_ready(mark: &Mark, outstanding: &Outstanding) -> bool {
    !matches!(&mark.origin, table::marks::Origin::File(id) if outstanding.recording.contains(id))
}

/// Records that a task settles a site; released with the task, however that ends.
struct Running<'a> {
    settler: &'a Settler,
    key: String,
}

impl Running<'_> {
    /// Whether nothing came in since the last call.
    fn is_over(&self) -> bool {
        let mut running = self.settler.0.running.lock();
        match running.get_mut(&self.key) {
            Some(again) if *again => {
                *again = false;
                false
            }
            _ => {
                running.remove(&self.key);
                true
            }
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.settler.0.running.lock().remove(&self.key);
        }
    }
}

/// Renews a lease, until dropped.
pub struct Beating(JoinHandle<()>);

impl Beating {
    /// Starts, and renews every [`BEAT`] from now on.
    pub fn start(store: Store, lease: Lease) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT).await;
                match store.beat(&lease).await {
                    Ok(()) => {}
                    // The work under it fails at its next transaction.
                    Err(StoreError::Conflict) => return,
                    Err(error) => tracing::warn!(%error, ?lease, "a lease was not renewed"),
                }
            }
        }))
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        self.0.abort();
    }
}

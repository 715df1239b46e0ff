//! Working a fit out.

use crate::document::Came;
use crate::metrics;
use crate::points::{self, NoPoints};
use crate::task::Task;
use chemistry::fit::{FitError, Progress};
use chemistry::question::{Points, QuestionError};
use engine::settle::Beating;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use table::fits::{Doing, FitJob};
use table::leases::{LEASE, Lease, Watch, Work};
use table::{Store, StoreError};
use tokio::sync::oneshot;

/// How often it is noted how far a fit is, and looked whether it is cancelled.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked whether another process that works on the same fit is alive.
const WATCH: Duration = Duration::from_millis(200);
/// One that ends the process that works on it is not taken up for ever.
const MOST_ATTEMPTS: u64 = 3;
/// How much less of the processor a fit gets than everything else: the least there is.
const NICE: i32 = 19;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// The fit is over.
    Over,
    /// Another process works on it.
    Elsewhere,
    /// The time was over first.
    OutOfTime,
}

/// How far the thread that fits has come, and whether it is to go on.
#[derive(Default)]
struct Shared {
    step: AtomicU64,
    most: AtomicU64,
    is_stopped: AtomicBool,
}

/// Works a fit out, unless somebody else does.
pub async fn work(store: &Store, id: &str, until: Option<Instant>) -> Result<Worked, StoreError> {
    let Some(lease) = lease(store, id).await? else { return Ok(Worked::Elsewhere) };
    let beating = Beating::start(store.clone(), lease.clone());
    let worked = held(store, &lease, id, until).await;
    drop(beating);
    match worked {
        // With the fit, its lease goes.
        Ok(Worked::Over) => store.forget_fit_lease(id).await?,
        _ => store.give_back(&lease).await?,
    }
    worked
}

/// The lease, if nobody has it or whoever has it is dead.
async fn lease(store: &Store, id: &str) -> Result<Option<Lease>, StoreError> {
    let (mut watch, end) = (Watch::default(), Instant::now() + LEASE + LEASE / 2);
    loop {
        let taken = store.take_lease(Work::Fit(id.to_owned()), &mut watch).await?;
        if taken.is_some() || Instant::now() >= end {
            return Ok(taken);
        }
        tokio::time::sleep(WATCH).await;
    }
}

async fn held(store: &Store, lease: &Lease, id: &str, until: Option<Instant>) -> Result<Worked, StoreError> {
    let Some(job) = store.fit(id).await?.filter(|job| !job.doing.is_over()) else { return Ok(Worked::Over) };
    if !store.fit_begins(lease, id).await? {
        return Ok(Worked::Over);
    }
    let came = match tried(store, lease, &job, until).await? {
        Ok(came) => came,
        Err(worked) => return Ok(worked),
    };
    let doing = if came.is_fit() { Doing::Done } else { Doing::Failed };
    let text = serde_json::to_string(&came)
        .map_err(|error| StoreError::Damaged { key: id.into(), reason: error.to_string() })?;
    if store.end_fit(Some(lease), id, doing, Some(&text)).await? {
        metrics::over(doing);
    }
    Ok(Worked::Over)
}

async fn tried(
    store: &Store,
    lease: &Lease,
    job: &FitJob,
    until: Option<Instant>,
) -> Result<Result<Came, Worked>, StoreError> {
    if job.attempts >= MOST_ATTEMPTS {
        return Ok(Ok(Came::failed("broke_off", "it was begun three times, and never ended")));
    }
    match task(store, &job.id, &job.asked).await {
        Ok(task) => fitted(store, lease, &job.id, until, task).await,
        Err(NoPoints::Store(error)) => Err(error),
        Err(error) => Ok(Ok(Came::failed("no_points", &error.to_string()))),
    }
}

async fn task(store: &Store, id: &str, asked: &str) -> Result<(Task, Points), NoPoints> {
    let damaged =
        |error: serde_json::Error| StoreError::Damaged { key: format!("fit {id}"), reason: error.to_string() };
    let task: Task = serde_json::from_str(asked).map_err(damaged)?;
    let points = points::of(store, id, &task).await?;
    Ok((task, points))
}

/// Fits on a thread of its own, and tells how far that is.
async fn fitted(
    store: &Store,
    lease: &Lease,
    id: &str,
    until: Option<Instant>,
    (task, points): (Task, Points),
) -> Result<Result<Came, Worked>, StoreError> {
    let shared = Arc::new(Shared::default());
    let stopping = Stopping(shared.clone());
    let mut came = thread(task, points, shared.clone());
    loop {
        let waited = tokio::time::timeout(LOOK, &mut came).await;
        match waited {
            Ok(Ok(Ok(came))) => return Ok(Ok(came)),
            // It was told to stop, which only happens below.
            Ok(Ok(Err(Stopped))) => return Ok(Err(Worked::Over)),
            Ok(Err(_)) => return Ok(Ok(Came::failed("internal", "the fit broke off; the log says why"))),
            Err(_) => {}
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            drop(stopping);
            return Ok(Err(Worked::OutOfTime));
        }
        let far = (shared.step.load(Relaxed), shared.most.load(Relaxed));
        if !store.fit_goes_on(lease, id, far).await? {
            drop(stopping);
            return Ok(Err(Worked::Over));
        }
    }
}

/// Stops the thread when dropped: nobody waits for it any more.
struct Stopping(Arc<Shared>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Relaxed);
    }
}

struct Stopped;

fn thread(task: Task, points: Points, shared: Arc<Shared>) -> oneshot::Receiver<Result<Came, Stopped>> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        // Of this thread alone. Where it is not allowed, fits are as important as the rest.
        let _ = rustix::process::nice(NICE);
        let mut control = |progress: &Progress<'_>| {
            shared.step.store(progress.iteration as u64, Relaxed);
            shared.most.store(progress.max_iterations as u64, Relaxed);
            if shared.is_stopped.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        // Whoever waits for it may have gone.
        let _ = sender.send(match task.question.answer(&points, &mut control) {
            Ok(fit) => Ok(Came::fit(fit, &points)),
            Err(QuestionError::Fit(FitError::Cancelled)) => Err(Stopped),
            Err(error) => Ok(Came::failed("no_fit", &error.to_string())),
        });
    };
    // A thread that cannot be started drops the sender, and with it what waits.
    if let Err(error) = std::thread::Builder::new().name("fit".into()).spawn(work) {
        tracing::error!(%error, "no thread for a fit");
    }
    receiver
}

//! Computing a fit.

use crate::metrics;
use crate::outcome::Outcome;
use crate::points::{self, NoPoints, Packed};
use crate::task::Task;
use chemistry::fit::{FitError, Progress};
use chemistry::question::QuestionError;
use engine::settle::Beating;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use table::fits::{FitJob, Noted};
use table::leases::{LEASE, Lease, Watch, Work};
use table::{Store, StoreError};
use tokio::sync::oneshot;

/// How often progress is written, and cancellation checked.
const LOOK: Duration = Duration::from_millis(500);
/// How often the lease of another process on the same fit is checked.
const WATCH: Duration = Duration::from_millis(200);
/// A fit that kills its process is not retried for ever.
const MOST_ATTEMPTS: u64 = 3;
/// The niceness of fits: the lowest priority.
const NICE: i32 = 19;

/// How long to work on a fit.
pub enum Time {
    /// Until this moment; a fit that is not done by then takes too long.
    Until(Instant),
    /// Until this process stops; then the fit is released to others.
    WhileRunning(tokio_util::sync::CancellationToken),
}

/// The progress of the fitting thread, and whether it must stop.
#[derive(Default)]
struct Shared {
    step: AtomicU64,
    most: AtomicU64,
    is_stopped: AtomicBool,
}

/// Computes a fit, unless another process does or it is over.
pub async fn work(store: &Store, id: &str, time: &Time) -> Result<(), StoreError> {
    let Some(lease) = lease(store, id).await? else { return Ok(()) };
    let beating = Beating::start(store.clone(), lease.clone());
    let worked = held(store, &lease, id, time).await;
    drop(beating);
    store.give_back(&lease).await?;
    worked
}

/// The lease, if it is free or its holder is dead.
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

async fn held(store: &Store, lease: &Lease, id: &str, time: &Time) -> Result<(), StoreError> {
    let Some(job) = store.fit(id).await?.filter(|job| !job.state.is_over()) else { return Ok(()) };
    if store.fit_begins(lease, id).await? != Noted::Yes {
        return Ok(());
    }
    let came = if job.attempts < MOST_ATTEMPTS {
        attempt(store, lease, &job, time).await
    } else {
        Ok(Some(Outcome::failed("broke_off", "it was started three times, and each time its process ended")))
    };
    match came {
        Ok(Some(outcome)) => {
            let noted = store.end_fit_under(lease, id, outcome.state(), &outcome.text()).await;
            if noted.is_err() {
                // The table was busy; the attempt does not count.
                store.fit_rests(lease, id).await?;
            }
            if noted? == Noted::Yes {
                metrics::over(outcome.state());
            }
            Ok(())
        }
        // It is over, or another process has it.
        Ok(None) => Ok(()),
        // The fit itself did not fail; the attempt does not count.
        Err(Left(why)) => {
            store.fit_rests(lease, id).await?;
            why.map_or(Ok(()), Err)
        }
    }
}

/// The fit is released to another attempt, with the reason if there is one.
struct Left(Option<StoreError>);

impl From<StoreError> for Left {
    fn from(error: StoreError) -> Self {
        Self(Some(error))
    }
}

/// The outcome of a fit; `None` if it is over or another process has it.
async fn attempt(store: &Store, lease: &Lease, job: &FitJob, time: &Time) -> Result<Option<Outcome>, Left> {
    let task: Task = match serde_json::from_str(&job.asked) {
        Ok(task) => task,
        // Perhaps of another version of the program: a retry would change nothing.
        Err(error) => {
            tracing::error!(%error, fit = job.id, "the request of a fit cannot be read");
            return Ok(Some(Outcome::failed("internal", "the request cannot be read; the log says why")));
        }
    };
    let packed = match points::of(store, &job.id, &task).await {
        Ok(packed) => packed,
        Err(NoPoints::Store(error)) => return Err(error.into()),
        Err(error) => return Ok(Some(Outcome::failed("no_points", &error.to_string()))),
    };
    let shared = Arc::new(Shared::default());
    // Stops the thread when this function ends, however it ends.
    let _stopping = Stopping(shared.clone());
    let mut came = thread(task, packed, shared.clone());
    loop {
        tokio::select! {
            came = &mut came => {
                let broken = |_| Outcome::failed("internal", "the fit broke off; the log says why");
                return Ok(Some(came.unwrap_or_else(broken)));
            }
            () = time.is_over() => return time.end(),
            () = tokio::time::sleep(LOOK) => {}
        }
        let far = (shared.step.load(Relaxed), shared.most.load(Relaxed));
        match store.fit_goes_on(lease, &job.id, far).await {
            Ok(Noted::Yes) => {}
            Ok(Noted::Over | Noted::Lost) => return Ok(None),
            // A busy table is no reason to discard the work. Under a lost lease, nothing is written at the end.
            Err(error) => tracing::warn!(%error, fit = job.id, "the progress of a fit was not written"),
        }
    }
}

impl Time {
    async fn is_over(&self) {
        match self {
            Self::Until(until) => tokio::time::sleep_until((*until).into()).await,
            Self::WhileRunning(stopping) => stopping.cancelled().await,
        }
    }

    fn end(&self) -> Result<Option<Outcome>, Left> {
        match self {
            Self::Until(_) => {
                Ok(Some(Outcome::failed("too_long", "it takes longer than fits may; give it fewer points")))
            }
            Self::WhileRunning(_) => Err(Left(None)),
        }
    }
}

/// Stops the thread when dropped: nobody waits for it.
struct Stopping(Arc<Shared>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Relaxed);
    }
}

fn thread(task: Task, packed: Packed, shared: Arc<Shared>) -> oneshot::Receiver<Outcome> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        // For this thread only. If it is not allowed, fits run at normal priority.
        let _ = rustix::process::nice(NICE);
        let mut control = |progress: &Progress<'_>| {
            shared.step.store(progress.iteration as u64, Relaxed);
            shared.most.store(progress.max_iterations as u64, Relaxed);
            if shared.is_stopped.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = match packed.unpacked() {
            Err(NoPoints::Store(error)) => {
                tracing::error!(%error, "the points of a fit cannot be unpacked");
                Outcome::failed("internal", "its points cannot be read; the log says why")
            }
            Err(error) => Outcome::failed("no_points", &error.to_string()),
            Ok((points, unit)) => match task.question.answer(&points, &mut control) {
                Ok(fit) => Outcome::of(fit, &points, unit),
                // If it was stopped, nobody waits.
                Err(QuestionError::Fit(FitError::Cancelled)) => return,
                Err(error) => Outcome::failed("no_fit", &error.to_string()),
            },
        };
        let _ = sender.send(outcome);
    };
    // If the thread cannot start, the sender is dropped, which ends the wait.
    if let Err(error) = std::thread::Builder::new().name("fit".into()).spawn(work) {
        tracing::error!(%error, "the thread of a fit could not be started");
    }
    receiver
}

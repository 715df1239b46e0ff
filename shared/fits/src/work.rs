//! Working a fit out.

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

/// How often it is noted how far a fit is, and looked whether it is cancelled.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked whether another process that works on the same fit is alive.
const WATCH: Duration = Duration::from_millis(200);
/// One that ends the process that works on it is not taken up for ever.
const MOST_ATTEMPTS: u64 = 3;
/// How much less of the processor a fit gets than everything else: the least there is.
const NICE: i32 = 19;

/// How long somebody works.
pub enum Time {
    /// Until then; what is not done by then takes too long.
    Until(Instant),
    /// Until this process is to end; then the fit is left to others.
    WhileRunning(tokio_util::sync::CancellationToken),
}

/// How far the thread that fits has come, and whether it is to stop.
#[derive(Default)]
struct Shared {
    step: AtomicU64,
    most: AtomicU64,
    is_stopped: AtomicBool,
}

/// Works a fit out. Nothing is done if somebody else does, or if it is over.
pub async fn work(store: &Store, id: &str, time: &Time) -> Result<(), StoreError> {
    let Some(lease) = lease(store, id).await? else { return Ok(()) };
    let beating = Beating::start(store.clone(), lease.clone());
    let worked = held(store, &lease, id, time).await;
    drop(beating);
    store.give_back(&lease).await?;
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

async fn held(store: &Store, lease: &Lease, id: &str, time: &Time) -> Result<(), StoreError> {
    let Some(job) = store.fit(id).await?.filter(|job| !job.state.is_over()) else { return Ok(()) };
    if store.fit_begins(lease, id).await? != Noted::Yes {
        return Ok(());
    }
    let came = if job.attempts < MOST_ATTEMPTS {
        attempt(store, lease, &job, time).await
    } else {
        Ok(Some(Outcome::failed(
            "broke_off",
            "it was begun three times, and each time the process that worked on it ended",
        )))
    };
    match came {
        Ok(Some(outcome)) => {
            let noted = store.end_fit_under(lease, id, outcome.state(), &outcome.text()).await;
            if noted.is_err() {
                // It was the table that was busy, not the fit that broke off.
                store.fit_rests(lease, id).await?;
            }
            if noted? == Noted::Yes {
                metrics::over(outcome.state());
            }
            Ok(())
        }
        // It is over, or somebody else has it.
        Ok(None) => Ok(()),
        // It was not the fit that broke off.
        Err(Left(why)) => {
            store.fit_rests(lease, id).await?;
            why.map_or(Ok(()), Err)
        }
    }
}

/// The fit is left to another attempt, for this reason if there is one.
struct Left(Option<StoreError>);

impl From<StoreError> for Left {
    fn from(error: StoreError) -> Self {
        Self(Some(error))
    }
}

/// What comes of a fit; nothing if it is nobody's business any more.
async fn attempt(store: &Store, lease: &Lease, job: &FitJob, time: &Time) -> Result<Option<Outcome>, Left> {
    let task: Task = match serde_json::from_str(&job.asked) {
        Ok(task) => task,
        // Of another version of the program, perhaps: trying it again would change nothing.
        Err(error) => {
            tracing::error!(%error, fit = job.id, "what is asked of a fit cannot be read");
            return Ok(Some(Outcome::failed("internal", "what is asked cannot be read; the log says why")));
        }
    };
    let packed = match points::of(store, &job.id, &task).await {
        Ok(packed) => packed,
        Err(NoPoints::Store(error)) => return Err(error.into()),
        Err(error) => return Ok(Some(Outcome::failed("no_points", &error.to_string()))),
    };
    let shared = Arc::new(Shared::default());
    // Whatever ends this ends the thread.
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
            // A table that is busy is no reason to throw the work away. Under a lost lease nothing is written in the end.
            Err(error) => tracing::warn!(%error, fit = job.id, "it was not noted how far a fit is"),
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

/// Stops the thread when dropped: nobody waits for it any more.
struct Stopping(Arc<Shared>);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Relaxed);
    }
}

fn thread(task: Task, packed: Packed, shared: Arc<Shared>) -> oneshot::Receiver<Outcome> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        // Of this thread alone. Where it is not allowed, fits are as important as the rest.
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
                // Whoever stopped it does not wait.
                Err(QuestionError::Fit(FitError::Cancelled)) => return,
                Err(error) => Outcome::failed("no_fit", &error.to_string()),
            },
        };
        let _ = sender.send(outcome);
    };
    // A thread that cannot be started drops the sender, and with it what waits.
    if let Err(error) = std::thread::Builder::new().name("fit".into()).spawn(work) {
        tracing::error!(%error, "no thread for a fit");
    }
    receiver
}

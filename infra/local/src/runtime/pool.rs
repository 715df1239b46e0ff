//! The environments of one function.

use super::environment::{self, Handle, Job};
use super::{InvokeError, MAX_EVENT};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait for an environment that has answered before starting another one. It usually fetches its next event
/// right away, and a new process for each of several consecutive invocations would be wasteful.
const NEARLY_IDLE: Duration = Duration::from_millis(20);

/// The configuration of a function's environments.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// The logical id, for logs.
    pub id: String,
    /// The ARN that invocations carry.
    pub arn: String,
    /// The binary.
    pub program: PathBuf,
    /// All environment variables except the Runtime API's address.
    pub variables: Vec<(String, String)>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// The most environments.
    pub maximum: usize,
    /// How long an environment may be idle.
    pub idle: Duration,
}

/// The environments of one function. Clones share the pool.
#[derive(Debug, Clone)]
pub struct Pool(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) config: PoolConfig,
    pub(super) stopping: CancellationToken,
    state: Mutex<Environments>,
    numbers: AtomicU64,
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Environments {
    /// The last one used is taken first, so that surplus environments stay idle long enough to end.
    idle: Vec<Handle>,
    /// Environments that are running or starting.
    live: usize,
    /// Environments that have answered but not yet requested the next event.
    finishing: usize,
    waiting: VecDeque<oneshot::Sender<Option<Lease>>>,
}

impl Pool {
    /// A pool without environments.
    pub fn new(config: PoolConfig) -> Self {
        Self(Arc::new(Inner {
            config,
            stopping: CancellationToken::new(),
            state: Mutex::default(),
            numbers: AtomicU64::new(1),
            tasks: TaskTracker::new(),
        }))
    }

    /// The pool's configuration.
    pub fn config(&self) -> &PoolConfig {
        &self.0.config
    }

    /// The number of environments.
    pub fn environments(&self) -> usize {
        self.0.state.lock().live
    }

    /// Runs the function. If the caller goes away, it stops waiting for an environment; an invocation that has begun
    /// continues.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        self.invoke_as(&uuid::Uuid::new_v4().to_string(), event, None).await
    }

    /// The same, with a given request id and a deadline by which it must begin.
    pub async fn invoke_as(&self, id: &str, event: Bytes, until: Option<Instant>) -> Result<Bytes, InvokeError> {
        if event.len() > MAX_EVENT {
            return Err(InvokeError::EventTooLarge(event.len()));
        }
        if self.0.config.maximum == 0 {
            return Err(InvokeError::Throttled);
        }
        loop {
            let lease = tokio::select! {
                lease = self.acquire() => lease,
                () = self.0.stopping.cancelled() => return Err(InvokeError::Stopping),
                () = passed(until) => return Err(InvokeError::TooLate),
            };
            match lease.run(id, event.clone()).await {
                Err(InvokeError::NotStarted) => {}
                outcome => return outcome,
            }
        }
    }

    /// Ends all environments and waits for them.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn acquire(&self) -> Lease {
        let mut patient = true;
        loop {
            let (waiting, nearly) = {
                let mut state = self.0.state.lock();
                if let Some(handle) = state.idle.pop() {
                    return Lease::new(&self.0, handle);
                }
                state.waiting.retain(|waiting| !waiting.is_closed());
                let nearly = patient && state.finishing > state.waiting.len();
                let room = state.live < self.0.config.maximum;
                if room && !nearly {
                    state.live += 1;
                    drop(state);
                    return self.start();
                }
                let (sender, receiver) = oneshot::channel();
                state.waiting.push_back(sender);
                (receiver, nearly && room)
            };
            let lease = if nearly {
                tokio::time::timeout(NEARLY_IDLE, waiting).await.ok().and_then(Result::ok)
            } else {
                waiting.await.ok()
            };
            match lease {
                Some(Some(lease)) => return lease,
                _ => patient = false,
            }
        }
    }

    fn start(&self) -> Lease {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        let (handle, jobs) = Handle::new(number);
        self.0.tasks.spawn(environment::run(self.0.clone(), handle.clone(), jobs));
        Lease::new(&self.0, handle)
    }
}

impl Inner {
    /// An environment is ready for another event.
    pub(super) fn is_idle(self: &Arc<Self>, mut handle: Handle) {
        loop {
            let mut state = self.state.lock();
            let Some(waiting) = state.waiting.pop_front() else {
                state.idle.push(handle);
                return;
            };
            // A returned lease locks the state again.
            drop(state);
            match waiting.send(Some(Lease::new(self, handle))) {
                Err(Some(lease)) => handle = lease.into_handle(),
                _ => return,
            }
        }
    }

    /// An environment has answered, or has ended after that without another request.
    pub(super) fn finishing(&self, begins: bool) {
        let mut state = self.state.lock();
        state.finishing = if begins { state.finishing + 1 } else { state.finishing.saturating_sub(1) };
    }

    /// Takes an idle environment out of use; `false` if it was just given work.
    pub(super) fn retire(&self, number: u64) -> bool {
        let mut state = self.state.lock();
        let before = state.idle.len();
        state.idle.retain(|handle| handle.number != number);
        state.idle.len() < before
    }

    /// An environment has ended: a waiting invocation may start another one.
    pub(super) fn ended(&self, number: u64) {
        let mut state = self.state.lock();
        state.live -= 1;
        state.idle.retain(|handle| handle.number != number);
        while let Some(waiting) = state.waiting.pop_front() {
            if waiting.send(None).is_ok() {
                return;
            }
        }
    }
}

/// Ends at a deadline, if there is one.
async fn passed(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The right to give one event to an environment. If unused, it returns to the pool.
#[derive(Debug)]
struct Lease {
    pool: Arc<Inner>,
    handle: Option<Handle>,
}

impl Lease {
    fn new(pool: &Arc<Inner>, handle: Handle) -> Self {
        Self { pool: pool.clone(), handle: Some(handle) }
    }

    fn into_handle(mut self) -> Handle {
        // Only this and `run` take the handle, and both consume the lease.
        self.handle.take().unwrap_or_else(|| unreachable!("a lease has its handle until it is consumed"))
    }

    async fn run(self, id: &str, event: Bytes) -> Result<Bytes, InvokeError> {
        let (reply, outcome) = oneshot::channel();
        let job = Job { id: id.to_owned(), event, reply };
        if self.into_handle().jobs.send(job).is_err() {
            return Err(InvokeError::NotStarted);
        }
        outcome.await.unwrap_or(Err(InvokeError::NotStarted))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.pool.is_idle(handle);
        }
    }
}

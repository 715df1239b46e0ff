//! One environment: a process, its Runtime API, and the one task that decides what happens to both.

use super::output::{self, Output};
use super::pool::Inner;
use super::{InvokeError, api};
use bytes::Bytes;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// How long Lambda lets a function initialise before the invocation's own timeout starts.
const INIT: Duration = Duration::from_secs(10);
/// When no timer is set.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// An event for an environment.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

/// The handle of an environment.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pub(super) number: u64,
    pub(super) jobs: mpsc::UnboundedSender<Job>,
}

impl Handle {
    pub(super) fn new(number: u64) -> (Self, mpsc::UnboundedReceiver<Job>) {
        let (jobs, receiver) = mpsc::unbounded_channel();
        (Self { number, jobs }, receiver)
    }
}

/// What a process requests from its Runtime API.
#[derive(Debug)]
pub(super) enum Call {
    Next(oneshot::Sender<Next>),
    Done { id: String, outcome: Result<Bytes, InvokeError>, known: oneshot::Sender<bool> },
    InitFailed(InvokeError),
}

/// An event, as the process receives it.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) id: String,
    pub(super) deadline_ms: u128,
    pub(super) arn: String,
    pub(super) event: Bytes,
}

/// Why an environment ends.
#[derive(Debug)]
enum End {
    Exited(ExitStatus),
    Lost(std::io::Error),
    TimedOut,
    InitFailed(InvokeError),
    Idle,
    Stopping,
}

struct Running {
    id: String,
    reply: oneshot::Sender<Result<Bytes, InvokeError>>,
    since: Instant,
}

struct Environment {
    pool: Arc<Inner>,
    handle: Handle,
    name: String,
    /// Whether the process has requested an event at least once.
    ready: bool,
    next: Option<oneshot::Sender<Next>>,
    /// An event that the process has not fetched yet.
    job: Option<Job>,
    running: Option<Running>,
    /// An answer was given, but the next event not requested yet.
    finishing: bool,
    deadline: Instant,
    idle_since: Instant,
}

/// Runs an environment from start to end.
pub(super) async fn run(pool: Arc<Inner>, handle: Handle, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut environment = Environment::new(pool, handle);
    let (calls, mut received) = mpsc::unbounded_channel();
    let end = match environment.start(calls).await {
        Ok((mut child, output, _server)) => {
            let end = environment.live(&mut child, &mut received, &mut jobs).await;
            // What it sent before it ended still counts.
            while let Ok(call) = received.try_recv() {
                environment.call(call);
            }
            end_process(&mut child).await;
            output.ended().await;
            end
        }
        Err(error) => End::Lost(error),
    };
    jobs.close();
    while let Ok(job) = jobs.try_recv() {
        match environment.job {
            None => environment.job = Some(job),
            // The pool assigns one job at a time; any further one is returned to it.
            Some(_) => drop(job.reply.send(Err(InvokeError::NotStarted))),
        }
    }
    environment.end(end);
}

/// Stops with the environment.
struct Server(tokio::task::AbortHandle);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Environment {
    fn new(pool: Arc<Inner>, handle: Handle) -> Self {
        let now = Instant::now();
        let name = format!("{}#{}", pool.config.id, handle.number);
        let deadline = now + INIT + pool.config.timeout;
        Self {
            pool,
            handle,
            name,
            ready: false,
            next: None,
            job: None,
            running: None,
            finishing: false,
            deadline,
            idle_since: now,
        }
    }

    async fn start(&self, calls: mpsc::UnboundedSender<Call>) -> std::io::Result<(Child, Output, Server)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let service = api::router(calls);
        let server = Server(tokio::spawn(async move { axum::serve(listener, service).await }).abort_handle());
        let config = &self.pool.config;
        let mut child = Command::new(&config.program)
            .env_clear()
            .envs(config.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A process group of its own, so that a terminal's interrupt reaches only the gateway, which then ends its
            // children.
            .process_group(0)
            .spawn()?;
        let output = output::pass_on(&self.name, &mut child);
        tracing::debug!(environment = self.name, pid = child.id(), "an environment starts");
        Ok((child, output, server))
    }

    async fn live(
        &mut self,
        child: &mut Child,
        calls: &mut mpsc::UnboundedReceiver<Call>,
        jobs: &mut mpsc::UnboundedReceiver<Job>,
    ) -> End {
        loop {
            let (deadline, idle_at) = (self.deadline, self.idle_since + self.pool.config.idle);
            let stopping = self.pool.stopping.clone();
            tokio::select! {
                status = child.wait() => return status.map_or_else(End::Lost, End::Exited),
                Some(call) = calls.recv() => {
                    if let Some(end) = self.call(call) {
                        return end;
                    }
                }
                Some(job) = jobs.recv(), if self.job.is_none() => {
                    self.job = Some(job);
                    self.hand_over();
                }
                () = sleep_until(deadline) => return End::TimedOut,
                () = sleep_until(idle_at), if self.is_idle() => {
                    if self.pool.retire(self.handle.number) {
                        return End::Idle;
                    }
                    self.idle_since = Instant::now();
                }
                () = stopping.cancelled() => return End::Stopping,
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.next.is_some() && self.job.is_none() && self.running.is_none()
    }

    fn call(&mut self, call: Call) -> Option<End> {
        match call {
            Call::Next(next) => self.asks_for_next(next),
            Call::Done { id, outcome, known } => {
                let is_running = self.running.as_ref().is_some_and(|running| running.id == id);
                if is_running {
                    self.finish_and_go_on(outcome);
                }
                // The process may be gone already.
                let _ = known.send(is_running);
            }
            Call::InitFailed(error) => return Some(End::InitFailed(error)),
        }
        None
    }

    fn asks_for_next(&mut self, next: oneshot::Sender<Next>) {
        if self.running.is_some() {
            let message = "the runtime asked for the next event without answering this one".to_owned();
            self.finish_and_go_on(Err(InvokeError::environment("Runtime.NoResponse", message)));
        }
        self.next = Some(next);
        self.idle_since = Instant::now();
        self.deadline = self.idle_since + NEVER;
        self.ready = true;
        if std::mem::take(&mut self.finishing) {
            self.pool.finishing(false);
            self.pool.is_idle(self.handle.clone());
        }
        self.hand_over();
    }

    /// Hands the waiting event to the process, if it has requested one.
    fn hand_over(&mut self) {
        // Take both or neither.
        let Some(next) = self.next.take_if(|_| self.job.is_some()) else { return };
        let Some(job) = self.job.take() else { return };
        let timeout = self.pool.config.timeout;
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
        let event = Next {
            id: job.id.clone(),
            deadline_ms: deadline.as_millis(),
            arn: self.pool.config.arn.clone(),
            event: job.event.clone(),
        };
        if next.send(event).is_err() {
            // The process gave up its request and will ask again, or has ended. If it does neither, the event must
            // still time out.
            self.job = Some(job);
            self.deadline = Instant::now() + timeout;
            return;
        }
        let since = Instant::now();
        self.running = Some(Running { id: job.id, reply: job.reply, since });
        self.deadline = since + timeout;
    }

    /// The pool learns that this environment will soon be idle before the caller gets its answer and returns.
    fn finish_and_go_on(&mut self, outcome: Result<Bytes, InvokeError>) {
        self.finishing = true;
        self.pool.finishing(true);
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Result<Bytes, InvokeError>) {
        let Some(running) = self.running.take() else { return };
        let ms = running.since.elapsed().as_secs_f64() * 1000.0;
        let ms = (ms * 10.0).round() / 10.0;
        let (function, environment, request_id) = (&self.pool.config.id, self.handle.number, &running.id);
        match &outcome {
            Ok(_) => tracing::info!(function, environment, request_id, ms, outcome = "ok", "invoked"),
            Err(error) => {
                tracing::warn!(function, environment, request_id, ms, outcome = error.kind(), "invoked");
            }
        }
        // The caller may have given up.
        let _ = running.reply.send(outcome);
    }

    fn end(mut self, end: End) {
        let environment = self.name.clone();
        match &end {
            End::Idle | End::Stopping => tracing::debug!(environment, reason = ?end, "an environment ends"),
            End::Lost(error) => {
                let program = self.pool.config.program.display();
                tracing::error!(environment, %error, %program, "an environment could not run");
            }
            End::TimedOut => tracing::warn!(environment, "an environment timed out and is killed"),
            End::Exited(status) => tracing::warn!(environment, %status, "an environment exited by itself"),
            End::InitFailed(error) => {
                tracing::warn!(environment, error = error.kind(), "an environment could not initialise")
            }
        }
        // Removed from the pool before anybody learns of it: a retry must get another environment.
        if self.finishing {
            self.pool.finishing(false);
        }
        self.pool.ended(self.handle.number);
        let id = self.running.as_ref().map(|running| running.id.clone());
        let id = id.or_else(|| self.job.as_ref().map(|job| job.id.clone())).unwrap_or_default();
        let error = error_of(&end, &id, self.pool.config.timeout);
        self.finish(Err(error.clone()));
        if let Some(job) = self.job.take() {
            // A process that had worked before did not end because of this event.
            let error = if self.ready { InvokeError::NotStarted } else { error };
            tracing::warn!(
                function = self.pool.config.id,
                environment,
                request_id = job.id,
                outcome = error.kind(),
                "not begun"
            );
            let _ = job.reply.send(Err(error));
        }
    }
}

fn error_of(end: &End, id: &str, timeout: Duration) -> InvokeError {
    let message = |text: String| format!("RequestId: {id} Error: {text}");
    match end {
        End::Exited(status) if status.success() => InvokeError::environment(
            "Runtime.ExitError",
            message("Runtime exited without providing a reason".to_owned()),
        ),
        End::Exited(status) => {
            InvokeError::environment("Runtime.ExitError", message(format!("Runtime exited with error: {status}")))
        }
        End::Lost(error) => InvokeError::environment("Runtime.InvalidEntrypoint", message(error.to_string())),
        End::TimedOut => {
            let seconds = timeout.as_secs_f64();
            InvokeError::environment("Sandbox.Timedout", message(format!("Task timed out after {seconds:.2} seconds")))
        }
        End::InitFailed(error) => error.clone(),
        End::Idle => InvokeError::NotStarted,
        End::Stopping => InvokeError::Stopping,
    }
}

/// Kills the process if it is still running, and reaps it.
async fn end_process(child: &mut Child) {
    if let Err(error) = child.kill().await
        && !matches!(child.try_wait(), Ok(Some(_)))
    {
        tracing::error!(%error, pid = child.id(), "a process could not be killed");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pool, PoolConfig};
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn an_event_does_not_wait_for_ever_for_a_process_that_has_gone_away() {
        let timeout = Duration::from_secs(3);
        let pool = Pool::new(PoolConfig {
            id: "Main".to_owned(),
            arn: "arn".to_owned(),
            program: PathBuf::from("/nowhere"),
            variables: Vec::new(),
            timeout,
            maximum: 1,
            idle: timeout,
        });
        let mut environment = Environment::new(pool.0, Handle::new(1).0);
        environment.asks_for_next(oneshot::channel().0);
        environment.job = Some(Job { id: "1".to_owned(), event: Bytes::new(), reply: oneshot::channel().0 });
        environment.hand_over();
        assert!(environment.job.is_some() && environment.running.is_none(), "it was not taken");
        assert!(environment.deadline <= Instant::now() + timeout);
    }
}

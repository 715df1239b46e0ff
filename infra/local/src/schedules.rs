//! Functions set off by schedules.
//!
//! As in AWS, a schedule does not wait for what it set off last: a function that takes longer than its schedule's
//! interval is run more than once at a time. Nobody waits for the answer, and an event that fails is tried again as
//! often as Lambda does, after a minute and then after two.

use crate::runtime::{InvokeError, Pool};
use crate::template::{ACCOUNT, Function, Schedule, Scheduler, Template, region};
use anyhow::Context;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The most events of one schedule that are under way: as many as one every minute makes in the longest that a function
/// may take, and a few that are tried again.
const MOST_AT_ONCE: usize = 20;

/// The running schedules.
#[derive(Debug, Default)]
pub(crate) struct Schedules(TaskTracker);

impl Schedules {
    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// A schedule and the function that it sets off.
struct Timer {
    function: String,
    pool: Pool,
    schedule: Schedule,
    retries: u32,
    /// How long a minute lasts.
    minute: Duration,
    stopping: CancellationToken,
}

/// Starts all schedules of a template. Each sets its function off at once and then at its rate.
pub(crate) fn start(
    template: &Template,
    pools: &HashMap<String, Pool>,
    minute: Duration,
    stopping: &CancellationToken,
) -> anyhow::Result<Schedules> {
    let schedules = Schedules::default();
    for function in &template.functions {
        for schedule in &function.schedules {
            let pool = pools.get(&function.id).cloned().context("a function without a pool")?;
            let timer = Arc::new(Timer::new(function, pool, schedule, minute, stopping));
            schedules.0.spawn(timer.run(schedules.0.clone()));
        }
    }
    Ok(schedules)
}

impl Timer {
    fn new(
        function: &Function,
        pool: Pool,
        schedule: &Schedule,
        minute: Duration,
        stopping: &CancellationToken,
    ) -> Self {
        let (function, retries) = (function.id.clone(), function.retries);
        Self { function, pool, schedule: schedule.clone(), retries, minute, stopping: stopping.clone() }
    }

    /// Fires until the gateway stops.
    async fn run(self: Arc<Self>, tasks: TaskTracker) {
        let room = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let mut ticks = interval(self.minute * self.schedule.rate.minutes);
        // After a pause of the whole machine, one event tells as much as many.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stopping.cancelled() => return,
            }
            let Ok(place) = room.clone().try_acquire_owned() else {
                tracing::warn!(
                    function = self.function,
                    "a schedule is not kept: too many of its events are under way"
                );
                continue;
            };
            let timer = self.clone();
            tasks.spawn(async move {
                timer.fire().await;
                drop(place);
            });
        }
    }

    /// One event, until it is done or given up.
    async fn fire(&self) {
        let event = event(&self.schedule, jiff::Timestamp::now());
        for attempt in 0..=self.retries {
            let error = match self.pool.invoke(event.clone()).await {
                Ok(_) | Err(InvokeError::Stopping) => return,
                Err(error) => error.kind().to_owned(),
            };
            if attempt == self.retries {
                tracing::error!(function = self.function, error, "an event of a schedule is given up");
                return;
            }
            let pause = self.minute * (attempt + 1);
            tracing::warn!(function = self.function, error, ?pause, "an event of a schedule failed and is tried again");
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stopping.cancelled() => return,
            }
        }
    }
}

/// The event: the input if there is one, else what the scheduler tells of itself.
fn event(schedule: &Schedule, now: jiff::Timestamp) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    let (source, detail) = match schedule.scheduler {
        Scheduler::Rule => ("aws.events", json!({})),
        // As text, which is odd and so in AWS.
        Scheduler::Scheduler => ("aws.scheduler", Value::from("{}")),
    };
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT,
        "time": format!("{now:.0}"),
        "region": region(),
        "resources": [schedule.arn],
        "detail": detail,
    });
    Bytes::from(event.to_string())
}

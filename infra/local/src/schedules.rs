//! Runs schedules.
//!
//! As in AWS, a schedule does not wait for its last event: a function that takes longer than its schedule's interval
//! runs several times at once. `asynchronous` handles the events.

use crate::asynchronous::Asynchronous;
use crate::events::{self, payload};
use crate::template::{Input, Schedule, Scheduler, Target, Template, When};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The real length of a minute, outside tests.
const MINUTE: Duration = Duration::from_secs(60);
/// How often to check whether the time has come.
const LOOK: Duration = Duration::from_secs(60);

/// The schedules of a template. Clones share them.
#[derive(Clone)]
pub(crate) struct Schedules {
    all: Arc<[Timer]>,
    tasks: TaskTracker,
}

/// A schedule and the handles of its targets.
#[derive(Clone)]
struct Timer {
    schedule: Schedule,
    asynchronous: Asynchronous,
    clock: Clock,
    stopping: CancellationToken,
}

/// Time as schedules see it: the wall clock, or one that runs faster if a minute is shorter.
#[derive(Debug, Clone, Copy)]
struct Clock {
    began: (Timestamp, Instant),
    minute: Duration,
}

impl Schedules {
    /// The schedules of a template, not started yet.
    pub(crate) fn new(
        template: &Template,
        asynchronous: &Asynchronous,
        minute: Duration,
        stopping: &CancellationToken,
    ) -> Self {
        let clock = Clock { began: (Timestamp::now(), Instant::now()), minute };
        let timer = |schedule: &Schedule| Timer {
            schedule: schedule.clone(),
            asynchronous: asynchronous.clone(),
            clock,
            stopping: stopping.clone(),
        };
        Self { all: template.schedules.iter().map(timer).collect(), tasks: TaskTracker::new() }
    }

    /// Starts those that are enabled. One with a rate fires at once and then at its rate.
    pub(crate) fn start(&self) {
        for timer in self.all.iter().filter(|timer| timer.schedule.enabled) {
            self.tasks.spawn(timer.clone().run());
        }
    }

    /// Fires a schedule at once, by its logical id or its name, whether it is enabled or not.
    pub(crate) fn fire(&self, name: &str) -> Result<(), String> {
        let named = |timer: &&Timer| timer.schedule.id == name || timer.schedule.name == name;
        let Some(timer) = self.all.iter().find(named) else {
            let known: Vec<_> = self.all.iter().map(|timer| timer.schedule.id.as_str()).collect();
            return Err(format!("there is no schedule {name}; there are: {}", known.join(", ")));
        };
        timer.fire(timer.clock.now());
        Ok(())
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Timer {
    /// Fires until the gateway stops.
    async fn run(self) {
        let due = async {
            match &self.schedule.timing.when {
                When::Every(minutes) => self.at_a_rate(*minutes).await,
                _ => self.at_times().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = self.stopping.cancelled() => {}
        }
    }

    async fn at_a_rate(&self, minutes: u32) {
        let mut ticks = interval(self.clock.minute * minutes);
        // After the machine was suspended, one event says as much as many.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.fire(self.clock.now());
        }
    }

    async fn at_times(&self) {
        let mut last = self.clock.now();
        while let Some(next) = self.next(last) {
            self.clock.reach(next).await;
            self.fire(next);
            last = next.max(self.clock.now());
        }
    }

    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let timing = &self.schedule.timing;
        match &timing.when {
            When::Every(_) => None,
            When::Cron(cron) => cron.next(after, &timing.zone),
            When::Once(time) => timing.zone.to_ambiguous_timestamp(*time).compatible().ok().filter(|at| *at > after),
        }
    }

    fn fire(&self, due: Timestamp) {
        for target in &self.schedule.targets {
            self.asynchronous.bring(target, event(&self.schedule, target, due));
        }
    }
}

impl Clock {
    /// Waits until a time has come. Timers stop while the machine sleeps, and the wall clock may be set, so the clock
    /// is checked now and then.
    async fn reach(&self, time: Timestamp) {
        loop {
            let left = self.until(time);
            if left.is_zero() {
                return;
            }
            sleep(left.min(LOOK)).await;
        }
    }

    fn now(&self) -> Timestamp {
        if self.minute == MINUTE {
            return Timestamp::now();
        }
        let (began, instant) = self.began;
        let passed = instant.elapsed().as_secs_f64() * 60.0 / self.minute.as_secs_f64();
        Duration::try_from_secs_f64(passed).ok().and_then(|passed| began.checked_add(passed).ok()).unwrap_or(began)
    }

    fn until(&self, time: Timestamp) -> Duration {
        let seconds = time.duration_since(self.now()).as_secs_f64().max(0.0);
        Duration::try_from_secs_f64(seconds * self.minute.as_secs_f64() / 60.0).unwrap_or(Duration::MAX)
    }
}

/// The event: the input if there is one, otherwise the scheduler's own.
fn event(schedule: &Schedule, target: &Target, due: Timestamp) -> Bytes {
    if let (Input::Constant(input), Scheduler::Scheduler) = (&target.input, schedule.scheduler) {
        return Bytes::from(with_context(input, schedule, due));
    }
    let (source, detail) = match schedule.scheduler {
        Scheduler::Rule => ("aws.events", json!({})),
        // A JSON text inside a string; odd, but so in AWS.
        Scheduler::Scheduler => ("aws.scheduler", Value::from("{}")),
    };
    payload(target, &events::event(source, "Scheduled Event", due, json!([schedule.arn]), detail))
}

/// The placeholders that EventBridge Scheduler replaces in an input.
fn with_context(input: &str, schedule: &Schedule, due: Timestamp) -> String {
    let words = [
        ("<aws.scheduler.schedule-arn>", schedule.arn.clone()),
        ("<aws.scheduler.scheduled-time>", format!("{due:.0}")),
        ("<aws.scheduler.execution-id>", uuid::Uuid::new_v4().to_string()),
        ("<aws.scheduler.attempt-number>", "1".to_owned()),
    ];
    words.iter().fold(input.to_owned(), |text, (word, value)| text.replace(word, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(minute: Duration) -> Clock {
        // As if the machine had slept for an hour.
        let hour = Duration::from_secs(3600);
        Clock { began: (Timestamp::now().checked_sub(hour).unwrap(), Instant::now()), minute }
    }

    #[tokio::test]
    async fn time_passes_while_the_machine_sleeps() {
        let late = |clock: Clock| Timestamp::now().duration_since(clock.now()).as_secs_f64();
        assert!(late(clock(MINUTE)) < 60.0);
        let quick = clock(Duration::from_millis(100));
        assert!(late(quick) > 3000.0, "a test's own time begins when it says");
        let (next, since) = (quick.now().checked_add(MINUTE).unwrap(), Instant::now());
        quick.reach(next).await;
        assert!(quick.now() >= next && since.elapsed() >= Duration::from_millis(90));
    }
}

//! Events for which nobody waits: from schedules, from rules, and from the Invoke API.
//!
//! As in Lambda, an event is accepted at once and handled when an environment is free. A failed event is retried after
//! one minute, then after two, as often and for as long as the function's `EventInvokeConfig` says. Its destinations
//! receive the outcome, and an event that is given up goes to the function's dead-letter queue.

mod record;
mod room;

use crate::queues::{Attribute, Queues};
use crate::runtime::{InvokeError, Pool};
use crate::template::{Delivery, Function, InvokeConfig, Receiver, Target, Template};
use bytes::Bytes;
use record::{Condition, Record};
use room::{Place, Room};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The most events that wait or are in progress, and the most memory that they hold.
const MOST: usize = 10_000;
const MOST_MB: usize = 256;
/// The same for events of rules and schedules that are not accepted yet.
const MOST_AT_THE_DOOR: usize = 1000;
const MOST_MB_AT_THE_DOOR: usize = 64;
/// The most bytes of an error's message in a dead letter.
const LONGEST_MESSAGE: usize = 1024;

/// Accepts events and makes sure that they are handled. Clones share everything.
#[derive(Clone)]
pub(crate) struct Asynchronous(Arc<Inner>);

struct Inner {
    handlers: HashMap<String, Handler>,
    queues: Queues,
    /// The length of a minute.
    minute: Duration,
    stopping: CancellationToken,
    tasks: TaskTracker,
    room: Room,
    door: Room,
    /// Events whose outcome is still open.
    under_way: AtomicUsize,
}

/// A function, and the template's settings for such events.
struct Handler {
    pool: Pool,
    config: InvokeConfig,
}

/// An event in progress.
struct Work {
    function: String,
    id: String,
    payload: Bytes,
    _place: Place,
}

/// Why an event was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is no function {0}")]
    NoFunction(String),
    #[error("too much is in progress: at most {MOST} events or {MOST_MB} MB are allowed")]
    Full,
}

impl Asynchronous {
    pub(crate) fn new(
        template: &Template,
        pools: &HashMap<String, Pool>,
        queues: Queues,
        minute: Duration,
        stopping: &CancellationToken,
    ) -> Self {
        let handler = |function: &Function| {
            let pool = pools.get(&function.id)?.clone();
            Some((function.id.clone(), Handler { pool, config: function.invoke.clone() }))
        };
        Self(Arc::new(Inner {
            handlers: template.functions.iter().filter_map(handler).collect(),
            queues,
            minute,
            stopping: stopping.clone(),
            tasks: TaskTracker::new(),
            room: Room::new(MOST, MOST_MB),
            door: Room::new(MOST_AT_THE_DOOR, MOST_MB_AT_THE_DOOR),
            under_way: AtomicUsize::new(0),
        }))
    }

    /// Accepts an event for a function, and returns the request's id.
    pub(crate) fn send(&self, function: &str, payload: Bytes) -> Result<String, Refused> {
        if !self.0.handlers.contains_key(function) {
            return Err(Refused::NoFunction(function.to_owned()));
        }
        let place = self.0.room.take(&payload).ok_or(Refused::Full)?;
        let id = uuid::Uuid::new_v4().to_string();
        let work = Work { function: function.to_owned(), id: id.clone(), payload, _place: place };
        let all = self.clone();
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        self.0.tasks.spawn(async move { all.handle(work).await });
        Ok(id)
    }

    /// Delivers a message to its receiver.
    pub(crate) fn deliver(&self, receiver: &Receiver, body: Bytes, attributes: &[(&str, Attribute)]) {
        let outcome = match receiver {
            Receiver::Function(function) => self.send(function, body).map(drop).map_err(|error| error.to_string()),
            Receiver::Queue(queue) => {
                let sent = self.0.queues.send(queue, &String::from_utf8_lossy(&body), attributes);
                sent.map(drop).map_err(|error| error.to_string())
            }
            // A warning at the start has said so.
            Receiver::Elsewhere(_) => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::error!(?receiver, error, "a message could not be delivered and is lost");
        }
    }

    /// Delivers an event to a target of a rule or schedule. If it is not accepted, it is retried as the target says.
    pub(crate) fn bring(&self, target: &Target, payload: Bytes) {
        let Receiver::Function(function) = &target.receiver else {
            return self.deliver(&target.receiver, payload, &[]);
        };
        if self.send(function, payload.clone()).is_ok() {
            return;
        }
        let Some(place) = self.0.door.take(&payload) else {
            return self.turn_away(function, payload, &target.delivery);
        };
        let (all, function, delivery) = (self.clone(), function.clone(), target.delivery.clone());
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        self.0.tasks.spawn(async move {
            all.insist(&function, payload, &delivery).await;
            drop(place);
        });
    }

    async fn insist(&self, function: &str, payload: Bytes, delivery: &Delivery) {
        let until = Instant::now() + self.shortened(delivery.max_age);
        for _ in 0..delivery.retries {
            let pause = self.0.minute;
            if Instant::now() + pause > until {
                break;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.0.stopping.cancelled() => return,
            }
            if self.send(function, payload.clone()).is_ok() {
                self.0.under_way.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        self.turn_away(function, payload, delivery);
    }

    fn turn_away(&self, function: &str, payload: Bytes, delivery: &Delivery) {
        tracing::error!(function, "an event of a rule or schedule could not be delivered");
        if let Some(receiver) = &delivery.dead_letters {
            let attributes = [
                ("ERROR_CODE", Attribute::text("TOO_MANY_REQUESTS")),
                ("ERROR_MESSAGE", Attribute::text(&Refused::Full.to_string())),
            ];
            self.deliver(receiver, payload, &attributes);
        }
    }

    /// Waits until everything in progress has ended.
    pub(crate) async fn ended(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Logs how many events are lost. To be called when nothing runs any more.
    pub(crate) fn tell_lost(&self) {
        let events = self.0.under_way.load(Ordering::Relaxed);
        if events > 0 {
            tracing::warn!(events, "asynchronous events were still in progress and are lost");
        }
    }

    /// Handles one event until it is done or given up.
    async fn handle(&self, work: Work) {
        let Some(Handler { pool, config }) = self.0.handlers.get(&work.function) else { return };
        let until = Instant::now() + self.shortened(config.max_age);
        let mut attempts = 0;
        let (condition, outcome) = loop {
            attempts += 1;
            let error = match pool.invoke_as(&work.id, work.payload.clone(), Some(until)).await {
                Ok(answer) => break (Condition::Success, Ok(answer)),
                Err(InvokeError::Stopping | InvokeError::NotStarted) => return,
                Err(error @ InvokeError::TooLate) => {
                    attempts -= 1;
                    break (Condition::EventAgeExceeded, Err(error));
                }
                Err(error) => error,
            };
            // A retry of either would end the same way.
            let is_vain = matches!(error, InvokeError::Throttled | InvokeError::EventTooLarge(_));
            if is_vain || attempts > config.retries {
                break (Condition::RetriesExhausted, Err(error));
            }
            let pause = self.0.minute * attempts;
            if Instant::now() + pause > until {
                break (Condition::EventAgeExceeded, Err(error));
            }
            let (function, error) = (&work.function, error.kind());
            tracing::warn!(function, request_id = work.id, error, ?pause, "an event failed and will be retried");
            tokio::select! {
                () = sleep(pause) => {}
                () = self.0.stopping.cancelled() => return,
            }
        };
        let record = Record { work: &work, arn: &pool.config().arn, condition, attempts, outcome: &outcome };
        self.tell(config, &record);
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    fn tell(&self, config: &InvokeConfig, record: &Record<'_>) {
        let error = match record.outcome {
            Ok(_) => {
                if let Some(receiver) = &config.on_success {
                    self.deliver(receiver, record.body(), &[]);
                }
                return;
            }
            Err(error) => error,
        };
        let (function, request_id) = (&record.work.function, &record.work.id);
        let (attempts, kind) = (record.attempts, error.kind());
        tracing::error!(function, request_id, attempts, error = kind, "an event is given up");
        if let Some(receiver) = &config.on_failure {
            self.deliver(receiver, record.body(), &[]);
        }
        if let Some(receiver) = &config.dead_letters {
            let message = error.to_string();
            let attributes = [
                ("RequestID", Attribute::text(request_id)),
                ("ErrorCode", Attribute::number(record::status(error))),
                ("ErrorMessage", Attribute::text(beginning(&message))),
            ];
            self.deliver(receiver, record.work.payload.clone(), &attributes);
        }
    }

    /// A duration, scaled by the length of a minute here.
    fn shortened(&self, time: Duration) -> Duration {
        self.0.minute.mul_f64(time.as_secs_f64() / 60.0)
    }
}

/// The part of an error's message that a dead letter has, cut between two characters.
fn beginning(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(beginning("short"), "short");
        assert_eq!(beginning(&"ü".repeat(LONGEST_MESSAGE)).len(), LONGEST_MESSAGE);
        assert_eq!(beginning(&format!("x{}", "ü".repeat(LONGEST_MESSAGE))).len(), LONGEST_MESSAGE - 1);
    }
}

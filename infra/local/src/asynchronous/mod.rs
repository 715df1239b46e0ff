//! Events for which nobody waits: of schedules, of rules, and of the Invoke API.
//!
//! As in Lambda, an event is taken in at once and handled when an environment is free. One that fails is tried again
//! after a minute and then after two, as often and for as long as the function's `EventInvokeConfig` says. What became
//! of it is told to its destinations, and one that is given up goes to the function's dead-letter queue.

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

/// The most events that wait or are under way, and the most memory that they hold.
const MOST: usize = 10_000;
const MOST_MB: usize = 256;
/// The same for events of rules and schedules that are not taken in yet.
const MOST_AT_THE_DOOR: usize = 1000;
const MOST_MB_AT_THE_DOOR: usize = 64;
/// How much of an error's message a dead letter has.
const LONGEST_MESSAGE: usize = 1024;

/// Takes events in and sees to it that they are handled. Clones are the same.
#[derive(Clone)]
pub(crate) struct Asynchronous(Arc<Inner>);

struct Inner {
    handlers: HashMap<String, Handler>,
    queues: Queues,
    /// How long a minute lasts.
    minute: Duration,
    stopping: CancellationToken,
    tasks: TaskTracker,
    room: Room,
    door: Room,
    /// Events of which nobody knows yet what becomes of them.
    under_way: AtomicUsize,
}

/// A function and what its template says of such events.
struct Handler {
    pool: Pool,
    config: InvokeConfig,
}

/// An event on its way.
struct Work {
    function: String,
    id: String,
    payload: Bytes,
    _place: Place,
}

/// Why an event is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is no function {0}")]
    NoFunction(String),
    #[error("too much is under way: {MOST} events or {MOST_MB} MB are the most")]
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

    /// Takes an event in for a function, and gives the request's id.
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

    /// Hands a message to whoever is to receive it.
    pub(crate) fn deliver(&self, receiver: &Receiver, body: Bytes, attributes: &[(&str, Attribute)]) {
        let outcome = match receiver {
            Receiver::Function(function) => self.send(function, body).map(drop).map_err(|error| error.to_string()),
            Receiver::Queue(queue) => {
                let sent = self.0.queues.send(queue, &String::from_utf8_lossy(&body), attributes);
                sent.map(drop).map_err(|error| error.to_string())
            }
            // The start has told so.
            Receiver::Elsewhere(_) => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::error!(?receiver, error, "what was to be sent is lost");
        }
    }

    /// Brings an event to a target of a rule or schedule. While no more are taken in, that is tried again as the target
    /// says.
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
        tracing::error!(function, "an event of a rule or schedule could not be brought");
        if let Some(receiver) = &delivery.dead_letters {
            let attributes = [
                ("ERROR_CODE", Attribute::text("TOO_MANY_REQUESTS")),
                ("ERROR_MESSAGE", Attribute::text(&Refused::Full.to_string())),
            ];
            self.deliver(receiver, payload, &attributes);
        }
    }

    /// Waits until all that is under way has ended.
    pub(crate) async fn ended(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Says how many events nobody will see again. To be called when nothing runs any more.
    pub(crate) fn tell_lost(&self) {
        let events = self.0.under_way.load(Ordering::Relaxed);
        if events > 0 {
            tracing::warn!(events, "events for which nobody waited were under way and are lost");
        }
    }

    /// One event, until it is done or given up.
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
            // Neither would end otherwise the next time.
            let is_vain = matches!(error, InvokeError::Throttled | InvokeError::EventTooLarge(_));
            if is_vain || attempts > config.retries {
                break (Condition::RetriesExhausted, Err(error));
            }
            let pause = self.0.minute * attempts;
            if Instant::now() + pause > until {
                break (Condition::EventAgeExceeded, Err(error));
            }
            let (function, error) = (&work.function, error.kind());
            tracing::warn!(function, request_id = work.id, error, ?pause, "an event failed and is tried again");
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

    /// A time by the length that a minute has here.
    fn shortened(&self, time: Duration) -> Duration {
        self.0.minute.mul_f64(time.as_secs_f64() / 60.0)
    }
}

/// What a dead letter has of an error's message, cut between two letters.
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

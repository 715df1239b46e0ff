//! Other processes that write to the same table.

use crate::metrics::REDIS_HINTS_DROPPED;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Hints waiting to be sent. Any more are dropped: a process that misses one finds the events by itself.
const MAX_WAITING: usize = 1024;

/// The state of the exchange with them.
#[derive(Default)]
pub(crate) struct Others {
    /// The queue of this process's hints.
    tell: Option<mpsc::Sender<String>>,
    /// Whether hints of others arrive.
    hint: AtomicBool,
    /// Whether the queue was full for the last hint.
    full: AtomicBool,
}

impl Others {
    /// Others without hints.
    pub(crate) fn silent() -> Self {
        Self::default()
    }

    /// Others with hints, and the queue of sites to announce.
    pub(crate) fn told() -> (Self, mpsc::Receiver<String>) {
        let (tell, receiver) = mpsc::channel(MAX_WAITING);
        (Self { tell: Some(tell), ..Self::default() }, receiver)
    }

    /// Announces that a site has new events. Never waits.
    pub(super) fn tell(&self, key: String) {
        let Some(tell) = &self.tell else { return };
        match tell.try_send(key) {
            Ok(()) => self.full.store(false, Ordering::Relaxed),
            Err(TrySendError::Full(_)) => {
                metrics::counter!(REDIS_HINTS_DROPPED).increment(1);
                if !self.full.swap(true, Ordering::Relaxed) {
                    tracing::warn!(waiting = MAX_WAITING, "Redis accepts no hints; they are dropped until it does");
                }
            }
            // The process is ending.
            Err(TrySendError::Closed(_)) => {}
        }
    }

    /// Whether hints arrive, so that the table needs fewer queries.
    pub(super) fn hint(&self) -> bool {
        self.hint.load(Ordering::Relaxed)
    }

    /// Records whether hints arrive.
    pub(super) fn set_hint(&self, arrives: bool) {
        self.hint.store(arrives, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use telemetry::deltas::{Deltas, VALUE};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    /// Counts warnings.
    #[derive(Clone, Default)]
    struct Warnings(Arc<AtomicUsize>);

    impl Subscriber for Warnings {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::WARN
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// How many hints were dropped and warnings logged during `work`.
    fn dropped(work: impl FnOnce()) -> (f64, usize) {
        let (deltas, warnings) = (Deltas::new(&[]), Warnings::default());
        tracing::subscriber::with_default(warnings.clone(), || metrics::with_local_recorder(&deltas, work));
        let dropped = deltas.take().into_iter().find(|delta| delta.series == REDIS_HINTS_DROPPED);
        (dropped.map_or(0.0, |delta| delta.numbers[VALUE]), warnings.0.load(Ordering::Relaxed))
    }

    #[test]
    fn hints_without_room_are_counted_and_logged_once_an_episode() {
        let (others, mut told) = Others::told();
        let tell = |times: usize| (0..times).for_each(|_| others.tell("default".into()));
        assert_eq!(dropped(|| tell(MAX_WAITING)), (0.0, 0), "as many as there is room for");
        assert_eq!(dropped(|| tell(1)), (1.0, 1));
        assert_eq!(dropped(|| tell(99)), (99.0, 0), "the same episode");
        // There is room again, and then it is filled again.
        for _ in 0..MAX_WAITING {
            told.try_recv().unwrap();
        }
        assert_eq!(dropped(|| tell(MAX_WAITING)), (0.0, 0));
        assert_eq!(dropped(|| tell(2)), (2.0, 1));
    }

    #[test]
    fn where_nobody_is_told_nothing_is_dropped() {
        assert_eq!(dropped(|| (0..=MAX_WAITING).for_each(|_| Others::silent().tell("default".into()))), (0.0, 0));
        let (others, told) = Others::told();
        drop(told);
        assert_eq!(dropped(|| others.tell("default".into())), (0.0, 0), "the process is ending");
    }
}

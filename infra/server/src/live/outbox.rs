//! Events waiting for one connection.

use live::ports::Batch;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// The most events that wait for a connection. At the default 20 readings a second this is over three minutes.
pub(super) const MAX_EVENTS: usize = 4096;
/// The most bytes. Batches are shared between connections, so each does not use this much.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// A connection with more events than this is behind; publishing slows down if many are.
const BEHIND: usize = 1024;

/// A bounded queue from the hub to one connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    overflow: Notify,
    /// A wait for it was in vain; it is not waited for again until it has caught up.
    excused: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: Vec<Arc<Batch>>,
    events: usize,
    bytes: usize,
    overflowed: bool,
}

impl Outbox {
    /// Adds a batch. `false` if there is no room: then its queue is dropped, and so is the connection.
    pub(super) fn push(&self, batch: &Arc<Batch>) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.overflowed {
            return false;
        }
        let (events, bytes) = (waiting.events + batch.events.len(), waiting.bytes + batch.bytes);
        if !waiting.batches.is_empty() && (events > MAX_EVENTS || bytes > MAX_BYTES) {
            *waiting = Waiting { overflowed: true, ..Waiting::default() };
            drop(waiting);
            self.overflow.notify_one();
            return false;
        }
        waiting.batches.push(batch.clone());
        (waiting.events, waiting.bytes) = (events, bytes);
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// Waits for batches and takes them.
    pub(super) async fn take(&self) -> Vec<Arc<Batch>> {
        loop {
            let batches = self.take_now();
            if !batches.is_empty() {
                return batches;
            }
            self.excused.store(false, Ordering::Relaxed);
            self.filled.notified().await;
        }
    }

    /// Takes what is there.
    pub(super) fn take_now(&self) -> Vec<Arc<Batch>> {
        let mut waiting = self.waiting.lock();
        (waiting.events, waiting.bytes) = (0, 0);
        std::mem::take(&mut waiting.batches)
    }

    /// Waits until there was no room.
    pub(super) async fn overflowed(&self) {
        while !self.waiting.lock().overflowed {
            self.overflow.notified().await;
        }
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.lock().events
    }

    /// Whether publishing should wait for this connection.
    pub(super) fn is_behind(&self) -> bool {
        self.len() > BEHIND && !self.excused.load(Ordering::Relaxed)
    }

    /// Records that the wait was in vain.
    pub(super) fn excuse(&self) {
        self.excused.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use table::feed::Event;

    fn batch(events: usize, bytes: usize) -> Arc<Batch> {
        let entries = (1..=events as u64).map(|seq| Event { seq, frame: "x".repeat(bytes), origin: None });
        Arc::new(Batch::new("s", entries).unwrap())
    }

    #[tokio::test]
    async fn room_ends_exactly_at_the_limits() {
        for (fits, over) in [(batch(MAX_EVENTS - 1, 1), batch(1, 1)), (batch(1, MAX_BYTES - 10), batch(1, 10))] {
            let outbox = Outbox::default();
            assert!(outbox.push(&fits) && outbox.push(&over));
            assert!(!outbox.push(&batch(1, 1)), "one more");
            outbox.overflowed().await;
            assert_eq!(outbox.len(), 0, "nothing is kept for a connection that is dropped");
            assert!(!outbox.push(&batch(1, 1)));
        }
    }

    #[tokio::test]
    async fn batches_come_out_in_order() {
        let outbox = Outbox::default();
        assert!(outbox.push(&batch(1, 1)) && outbox.push(&batch(2, 1)));
        let lengths: Vec<_> = outbox.take().await.iter().map(|batch| batch.events.len()).collect();
        assert_eq!((lengths, outbox.len()), (vec![1, 2], 0));
    }

    #[test]
    fn one_that_was_waited_for_in_vain_is_not_waited_for_again() {
        let outbox = Outbox::default();
        assert!(outbox.push(&batch(BEHIND, 1)) && !outbox.is_behind());
        assert!(outbox.push(&batch(1, 1)) && outbox.is_behind());
        outbox.excuse();
        assert!(!outbox.is_behind());
    }
}

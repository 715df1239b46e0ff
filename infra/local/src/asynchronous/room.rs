//! Limits how much may wait at once, so that events that never end do not fill the memory.

use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const KB: usize = 1024;

/// Limits the number of events and the memory they hold together.
pub(super) struct Room {
    events: Arc<Semaphore>,
    kilobytes: Arc<Semaphore>,
}

/// The place of one event, until it is dropped.
pub(super) struct Place {
    _event: OwnedSemaphorePermit,
    _kilobytes: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new(events: usize, megabytes: usize) -> Self {
        Self { events: Arc::new(Semaphore::new(events)), kilobytes: Arc::new(Semaphore::new(megabytes * KB)) }
    }

    /// A place for an event; `None` if there is none left.
    pub(super) fn take(&self, payload: &Bytes) -> Option<Place> {
        // Even the smallest event takes some memory.
        let weight = u32::try_from(payload.len().div_ceil(KB).max(1)).ok()?;
        let event = self.events.clone().try_acquire_owned().ok()?;
        let kilobytes = self.kilobytes.clone().try_acquire_many_owned(weight).ok()?;
        Some(Place { _event: event, _kilobytes: kilobytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_number_and_the_size_have_a_bound() {
        let room = Room::new(3, 1);
        let large = Bytes::from(vec![b'x'; 600 * KB]);
        let first = room.take(&large).unwrap();
        assert!(room.take(&large).is_none());
        let small: Vec<_> = (0..3).filter_map(|_| room.take(&Bytes::new())).collect();
        assert_eq!(small.len(), 2);
        drop(first);
        assert!(room.take(&large).is_some());
        drop(small);
        assert!(room.take(&Bytes::from(vec![b'x'; 2 * KB * KB])).is_none(), "more than there is room at all");
    }
}

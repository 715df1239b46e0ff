//! Other processes that write to the same table.

use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Hints that wait to be sent. More are dropped: whoever misses one finds the events by itself.
const MAX_WAITING: usize = 1024;

/// What is known of them.
#[derive(Default)]
pub(crate) struct Others {
    /// Where hints go to that this process has written.
    tell: Option<mpsc::Sender<String>>,
    /// Whether hints of others arrive.
    hint: AtomicBool,
}

impl Others {
    /// Others who tell nothing.
    pub(crate) fn silent() -> Self {
        Self::default()
    }

    /// Others who are told, and the keys of sites to tell them of.
    pub(crate) fn told() -> (Self, mpsc::Receiver<String>) {
        let (tell, receiver) = mpsc::channel(MAX_WAITING);
        (Self { tell: Some(tell), hint: AtomicBool::new(false) }, receiver)
    }

    /// Says that a site has new events. Never waits.
    pub(super) fn tell(&self, key: String) {
        if let Some(tell) = &self.tell {
            let _ = tell.try_send(key);
        }
    }

    /// Whether hints arrive, so that the table need not be asked often.
    pub(super) fn hint(&self) -> bool {
        self.hint.load(Ordering::Relaxed)
    }

    /// Notes whether hints arrive.
    pub(super) fn set_hint(&self, arrives: bool) {
        self.hint.store(arrives, Ordering::Relaxed);
    }
}

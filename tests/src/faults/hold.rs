//! Holds a call until the test has done what must happen meanwhile.

use super::kinds::Call;
use crate::PATIENCE;
use anyhow::Context;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Selects calls.
pub(super) type Match = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// Where a call is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before it is passed on.
    Call,
    /// After it was carried out, before its answer is passed on.
    Answer,
}

/// A gate at which the first matching call waits. Later ones pass.
pub(super) struct Gate {
    place: Place,
    is_meant: Match,
    taken: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

/// A call that is held, or will be. It continues when this is dropped.
#[derive(Debug)]
pub struct Hold {
    pub(super) gate: Arc<Gate>,
}

impl Gate {
    pub(super) fn new(place: Place, is_meant: Match) -> Self {
        Self { place, is_meant, taken: watch::Sender::new(false), open: watch::Sender::new(false) }
    }

    /// Whether it has served its purpose.
    pub(super) fn is_done(&self) -> bool {
        *self.open.borrow()
    }

    /// Whether this call must wait here.
    pub(super) fn takes(&self, place: Place, call: &Call) -> bool {
        let free = place == self.place && !self.is_done() && !*self.taken.borrow();
        free && (self.is_meant)(call) && self.taken.send_if_modified(|taken| !std::mem::replace(taken, true))
    }

    /// Waits until it opens.
    pub(super) async fn wait(&self) {
        // The sender cannot be dropped while somebody waits.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

impl Hold {
    /// Waits until the call has arrived.
    pub async fn reached(&self) -> anyhow::Result<()> {
        let mut taken = self.gate.taken.subscribe();
        let reached = tokio::time::timeout(PATIENCE, taken.wait_for(|taken| *taken)).await;
        reached.context("no such call has arrived")??;
        Ok(())
    }

    /// Whether the call has arrived.
    pub fn is_reached(&self) -> bool {
        *self.gate.taken.borrow()
    }

    /// Lets it continue.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.gate.open.send_replace(true);
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("place", &self.place).field("open", &self.is_done()).finish_non_exhaustive()
    }
}

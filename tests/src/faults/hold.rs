//! Holding a call where it is, until the test has done what must happen meanwhile.

use super::kinds::Call;
use crate::PATIENCE;
use anyhow::Context;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Which call is meant.
pub(super) type Match = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// Where a call is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before it is passed on.
    Call,
    /// When it has been carried out, before its answer is.
    Answer,
}

/// A gate that the first call that is meant waits at. Later ones pass.
pub(super) struct Gate {
    place: Place,
    is_meant: Match,
    taken: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

/// A call that is held, or will be. It goes on when this is dropped.
#[derive(Debug)]
pub struct Hold {
    pub(super) gate: Arc<Gate>,
}

impl Gate {
    pub(super) fn new(place: Place, is_meant: Match) -> Self {
        Self { place, is_meant, taken: watch::Sender::new(false), open: watch::Sender::new(false) }
    }

    /// Whether it is of no more use.
    pub(super) fn is_done(&self) -> bool {
        *self.open.borrow()
    }

    /// Whether this call is the one to wait here.
    pub(super) fn takes(&self, place: Place, call: &Call) -> bool {
        let free = place == self.place && !self.is_done() && !*self.taken.borrow();
        free && (self.is_meant)(call) && self.taken.send_if_modified(|taken| !std::mem::replace(taken, true))
    }

    /// Waits until it opens.
    pub(super) async fn wait(&self) {
        // It cannot go away while it is waited for.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

impl Hold {
    /// Waits until the call has come.
    pub async fn reached(&self) -> anyhow::Result<()> {
        let mut taken = self.gate.taken.subscribe();
        let reached = tokio::time::timeout(PATIENCE, taken.wait_for(|taken| *taken)).await;
        reached.context("no such call has come")??;
        Ok(())
    }

    /// Whether the call has come.
    pub fn is_reached(&self) -> bool {
        *self.gate.taken.borrow()
    }

    /// Lets it go on.
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

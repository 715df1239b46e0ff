//! Records readings, judges them by the permit, and announces the results.
//!
//! Alerts are derived: they are the judge's result for all readings and the permit in force. [`record`], [`publisher`]
//! and [`permits`] store what verdicts depend on, and mark what must be judged; [`settle`] judges, and is the only
//! writer of alerts, except for a published reading, which is judged in the transaction that stores it.

pub mod answer;
mod events;
mod judge;
mod lanes;
pub mod metrics;
pub mod original;
pub mod permits;
pub mod preview;
pub mod publisher;
pub mod record;
pub mod remove;
pub mod settle;
mod site;
pub mod standing;
mod summary;
pub mod terms;
pub mod water;
pub mod withdraw;

use lanes::Lanes;
use live::ports::Announce;
use publisher::Publisher;
use record::{Ingestor, Limits};
use settle::Settler;
use std::path::PathBuf;
use std::sync::Arc;
use table::Store;

/// Everything in a process that writes readings, permits, alerts and events. Clones share the state.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    announce: Arc<dyn Announce>,
    lanes: Lanes,
    settler: Settler,
}

impl Engine {
    /// An engine. `announce` is given events once they are in the feed.
    pub fn new(store: Store, announce: Arc<dyn Announce>) -> Self {
        Self::made(store, announce, true)
    }

    /// An engine that leaves the removal of sites to others, because its host lacks the permission.
    pub fn that_removes_nothing(store: Store, announce: Arc<dyn Announce>) -> Self {
        Self::made(store, announce, false)
    }

    fn made(store: Store, announce: Arc<dyn Announce>, removes: bool) -> Self {
        let lanes = Lanes::default();
        let settler = Settler::new(store.clone(), announce.clone(), lanes.clone(), removes);
        Self { store, announce, lanes, settler }
    }

    /// The table.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stores published readings.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.store.clone(), self.announce.clone(), self.lanes.clone(), self.settler.clone())
    }

    /// Settles marks.
    pub fn settler(&self) -> &Settler {
        &self.settler
    }

    /// Ingests files. Bodies are spooled in `spool`. `outlives`: whether a task continues after its request is
    /// answered, as in a server but not in a function.
    pub fn ingestor(&self, limits: Limits, spool: PathBuf, outlives: bool) -> Ingestor {
        Ingestor {
            store: self.store.clone(),
            announce: self.announce.clone(),
            lanes: self.lanes.clone(),
            settler: self.settler.clone(),
            limits,
            spool,
            outlives,
        }
    }
}

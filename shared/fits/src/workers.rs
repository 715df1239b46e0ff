//! Threads of this process that compute fits.

use crate::queue::Queue;
use crate::work::{Time, work};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use table::{Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Clones share the workers.
#[derive(Clone)]
pub struct Workers {
    store: Store,
    room: Arc<Semaphore>,
    stopping: CancellationToken,
    /// Fits that wait or run in this process.
    taken: Arc<Mutex<HashSet<String>>>,
    tasks: TaskTracker,
}

impl Workers {
    /// Workers that run this many fits at a time, until the process stops.
    pub fn new(store: Store, at_once: usize, stopping: CancellationToken) -> Self {
        let (room, tasks) = (Arc::new(Semaphore::new(at_once)), TaskTracker::new());
        Self { store, room, stopping, taken: Arc::default(), tasks }
    }

    /// Starts fits that other processes have left or not started.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for id in self.store.open_fits().await? {
            self.take(id);
        }
        Ok(())
    }

    /// Returns once all unfinished fits have been released to other processes.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn take(&self, id: String) {
        if !self.taken.lock().insert(id.clone()) {
            return;
        }
        let workers = self.clone();
        self.tasks.spawn(async move {
            let taken = Taken { workers: &workers, id };
            tokio::select! {
                biased;
                () = workers.stopping.cancelled() => {}
                // The semaphore is never closed.
                room = workers.room.acquire() => {
                    let _room = room;
                    let time = Time::WhileRunning(workers.stopping.clone());
                    if let Err(error) = work(&workers.store, &taken.id, &time).await {
                        tracing::error!(%error, fit = taken.id, "a fit failed and will be retried");
                    }
                }
            }
        });
    }
}

/// Marks a fit as this process' until dropped, however its task ends.
struct Taken<'a> {
    workers: &'a Workers,
    id: String,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.workers.taken.lock().remove(&self.id);
    }
}

impl Queue for Workers {
    fn put<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        self.take(id.to_owned());
        Box::pin(std::future::ready(Ok(())))
    }
}

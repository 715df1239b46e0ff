//! Threads of this process that work fits out.

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

/// Clones are the same.
#[derive(Clone)]
pub struct Workers {
    store: Store,
    room: Arc<Semaphore>,
    stopping: CancellationToken,
    /// Fits that wait here, or are worked out here.
    taken: Arc<Mutex<HashSet<String>>>,
    tasks: TaskTracker,
}

impl Workers {
    /// So many fits are worked out at a time, until this process is to end.
    pub fn new(store: Store, at_once: usize, stopping: CancellationToken) -> Self {
        let (room, tasks) = (Arc::new(Semaphore::new(at_once)), TaskTracker::new());
        Self { store, room, stopping, taken: Arc::default(), tasks }
    }

    /// Takes up what others have left, or have not taken up.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for id in self.store.open_fits().await? {
            self.take(id);
        }
        Ok(())
    }

    /// Returns once all have been left to others that were not done when this process was to end.
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
                // Nobody closes it.
                room = workers.room.acquire() => {
                    let _room = room;
                    let time = Time::WhileRunning(workers.stopping.clone());
                    if let Err(error) = work(&workers.store, &taken.id, &time).await {
                        tracing::error!(%error, fit = taken.id, "a fit was not worked out, and is tried again");
                    }
                }
            }
        });
    }
}

/// That a fit is this process's; it is not any more when dropped, however its task has ended.
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

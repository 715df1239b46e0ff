//! Who works fits out.

use crate::work::work;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use table::{Store, StoreError};
use tokio::sync::Semaphore;

/// Takes a fit up that is kept in the table.
pub trait Hands: Send + Sync {
    /// Has it worked out by and by. An error says that nobody will.
    fn take_up<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>>;
}

/// Threads of this process.
#[derive(Clone)]
pub struct Workers {
    store: Store,
    room: Arc<Semaphore>,
    /// Fits that wait here, or are worked out here.
    taken: Arc<Mutex<HashSet<String>>>,
}

impl Workers {
    /// So many fits are worked out at a time.
    pub fn new(store: Store, at_once: usize) -> Self {
        Self { store, room: Arc::new(Semaphore::new(at_once)), taken: Arc::default() }
    }

    /// Takes up what others have left, or have not taken up.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for id in self.store.open_fits().await? {
            self.take(&id);
        }
        Ok(())
    }

    fn take(&self, id: &str) {
        if !self.taken.lock().insert(id.to_owned()) {
            return;
        }
        let (workers, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            // Nobody closes it.
            let _room = workers.room.acquire().await;
            if let Err(error) = work(&workers.store, &id, None).await {
                tracing::error!(%error, fit = id, "a fit was not worked out, and is tried again");
            }
            workers.taken.lock().remove(&id);
        });
    }
}

impl Hands for Workers {
    fn take_up<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        self.take(id);
        Box::pin(std::future::ready(Ok(())))
    }
}

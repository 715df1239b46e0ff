//! One process at a time works on a file: several would announce it several times.
//!
//! The turn is an item in the table that expires by itself, so that a process which is killed delays the next one by
//! no more than [`LEASE`].

use domain::time;
use std::time::Duration;
use table::{Store, StoreError};
use tokio::task::JoinHandle;

/// How long a turn lasts without being renewed.
const LEASE: Duration = Duration::from_secs(3);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(1);

/// The turn to work on a file. Dropped without [`Turn::end`], it expires.
pub(super) struct Turn {
    store: Store,
    id: String,
    holder: String,
    renewal: JoinHandle<()>,
}

impl Turn {
    /// Takes the turn, if nobody has it.
    pub(super) async fn take(store: &Store, id: &str) -> Result<Option<Self>, StoreError> {
        let (holder, now) = (uuid::Uuid::new_v4().simple().to_string(), time::now());
        if !store.take_turn(id, &holder, now, now + LEASE.as_micros() as i64).await? {
            return Ok(None);
        }
        let renewal = tokio::spawn(renew(store.clone(), id.to_owned(), holder.clone()));
        Ok(Some(Self { store: store.clone(), id: id.to_owned(), holder, renewal }))
    }

    /// Who has it, as the table knows it.
    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    /// Gives it back.
    pub(super) async fn end(self) -> Result<(), StoreError> {
        self.renewal.abort();
        self.store.give_turn_back(&self.id, &self.holder).await
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(store: Store, id: String, holder: String) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let now = time::now();
        match store.take_turn(&id, &holder, now, now + LEASE.as_micros() as i64).await {
            Ok(true) => {}
            Ok(false) => return tracing::warn!(ingest = id, "another process has taken this file over"),
            Err(error) => tracing::warn!(%error, ingest = id, "the turn to work on a file was not renewed"),
        }
    }
}

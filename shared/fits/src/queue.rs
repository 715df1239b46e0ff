//! Puts a fit into the table, and has it computed.

use crate::metrics;
use crate::outcome::Outcome;
use crate::task::{Task, packed};
use chemistry::question::Points;
use futures_util::future::BoxFuture;
use table::fits::{FitJob, FitState};
use table::{Store, StoreError};

/// Starts fits.
pub trait Queue: Send + Sync {
    /// Starts a fit that is in the table. An error says that nobody will soon.
    fn put<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>>;
}

/// Why a fit is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The queue is full.
    #[error("too many fits are waiting")]
    TooMany,
    /// Fits cannot be started.
    #[error("fits cannot be started now: {0}")]
    NoWorker(String),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores a task, with the points that came with it, and starts it.
pub async fn begin(store: &Store, queue: &dyn Queue, task: &Task, points: Option<&Points>) -> Result<FitJob, NotTaken> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    let asked = serde_json::to_string(task).map_err(|error| NotTaken::NoWorker(error.to_string()))?;
    if !store.begin_fit(&id, &asked, &points.map(packed).unwrap_or_default()).await? {
        return Err(NotTaken::TooMany);
    }
    if let Err(error) = queue.put(&id).await {
        end(store, &id, &Outcome::failed("not_taken", "fits cannot be started now")).await?;
        return Err(NotTaken::NoWorker(error));
    }
    Ok(FitJob { id, asked, state: FitState::Waiting, attempts: 0, steps: (0, 0), outcome: None })
}

/// Cancels a fit, unless it is over. The process that computes it stops within a second.
pub async fn cancel(store: &Store, id: &str) -> Result<(), StoreError> {
    if store.end_fit(id, FitState::Cancelled, None).await? {
        metrics::over(FitState::Cancelled);
    }
    Ok(())
}

/// Ends a fit that nobody works on.
async fn end(store: &Store, id: &str, outcome: &Outcome) -> Result<(), StoreError> {
    if store.end_fit(id, outcome.state(), Some(&outcome.text())).await? {
        metrics::over(outcome.state());
    }
    Ok(())
}

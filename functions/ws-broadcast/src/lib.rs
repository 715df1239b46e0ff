//! Sends feed events to connected subscribers.

pub mod delivery;
pub mod stream;

use futures_util::StreamExt;
use live::ports::{Batch, Connection, Connections, Push, PushError};
use std::sync::Arc;
use table::StoreError;

/// Connections that are posted to at the same time, so that a slow one delays no other.
const CONCURRENCY: usize = 64;

/// The outcome of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Connections that received it.
    pub reached: usize,
    /// Connections that no longer exist, and have been unregistered.
    pub gone: usize,
    /// Connections that could not be reached.
    pub failed: usize,
}

/// Sends events to every connection of their site.
pub async fn broadcast<C, P>(connections: &C, push: &P, batch: &Arc<Batch>) -> Result<Outcome, StoreError>
where
    C: Connections,
    P: Push,
{
    let list = connections.list(&batch.site).await?;
    let posts = list.into_iter().map(|connection| post(push, connection, batch));
    let mut posts = futures_util::stream::iter(posts).buffer_unordered(CONCURRENCY);
    let (mut outcome, mut gone) = (Outcome::default(), Vec::new());
    while let Some((connection, result)) = posts.next().await {
        match result {
            Ok(()) => outcome.reached += 1,
            Err(PushError::Gone) => gone.push(connection),
            Err(PushError::Failed(reason)) => {
                tracing::warn!(connection = connection.id, reason, "a connection could not be reached");
                outcome.failed += 1;
            }
        }
    }
    for connection in &gone {
        connections.unregister(&connection.id).await?;
    }
    Ok(Outcome { gone: gone.len(), ..outcome })
}

async fn post<P: Push>(
    push: &P,
    connection: Arc<Connection>,
    batch: &Arc<Batch>,
) -> (Arc<Connection>, Result<(), PushError>) {
    let result = push.post(&connection, batch).await;
    (connection, result)
}

//! Fetches sources on their schedules.

use files::scheduled::Pulls;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often to check which sources are due, at least: somebody who wants one fetched now waits for it.
const LOOK: Duration = Duration::from_secs(5);
/// Looks that run at once: a slow source delays no other.
const LOOKS: usize = 8;

/// Fetches sources as they are due, until the server stops.
pub(crate) async fn run(pulls: Pulls, every: Duration, stopping: CancellationToken) {
    let pulls = Arc::new(pulls);
    let mut looks = JoinSet::new();
    let mut times = tokio::time::interval(every.min(LOOK));
    loop {
        tokio::select! {
            _ = times.tick(), if looks.len() < LOOKS => {
                let pulls = pulls.clone();
                looks.spawn(async move { pulls.look(None).await });
            }
            Some(looked) = looks.join_next() => match looked {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::error!(%error, "sources could not be fetched; a retry follows"),
                Err(error) => tracing::error!(%error, "a look at the sources panicked"),
            },
            () = stopping.cancelled() => break,
        }
    }
    while looks.join_next().await.is_some() {}
}

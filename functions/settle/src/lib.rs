//! Settles the marks that requests left in the table; triggered by the table's stream and by a schedule.

pub mod work;

use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::StreamExt;
use lambda::Fault;
use std::time::Duration;
use table::StoreError;
use tokio::time::{Instant, timeout_at};
use work::{Invocation, Marked, Work};

/// Sites of a batch that are settled at the same time. A large site delays few others, and memory is bounded.
const CONCURRENCY: usize = 4;
/// Reserved at the end of an invocation, to report what was not done. An invocation that times out reports nothing.
const TO_TELL: Duration = Duration::from_secs(5);

/// Settles marks.
pub trait Settle {
    /// Settles the marks of a site.
    fn site(&self, site: &str) -> impl Future<Output = Result<(), Fault>>;

    /// Settles the marks of all sites that have some.
    fn sweep(&self) -> impl Future<Output = Result<(), Fault>>;
}

/// Handles an event within the invocation's time. If part of a batch fails, the stream delivers it again from the first
/// mark of the first failed site; settling a site that is settled already does nothing.
pub async fn handle<S: Settle>(settle: &S, event: Invocation, time: Duration) -> Result<DynamoDbEventResponse, Fault> {
    let end = Instant::now() + time.saturating_sub(TO_TELL);
    match Work::try_from(event)? {
        Work::Sites(sites) => Ok(batch(settle, sites, end).await),
        Work::Sweep => {
            match timeout_at(end, settle.sweep()).await {
                Ok(result) => result?,
                // Each step is stored, and the next sweep starts in a minute.
                Err(_) => tracing::warn!("a sweep ran out of time; the next one continues"),
            }
            Ok(DynamoDbEventResponse::default())
        }
    }
}

async fn batch<S: Settle>(settle: &S, sites: Vec<Marked>, end: Instant) -> DynamoDbEventResponse {
    let settled = sites.into_iter().map(async |marked| {
        // Do not start what cannot finish.
        let in_time = Instant::now() < end;
        let result = if in_time { timeout_at(end, settle.site(&marked.site)).await.ok() } else { None };
        (marked, result)
    });
    let mut settled = futures_util::stream::iter(settled).buffer_unordered(CONCURRENCY);
    let mut response = DynamoDbEventResponse::default();
    while let Some((Marked { site, sequence_number }, result)) = settled.next().await {
        match result {
            Some(Ok(())) => continue,
            Some(Err(error @ Fault::Store(StoreError::Damaged { .. }))) => {
                // A retry does not repair an item, and would block every other site of the stream's shard. The mark
                // stays.
                tracing::error!(%error, site, "marks cannot be settled");
                continue;
            }
            Some(Err(error)) => {
                tracing::error!(%error, site, "marks were not settled; the stream will retry")
            }
            None => tracing::warn!(site, "ran out of time before all marks were settled; the stream will retry"),
        }
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence_number);
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests;

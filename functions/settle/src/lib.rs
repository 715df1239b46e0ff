//! Finishing what requests have left: the marks in the table, set off by its stream and by a schedule.

pub mod work;

use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::StreamExt;
use lambda::Fault;
use std::time::Duration;
use table::StoreError;
use tokio::time::{Instant, timeout_at};
use work::{Invocation, Marked, Work};

/// Sites of a batch that are settled at the same time: a large one holds few others up, and memory is bounded.
const CONCURRENCY: usize = 4;
/// What is left of an invocation's time when it is told what was not done. One that is ended tells nothing.
const TO_TELL: Duration = Duration::from_secs(5);

/// Who works marks off.
pub trait Settle {
    /// Works off the marks of a site.
    fn site(&self, site: &str) -> impl Future<Output = Result<(), Fault>>;

    /// Works off the marks of all sites that have some.
    fn sweep(&self) -> impl Future<Output = Result<(), Fault>>;
}

/// Does what an event asks for within the time that the invocation has. Of a batch, what fails is handed over again
/// from the first mark of the first site that failed on; settling a site again that is settled finds nothing to do.
pub async fn handle<S: Settle>(settle: &S, event: Invocation, time: Duration) -> Result<DynamoDbEventResponse, Fault> {
    let end = Instant::now() + time.saturating_sub(TO_TELL);
    match Work::try_from(event)? {
        Work::Sites(sites) => Ok(batch(settle, sites, end).await),
        Work::Sweep => {
            match timeout_at(end, settle.sweep()).await {
                Ok(result) => result?,
                // Each step is kept, and the next sweep begins in a minute.
                Err(_) => tracing::warn!("a sweep has not come to its end; the next one goes on"),
            }
            Ok(DynamoDbEventResponse::default())
        }
    }
}

async fn batch<S: Settle>(settle: &S, sites: Vec<Marked>, end: Instant) -> DynamoDbEventResponse {
    let settled = sites.into_iter().map(async |marked| {
        // What cannot be finished is not begun either.
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
                // Trying again mends no item, and would hold up every other site of the stream's shard. The mark stays.
                tracing::error!(%error, site, "marks cannot be settled");
                continue;
            }
            Some(Err(error)) => {
                tracing::error!(%error, site, "marks were not settled; the stream hands them over again")
            }
            None => tracing::warn!(site, "the time was too short for all marks; the stream hands them over again"),
        }
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence_number);
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests;

//! Retries calls to the table.
//!
//! DynamoDB refuses work that it would accept a moment later: a write that meets a transaction on the same item, a
//! burst beyond a partition's throughput, an internal fault. The SDK retries some of these three times within a
//! fraction of a second, and others not at all. Here all of them are retried with back-off and jitter, for seconds.

use crate::{Store, StoreError};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a call is retried. Several fit into API Gateway's timeout of 29 s.
const PATIENCE: Duration = Duration::from_secs(8);
/// The maximum pause before the second try; it doubles with each further one ...
const FIRST: u64 = 10;
/// ... up to this.
const LONGEST: u64 = 500;

/// Errors after which the same call may succeed. The first ones are documented under "Error handling with DynamoDB".
const PASSING: [&str; 7] = [
    "TransactionConflictException",
    "TransactionInProgressException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
];

/// Growing pauses, each a random part of its maximum.
#[derive(Debug)]
pub struct Backoff {
    started: Instant,
    tries: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { started: Instant::now(), tries: 0 }
    }
}

impl Backoff {
    /// Waits before the next try; `false` if the time is over.
    pub async fn wait(&mut self, patience: Duration) -> bool {
        if self.started.elapsed() >= patience {
            return false;
        }
        let longest = (FIRST << self.tries.min(10)).min(LONGEST);
        let part = u64::from(uuid::Uuid::new_v4().as_bytes()[0]);
        tokio::time::sleep(Duration::from_micros(longest * 1000 * part / 255)).await;
        self.tries += 1;
        true
    }
}

impl Store {
    /// Repeats a call until it succeeds, fails for good, or has been retried long enough.
    pub(crate) async fn patiently<T, E, R, F>(&self, call: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        self.until_done(call).await.map_err(StoreError::from)
    }

    /// The same, with the service's own error.
    pub(crate) async fn until_done<T, E, R, F>(&self, mut call: impl FnMut() -> F) -> Result<T, SdkError<E, R>>
    where
        F: Future<Output = Result<T, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: fmt::Debug + Send + Sync + 'static,
    {
        let mut backoff = Backoff::default();
        loop {
            match call().await {
                Err(error) if is_passing(&error) && backoff.wait(PATIENCE).await => crate::metrics::retried(),
                done => {
                    if done.as_ref().is_err_and(|error| kind(error) != Kind::Conflict) {
                        self.failed.store(true, Ordering::Relaxed);
                    }
                    return done;
                }
            }
        }
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        match kind(&error) {
            Kind::Conflict => Self::Conflict,
            Kind::Passing => Self::Busy(DisplayErrorContext(&error).to_string()),
            Kind::Lasting => Self::Service(DisplayErrorContext(&error).to_string()),
        }
    }
}

/// The meaning of an error for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A condition did not hold.
    Conflict,
    /// The same call may succeed.
    Passing,
    /// It will not.
    Lasting,
}

fn is_passing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    kind(error) == Kind::Passing
}

fn kind<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Kind {
    match (error.code(), error) {
        (Some("ConditionalCheckFailedException"), _) => Kind::Conflict,
        (Some("TransactionCanceledException"), _) => of_cancelled(error.message().unwrap_or_default()),
        (Some(code), _) if PASSING.contains(&code) => Kind::Passing,
        // Internal faults, and lost answers: the call may have been carried out.
        (None, SdkError::ServiceError(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_)) => Kind::Passing,
        // There was no connection, or it broke, before or after the call was carried out.
        (None, SdkError::DispatchFailure(failure)) if !failure.is_user() => Kind::Passing,
        _ => Kind::Lasting,
    }
}

/// The message of a cancelled transaction contains a reason for each item: `[None, ConditionalCheckFailed]`.
fn of_cancelled(message: &str) -> Kind {
    let reasons = reasons(message);
    if reasons.contains(&"ConditionalCheckFailed") {
        Kind::Conflict
    } else if reasons.iter().any(|reason| ["ValidationError", "ItemCollectionSizeLimitExceeded"].contains(reason)) {
        Kind::Lasting
    } else {
        Kind::Passing
    }
}

/// The reason for each item of a cancelled transaction.
pub(crate) fn reasons(message: &str) -> Vec<&str> {
    let list = message.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split(',').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_transactions_by_their_reasons() {
        let cancelled = |reasons: &str| {
            of_cancelled(&format!(
                "Transaction cancelled, please refer cancellation reasons for specific reasons [{reasons}]"
            ))
        };
        assert_eq!(cancelled("None, ConditionalCheckFailed"), Kind::Conflict);
        // A reason that will not go away decides.
        assert_eq!(cancelled("TransactionConflict, ConditionalCheckFailed"), Kind::Conflict);
        assert_eq!(cancelled("ValidationError, None"), Kind::Lasting);
        for passing in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert_eq!(cancelled(&format!("None, {passing}, None")), Kind::Passing);
        }
    }

    #[tokio::test]
    async fn waiting_ends() {
        let mut backoff = Backoff::default();
        assert!(backoff.wait(Duration::from_secs(60)).await);
        assert!(!backoff.wait(Duration::ZERO).await);
    }
}

//! Posting to WebSocket clients through API Gateway's management API.
//!
//! A post that API Gateway refused for now (429, 5xx), or that never left, is tried again with growing, random waits.
//! One whose answer is lost is not: the client may have it, and would get it twice.

use crate::live::ports::{Batch, Connection, Push, PushError, Pushed};
use crate::live::protocol;
use crate::telemetry::metrics::WS_BROADCAST;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use bytes::Bytes;
use futures_util::FutureExt;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Posts under way at the same time.
const CONCURRENCY: usize = 64;
/// How often a post is tried.
const TRIES: u32 = 6;
/// The first wait is up to so long, each next one up to twice as long: together with the last about three seconds.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The timeouts of one post.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_timeout(Duration::from_secs(5)).build()
}

/// The way to the clients of a WebSocket API. Clones share its limit.
#[derive(Clone, Debug)]
pub struct Gateway {
    client: Client,
    posts: Arc<Semaphore>,
}

/// What became of one call.
enum Attempt {
    Done,
    Gone,
    /// It has certainly not arrived.
    Refused(String),
    /// It may have arrived.
    Unknown(String),
}

impl Gateway {
    /// Posts through this client, which must not try again by itself.
    pub(super) fn new(client: Client) -> Self {
        Self { client, posts: Arc::new(Semaphore::new(CONCURRENCY)) }
    }

    /// Sends one message.
    pub async fn send(&self, id: &str, message: Bytes) -> Result<(), PushError> {
        let request = self.client.post_to_connection().connection_id(id).data(Blob::new(message));
        self.attempt(|| request.clone().send().map(attempt)).await
    }

    /// Ends a connection. One that is gone is well.
    pub async fn end(&self, id: &str) -> Result<(), PushError> {
        let request = self.client.delete_connection().connection_id(id);
        match self.attempt(|| request.clone().send().map(attempt)).await {
            Err(PushError::Gone) => Ok(()),
            done => done,
        }
    }

    /// Sends the events that a connection wants, in order: one to a message where there is one, else as many to a
    /// message as fit, in a JSON array.
    pub async fn send_events(&self, connection: &Connection, events: &[Pushed]) -> Result<(), PushError> {
        let wanted: Vec<&Pushed> = events.iter().filter(|event| connection.wants(event)).collect();
        for message in protocol::messages(&wanted) {
            self.send(&connection.id, message).await?;
        }
        metrics::counter!(WS_BROADCAST).increment(wanted.len() as u64);
        Ok(())
    }

    async fn attempt<F: Future<Output = Attempt>>(&self, call: impl Fn() -> F) -> Result<(), PushError> {
        let mut reason = String::new();
        for wait in (0..TRIES).map(|number| FIRST_WAIT * (1 << number)) {
            // Held for the call alone: a connection that is waited for takes nobody's place. Never closed.
            let permit = self.posts.acquire().await;
            let attempt = call().await;
            drop(permit);
            match attempt {
                Attempt::Done => return Ok(()),
                Attempt::Gone => return Err(PushError::Gone),
                Attempt::Unknown(reason) => return Err(PushError::Failed(reason)),
                Attempt::Refused(refusal) => reason = refusal,
            }
            let part = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
            tokio::time::sleep(wait.mul_f64(part)).await;
        }
        Err(PushError::Failed(reason))
    }
}

fn attempt<T, E>(result: Result<T, SdkError<E>>) -> Attempt
where
    E: std::error::Error + Send + Sync + Debug + 'static,
{
    let Err(error) = result else { return Attempt::Done };
    let status = error.raw_response().map(|response| response.status().as_u16());
    let reason = DisplayErrorContext(&error).to_string();
    match status {
        Some(410) => Attempt::Gone,
        Some(429 | 500..=599) => Attempt::Refused(reason),
        None if never_left(&error) => Attempt::Refused(reason),
        _ => Attempt::Unknown(reason),
    }
}

/// Whether there was nobody to take the request.
fn never_left(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

impl Push for Gateway {
    async fn post(&self, connection: &Connection, batch: &Arc<Batch>) -> Result<(), PushError> {
        self.send_events(connection, &batch.events).await
    }
}

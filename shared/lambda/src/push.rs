//! Posts to WebSocket clients through API Gateway's management API.
//!
//! A post that API Gateway refused for now (429, 5xx), or that was never sent, is retried with growing, random pauses.
//! A post whose answer was lost is not: the client may have it, and would get it twice. API Gateway does not know a
//! connection before its `$connect` has returned, and answers 410 as if it were gone. So a 410 for a young connection
//! that is still registered is retried, too.

use super::clients::management;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use bytes::Bytes;
use domain::time;
use futures_util::FutureExt;
use live::metrics::BROADCAST;
use live::ports::{Batch, Connection, Push, PushError, Pushed};
use live::protocol;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use table::{Store, StoreError};
use tokio::sync::Semaphore;
use web::config::ConfigError;

/// Posts in progress at the same time.
const CONCURRENCY: usize = 64;
/// How often a post is tried.
const TRIES: u32 = 5;
/// The maximum of the first pause; each later one is up to twice as long. A delivery waits for the slowest of its
/// connections, so at most 1.5 seconds.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long after its registration a connection may still be unknown to API Gateway, in microseconds. After
/// registering, `$connect` reports its counts, which takes seconds if the table is busy.
pub const YOUNG: i64 = 10 * 1_000_000;
/// The pause before a young connection is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// The timeouts of one post.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_timeout(Duration::from_secs(2)).build()
}

/// Access to the clients of a WebSocket API. Clones share its limit.
#[derive(Clone, Debug)]
pub struct Gateway {
    client: Client,
    store: Store,
    posts: Arc<Semaphore>,
}

/// The outcome of one call.
enum Attempt {
    Done,
    Gone,
    /// It has certainly not arrived.
    Refused(String),
    /// It may have arrived.
    Unknown(String),
}

impl Gateway {
    /// For the WebSocket API with its stage at `url` and its connections in a table.
    pub fn new(url: &str, store: Store) -> Result<Self, ConfigError> {
        Ok(Self { client: management(url, timeouts())?, store, posts: Arc::new(Semaphore::new(CONCURRENCY)) })
    }

    /// Sends one message.
    pub async fn send(&self, id: &str, message: Bytes) -> Result<(), PushError> {
        let request = self.client.post_to_connection().connection_id(id).data(Blob::new(message));
        self.unless_young(id, || request.clone().send().map(attempt)).await
    }

    /// Closes a connection. If it is gone already, that is fine.
    pub async fn end(&self, id: &str) -> Result<(), PushError> {
        let request = self.client.delete_connection().connection_id(id);
        match self.unless_young(id, || request.clone().send().map(attempt)).await {
            Err(PushError::Gone) => Ok(()),
            done => done,
        }
    }

    /// Whether API Gateway knows a connection.
    pub async fn knows(&self, id: &str) -> Result<bool, PushError> {
        let request = self.client.get_connection().connection_id(id);
        match self.attempt(|| request.clone().send().map(attempt)).await {
            Err(PushError::Gone) => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Retries until the connection is known, too old to be unknown, or no longer registered.
    async fn unless_young<F: Future<Output = Attempt>>(&self, id: &str, call: impl Fn() -> F) -> Result<(), PushError> {
        loop {
            match self.attempt(&call).await {
                Err(PushError::Gone) if self.is_young(id).await.map_err(unread)? => tokio::time::sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    async fn is_young(&self, id: &str) -> Result<bool, StoreError> {
        let known = self.store.connection(id).await?;
        Ok(known.is_some_and(|known| time::now() - known.connection.since < YOUNG))
    }

    async fn attempt<F: Future<Output = Attempt>>(&self, call: impl Fn() -> F) -> Result<(), PushError> {
        let mut reason = String::new();
        for number in 0..TRIES {
            if number > 0 {
                let part = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
                tokio::time::sleep((FIRST_WAIT * (1 << (number - 1))).mul_f64(part)).await;
            }
            // Held only for the call: a connection that waits takes up no place. Never closed.
            let permit = self.posts.acquire().await;
            let attempt = call().await;
            drop(permit);
            match attempt {
                Attempt::Done => return Ok(()),
                Attempt::Gone => return Err(PushError::Gone),
                Attempt::Unknown(reason) => return Err(PushError::Failed(reason)),
                Attempt::Refused(refusal) => reason = refusal,
            }
        }
        Err(PushError::Failed(reason))
    }
}

fn unread(error: StoreError) -> PushError {
    PushError::Failed(error.to_string())
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

/// Whether the request was never sent.
fn never_left(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

impl Push for Gateway {
    /// A single event is sent as it is; several are packed into as few messages as possible, as JSON arrays.
    async fn post(&self, connection: &Connection, batch: &Arc<Batch>) -> Result<(), PushError> {
        let wanted: Vec<&Pushed> = batch.events.iter().filter(|event| event.is_for(connection)).collect();
        for message in protocol::messages(&wanted) {
            self.send(&connection.id, message).await?;
        }
        metrics::counter!(BROADCAST).increment(wanted.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A table without connections: an API that answers every call with an empty object.
    async fn empty_table() -> Store {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::from_static("local"))
            .credentials_provider(aws_credential_types::Credentials::new("a", "b", None, None, "test"))
            .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                assert!(connection.read(&mut [0; 8192]).await.unwrap() > 0);
                let answer = b"HTTP/1.1 200 X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                connection.write_all(answer).await.unwrap();
            }
        });
        Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), "t")
    }

    /// A fault that a real gateway cannot be made to show: an API that answers with these statuses in turn; 0 means no
    /// answer.
    async fn api(statuses: &'static [u16]) -> (Gateway, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ws", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let status = statuses[count.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1)];
                let mut head = vec![0; 8192];
                let read = connection.read(&mut head).await.unwrap();
                assert!(String::from_utf8_lossy(&head[..read]).contains("/ws/@connections/c%3D "));
                if status > 0 {
                    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        (Gateway::new(&url, empty_table().await).unwrap(), asked)
    }

    async fn sent(statuses: &'static [u16]) -> (Result<(), PushError>, usize) {
        let (gateway, asked) = api(statuses).await;
        let result = gateway.send("c=", "{}".into()).await;
        (result, asked.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn what_is_refused_for_now_is_sent_again() {
        assert_eq!(sent(&[429, 500, 503, 200]).await, (Ok(()), 4));
        let (result, asked) = sent(&[429]).await;
        assert!(matches!(result, Err(PushError::Failed(_))));
        assert_eq!(asked, TRIES as usize);
    }

    #[tokio::test]
    async fn who_is_gone_is_gone_and_ending_them_is_well() {
        assert_eq!(sent(&[410]).await, (Err(PushError::Gone), 1));
        assert_eq!(api(&[410]).await.0.end("c=").await, Ok(()));
    }

    #[tokio::test]
    async fn what_may_have_arrived_is_not_sent_again() {
        for statuses in [&[0][..], &[403]] {
            let (result, asked) = sent(statuses).await;
            assert!(matches!(result, Err(PushError::Failed(_))), "{result:?}");
            assert_eq!(asked, 1);
        }
    }

    #[tokio::test]
    async fn what_never_left_is_sent_when_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let gateway = Gateway::new(&format!("http://{address}/ws"), empty_table().await).unwrap();
        let late = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let listener = TcpListener::bind(address).await.unwrap();
            let (mut connection, _) = listener.accept().await.unwrap();
            assert!(connection.read(&mut [0; 8192]).await.unwrap() > 0);
            connection.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        };
        let (result, ()) = tokio::join!(gateway.send("c=", "{}".into()), late);
        assert_eq!(result, Ok(()));
    }
}

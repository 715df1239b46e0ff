//! Reads bodies, and drains those that nobody wants.
//!
//! A client that gets its answer while it is still sending notices only when it has sent everything. If the connection
//! were closed before that, the client would see a broken pipe instead of the reason.

use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::runtime::Handle;

/// How many bytes of a refused body are drained; a client that sends more is disconnected.
const MOST: usize = 64 * 1024 * 1024;
/// How long draining may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may send nothing in the middle of a body.
const SILENCE: Duration = Duration::from_secs(30);

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body ended early, or the client sent nothing for {SILENCE:?}; send the request again")]
    Broken,
}

/// Reads a body of at most `limit` bytes; the rest of a larger one is drained.
pub(crate) async fn read_up_to(body: Body, limit: usize) -> std::result::Result<Bytes, Refused> {
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    loop {
        let came = tokio::time::timeout(SILENCE, stream.next()).await.map_err(|_| Refused::Broken)?;
        let Some(piece) = came else { return Ok(read.freeze()) };
        let piece = piece.map_err(|_| Refused::Broken)?;
        if read.len() + piece.len() > limit {
            tokio::spawn(rest(stream));
            return Err(Refused::TooLarge);
        }
        read.extend_from_slice(&piece);
    }
}

/// A body that may be read in part: the rest is drained. It ends with an error (`TimedOut`) if the client stops
/// sending.
pub(crate) fn patient(body: Body) -> Body {
    patient_for(body, SILENCE)
}

fn patient_for(body: Body, silence: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let rest = Rest(Some(body.into_data_stream()));
    Body::from_stream(stream::try_unfold(rest, move |rest| rest.next(silence)))
}

/// The unread rest of a body.
struct Rest(Option<BodyDataStream>);

impl Rest {
    async fn next(mut self, silence: Duration) -> Result<Option<(Bytes, Self)>> {
        let Some(stream) = &mut self.0 else { return Ok(None) };
        let came = tokio::time::timeout(silence, stream.next()).await;
        if let Ok(Some(Ok(piece))) = came {
            return Ok(Some((piece, self)));
        }
        // Nothing is left to drain.
        self.0 = None;
        match came {
            Ok(Some(Err(error))) => Err(Error::other(error)),
            Ok(_) => Ok(None),
            Err(_) => Err(Error::new(ErrorKind::TimedOut, format!("nothing arrived for {silence:?}"))),
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        // When the gateway shuts down, there is no runtime and nobody to answer.
        if let (Some(stream), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(rest(stream));
        }
    }
}

/// Drains a body, within bounds, while the answer is sent.
pub(crate) fn read_away(body: Body) {
    tokio::spawn(rest(body.into_data_stream()));
}

async fn rest(mut stream: BodyDataStream) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(piece)) = stream.next().await {
            read += piece.len();
            if read > MOST {
                return;
            }
        }
    };
    // However it ends, the connection is hyper's again.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A body of three pieces, which counts the pieces that were read.
    fn counted() -> (Body, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let piece = move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(Bytes::from_static(b"ab"))
        };
        (Body::from_stream(stream::iter(0..3).map(piece)), taken)
    }

    #[tokio::test]
    async fn what_nobody_wants_is_read_away() {
        let (body, taken) = counted();
        assert_eq!(to_bytes(patient(body), usize::MAX).await.unwrap(), "ababab");
        assert_eq!(taken.load(Ordering::SeqCst), 3);
        let (body, taken) = counted();
        let mut begun = patient(body).into_data_stream();
        assert_eq!(begun.next().await.unwrap().unwrap(), "ab");
        drop(begun);
        while taken.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_is_refused_says_why() {
        let read = async |body| read_up_to(body, 5).await.map_err(|refused| refused.to_string());
        assert_eq!(read(Body::from("abcde")).await, Ok(Bytes::from("abcde")));
        assert_eq!(read(Body::from("abcdef")).await, Err("the body is too large".to_owned()));
        let broken = stream::iter([Ok(Bytes::from_static(b"ab")), Err(Error::other("reset"))]);
        let message = "the body ended early, or the client sent nothing for 30s; send the request again";
        assert_eq!(read(Body::from_stream(broken)).await, Err(message.to_owned()));
    }

    #[tokio::test]
    async fn a_client_that_falls_silent_is_not_waited_for() {
        let pieces = stream::iter([Ok::<_, Error>(Bytes::from_static(b"ab"))]).chain(stream::pending());
        let mut body = patient_for(Body::from_stream(pieces), Duration::from_millis(20)).into_data_stream();
        assert_eq!(body.next().await.unwrap().unwrap(), "ab");
        assert_eq!(body.next().await.unwrap().unwrap_err().to_string(), "nothing arrived for 20ms");
        assert!(body.next().await.is_none());
    }
}

//! Drains refused requests.
//!
//! A client that gets its answer while it is still sending notices only when it has sent everything. If the server
//! closed the connection before that, the client would see a broken pipe instead of the reason.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How many bytes of a refused body are drained; a client that sends more is disconnected.
const MOST: u64 = 64 * 1024 * 1024;
/// How long draining may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Drains the part of each body that its handler did not read.
pub(super) async fn drain(request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(Drained(body)))).await
}

/// A body that is drained after it was dropped.
struct Drained(Body);

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if !self.0.is_end_stream() {
            let rest = read_away(std::mem::take(&mut self.0));
            tokio::spawn(async move { tokio::time::timeout(PATIENCE, rest).await });
        }
    }
}

async fn read_away(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > MOST {
            return;
        }
    }
}

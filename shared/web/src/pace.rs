//! Limits slow bodies.
//!
//! A client may pause for 20 s, and for as long in all, plus one second for each 500 bytes that it has sent. Time in
//! which we are busy does not count. These are the usual limits of Apache's `mod_reqtimeout`
//! (<https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html>).

use super::ApiError;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long to wait for a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The longest pause, and the total wait that is allowed however little was sent.
    grace: Duration,
    /// The minimum rate of a long body, in bytes a second.
    rate: u64,
}

/// The limits for all clients.
pub(super) const PATIENCE: Patience = Patience { grace: Duration::from_secs(20), rate: 500 };

impl Patience {
    /// The time that a sender has left.
    fn left(self, received: u64, waited: Duration) -> Duration {
        (self.grace + Duration::from_secs(received / self.rate)).saturating_sub(waited).min(self.grace)
    }
}

/// Ends a request with a slow body with 408.
pub(super) async fn pace(State(patience): State<Patience>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let response = next.run(request.map(|body| Body::new(Paced::new(body, patience, is_late.clone())))).await;
    if !is_late.load(Ordering::Relaxed) {
        return response;
    }
    let detail = format!("the body arrived too slowly: at least {} bytes a second are expected", patience.rate);
    let mut response = ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that fails when the wait for its sender gets too long.
struct Paced {
    body: Body,
    patience: Patience,
    is_late: Arc<AtomicBool>,
    received: u64,
    waited: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Paced {
    fn new(body: Body, patience: Patience, is_late: Arc<AtomicBool>) -> Self {
        Self { body, patience, is_late, received: 0, waited: Duration::ZERO, waiting: None }
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some((since, _)) = self.waiting.take() {
                self.waited += since.elapsed();
            }
            if let Some(Ok(frame)) = &frame {
                self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            return Poll::Ready(frame);
        }
        let left = self.patience.left(self.received, self.waited);
        let (_, deadline) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + left)))
        });
        if deadline.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.is_late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use futures_util::{StreamExt, stream};
    use tower::ServiceExt;

    #[test]
    fn whoever_sends_more_has_longer() {
        let left = |received, waited| PATIENCE.left(received, Duration::from_secs(waited)).as_secs();
        assert_eq!((left(0, 0), left(0, 19), left(0, 20), left(0, 21)), (20, 1, 0, 0));
        assert_eq!((left(499, 20), left(500, 20), left(10_000, 20), left(10_000, 39)), (0, 1, 20, 1));
        // However much has arrived, the next pause is limited.
        assert_eq!(left(10_485_760, 0), 20);
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_answered() {
        let patience = Patience { grace: Duration::from_millis(500), rate: 500 };
        let router = Router::new().route("/", post(async |_: Bytes| "fine"));
        let router = router.layer(from_fn_with_state(patience, pace));
        let sent = async |stops: bool| {
            let piece = stream::iter([Ok::<_, io::Error>("time,species")]);
            let body = if stops { Body::from_stream(piece.chain(stream::pending())) } else { Body::from_stream(piece) };
            router.clone().oneshot(Request::post("/").body(body).unwrap()).await.unwrap()
        };
        assert_eq!(sent(false).await.status(), StatusCode::OK);
        let refused = sent(true).await;
        assert_eq!(
            (refused.status(), &refused.headers()[header::CONNECTION]),
            (StatusCode::REQUEST_TIMEOUT, &HeaderValue::from_static("close"))
        );
    }
}

//! The listening socket, hardened for the open internet: each client has a bounded share, and limited time to send a
//! request.

mod places;
mod stream;

use crate::metrics::CONNECTIONS_REFUSED;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
pub(crate) use places::{Places, Refusal};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stream::Placed;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long a new connection has to send the head of its first request. An honest client needs a round trip.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
/// How long a connection may be idle between requests, and how long the head of a later one may take. Load balancers
/// keep theirs open for 60 s, and if the server closed first, a request would fail now and then:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html>.
const IDLE: Duration = Duration::from_secs(75);
/// How long sent data may stay unacknowledged before the kernel drops the connection.
const UNREAD: Duration = Duration::from_secs(45);
/// The kernel's send buffer of one connection, in bytes; Linux doubles it for its own bookkeeping.
const SEND_BUFFER: usize = 128 * 1024;
/// How long to pause after accept fails, such as for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(200);
/// How many connections may wait to be accepted. The standard library's 128 is too few for a burst: some clients would
/// believe they are connected while nobody knows of them. The kernel caps it at `net.core.somaxconn`.
const WAITING: i32 = 4096;
/// The answer to a connection for which there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Lets more connections wait than a listener does by default.
pub(crate) fn make_room(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).listen(WAITING) {
        tracing::warn!(%error, "few connections can wait to be accepted");
    }
}

/// Serves until it is told to stop, and then until all requests in progress are answered.
pub(crate) async fn serve(listener: TcpListener, router: Router, places: Places, stopping: CancellationToken) {
    let open = TaskTracker::new();
    let places = Arc::new(places);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match places.take(peer.ip()) {
                Ok(place) => {
                    open.spawn(connection(Placed::new(stream, place), peer, router.clone(), stopping.clone()));
                }
                Err(refusal) => refuse(&stream, refusal, &places),
            },
            // The client has gone away.
            Err(error) if is_of_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(stream: Placed, peer: SocketAddr, router: Router, stopping: CancellationToken) {
    prepare(stream.tcp());
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let mut first = pin!(tokio::time::sleep(FIRST_REQUEST));
    let (mut is_first, mut is_stopping) = (true, false);
    let ended = loop {
        tokio::select! {
            ended = &mut served => break ended,
            () = &mut first, if is_first => {
                if !has_asked.load(Ordering::Relaxed) {
                    return tracing::debug!(%peer, "a connection sent no request within {FIRST_REQUEST:?}");
                }
                is_first = false;
            }
            () = stopping.cancelled(), if !is_stopping => {
                is_stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}

/// Small frames are sent at once, and a client that does not read ties up only this much of the kernel's memory, for so
/// long.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let prepared = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER))
        .and_then(|()| socket.set_tcp_user_timeout(Some(UNREAD)));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection could not be prepared");
    }
}

/// Says that there is no room, if the kernel can send it at once, and closes.
fn refuse(stream: &TcpStream, refusal: Refusal, places: &Places) {
    metrics::counter!(CONNECTIONS_REFUSED, "reason" => refusal.reason()).increment(1);
    if places.is_news() {
        tracing::warn!(reason = refusal.reason(), "connections are refused: {refusal}");
    }
    let _ = stream.try_write(NO_ROOM);
}

#[cfg(test)]
mod tests;

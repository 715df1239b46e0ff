//! Reading bodies, and reading away what nobody wants.
//!
//! A client that is answered while it still sends notices only when it has finished. If the connection were closed on
//! the rest of the body, the client would see a broken pipe in place of the reason.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::time::Duration;

/// How much of a refused body is read, in bytes; a client that sends more is cut off.
const MOST: usize = 64 * 1024 * 1024;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    TooLarge,
    Broken,
}

/// Reads a body of at most `limit` bytes; the rest of a larger one is read away.
pub(crate) async fn read_up_to(body: Body, limit: usize) -> Result<Bytes, Refused> {
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| Refused::Broken)?;
        if read.len() + piece.len() > limit {
            tokio::spawn(rest(stream));
            return Err(Refused::TooLarge);
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.freeze())
}

/// Reads a body to its end, within bounds, while the answer goes out.
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
    // Whichever way it ends, the connection is hyper's again.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}

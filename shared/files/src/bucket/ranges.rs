//! Reads an object in ranges.

use super::{Version, failed};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use bytes::{Buf, Bytes};
use engine::original::Rewind;
use std::io::{self, Read};
use std::time::Duration;
use table::retry::Backoff;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Bytes per request. They are passed on as they arrive: an object takes the memory of a few pieces, however long it
/// is.
const RANGE: u64 = 16 * 1024 * 1024;
/// Pieces that have arrived and are not read yet, of some ten kilobytes each.
const PIECES: usize = 64;
/// How long to retry after a connection has broken, or an object could not be reached.
const PATIENCE: Duration = Duration::from_secs(60);

/// An object, which can be read repeatedly.
pub(super) struct Ranges {
    object: Object,
    handle: Handle,
}

/// One version of an object, and no other.
#[derive(Clone)]
pub(super) struct Object {
    client: Client,
    bucket: String,
    key: String,
    version: Version,
}

impl Ranges {
    /// The bytes of an object.
    pub(super) fn of(object: Object) -> Self {
        Self { object, handle: Handle::current() }
    }
}

impl Rewind for Ranges {
    fn rewind(&mut self) -> io::Result<Box<dyn Read + '_>> {
        let (sender, coming) = mpsc::channel(PIECES);
        let object = self.object.clone();
        self.handle.spawn(async move {
            let result = object.send(&sender).await;
            if let Err(error) = result {
                // The reader is gone.
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Box::new(Coming { coming, piece: Bytes::new() }))
    }
}

impl Object {
    pub(super) fn new(client: Client, bucket: &str, key: String, version: Version) -> Self {
        Self { client, bucket: bucket.to_owned(), key, version }
    }

    /// Sends the object, piece by piece.
    async fn send(&self, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        let (mut sent, mut backoff) = (0, Backoff::default());
        loop {
            let from = sent;
            match self.send_range(&mut sent, sender).await {
                Ok(true) => return Ok(()),
                Ok(false) => backoff = Backoff::default(),
                Err(error) if is_passing(&error) => {
                    if sent > from {
                        backoff = Backoff::default();
                    }
                    if !backoff.wait(PATIENCE).await {
                        return Err(error);
                    }
                    tracing::warn!(%error, key = self.key, from = sent, "the rest of an object is requested again");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends the next range, and says whether it was the last or the reader is gone.
    async fn send_range(&self, sent: &mut u64, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<bool> {
        let Some(mut got) = self.range(*sent).await? else { return Ok(true) };
        let length = got.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let end = *sent + length;
        let all = got.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok()).unwrap_or(end);
        while let Some(piece) = got.body.next().await {
            let piece = piece.map_err(io::Error::other)?;
            *sent += piece.len() as u64;
            // The reader is gone.
            if sender.send(Ok(piece)).await.is_err() {
                return Ok(true);
            }
        }
        if *sent != end {
            return Err(io::Error::other(format!("{} bytes are missing of {length}", end.saturating_sub(*sent))));
        }
        Ok(length == 0 || *sent >= all)
    }

    /// Requests a range; `None` at the end of the object.
    async fn range(&self, from: u64) -> io::Result<Option<GetObjectOutput>> {
        let range = format!("bytes={from}-{}", from + RANGE - 1);
        let request = self.client.get_object().bucket(&self.bucket).key(&self.key).range(range);
        let request = request.if_match(&self.version.etag).set_version_id(self.version.id.clone());
        match request.send().await {
            Ok(got) => Ok(Some(got)),
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                let is_gone = matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_)));
                match status {
                    // An empty object has no range.
                    Some(416) => Ok(None),
                    Some(412) => {
                        Err(lasting(io::ErrorKind::ResourceBusy, "the object was overwritten while it was read"))
                    }
                    Some(404) | None if is_gone => Err(lasting(io::ErrorKind::NotFound, "the object is gone")),
                    Some(403 | 404) => Err(lasting(io::ErrorKind::PermissionDenied, &failed(error).to_string())),
                    _ => Err(failed(error)),
                }
            }
        }
    }
}

fn lasting(kind: io::ErrorKind, text: &str) -> io::Error {
    io::Error::new(kind, text.to_owned())
}

fn is_passing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other
}

/// Bytes from a task.
struct Coming {
    coming: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Coming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.coming.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                None => return Ok(0),
                Some(Err(error)) => return Err(error),
            }
        }
        let read = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}

//! Reading an object in ranges.

use super::{Version, failed};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use bytes::{Buf, Bytes};
use engine::original::Rewind;
use std::io::{self, Read};
use std::time::Duration;
use table::retry::Backoff;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Bytes asked for at once. One range is read while the next one comes: three are held at most.
const RANGE: u64 = 8 * 1024 * 1024;
/// How long a range is asked for again: connections break, and a long object is not begun anew for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// An object, as often as it is needed.
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
        let (sender, coming) = mpsc::channel(1);
        let object = self.object.clone();
        self.handle.spawn(async move {
            let result = object.send(&sender).await;
            if let Err(error) = result {
                // Nobody is there who would want to know.
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Box::new(Coming { coming, range: Bytes::new() }))
    }
}

impl Object {
    pub(super) fn new(client: Client, bucket: &str, key: String, version: Version) -> Self {
        Self { client, bucket: bucket.to_owned(), key, version }
    }

    /// Sends the object, range by range.
    async fn send(&self, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        let mut from = 0;
        loop {
            let (range, all) = self.range_patiently(from).await?;
            from += range.len() as u64;
            let is_over = range.is_empty() || from >= all;
            // Whoever has read has enough.
            if sender.send(Ok(range)).await.is_err() || is_over {
                return Ok(());
            }
        }
    }

    async fn range_patiently(&self, from: u64) -> io::Result<(Bytes, u64)> {
        let mut backoff = Backoff::default();
        loop {
            match self.range(from).await {
                Err(error) if is_passing(&error) && backoff.wait(PATIENCE).await => {
                    tracing::warn!(%error, key = self.key, from, "a part of an object is asked for again");
                }
                done => return done,
            }
        }
    }

    /// A range of the object, and how long the object is.
    async fn range(&self, from: u64) -> io::Result<(Bytes, u64)> {
        let range = format!("bytes={from}-{}", from + RANGE - 1);
        let request = self.client.get_object().bucket(&self.bucket).key(&self.key).range(range);
        let request = request.if_match(&self.version.etag).set_version_id(self.version.id.clone());
        let got = match request.send().await {
            Ok(got) => got,
            Err(error) => {
                let status = error.raw_response().map(|response| response.status().as_u16());
                let is_gone = matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_)));
                return match status {
                    // An empty object has no range.
                    Some(416) => Ok((Bytes::new(), from)),
                    Some(412) => {
                        Err(lasting(io::ErrorKind::ResourceBusy, "the object was overwritten while it was read"))
                    }
                    Some(404) | None if is_gone => Err(lasting(io::ErrorKind::NotFound, "the object is gone")),
                    Some(403 | 404) => Err(lasting(io::ErrorKind::PermissionDenied, &failed(error).to_string())),
                    _ => Err(failed(error)),
                };
            }
        };
        let length = got.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let all = got.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok()).unwrap_or(from + length);
        let bytes = got.body.collect().await.map_err(io::Error::other)?.into_bytes();
        if bytes.len() as u64 != length {
            return Err(io::Error::other(format!("{} of {length} bytes came", bytes.len())));
        }
        Ok((bytes, all))
    }
}

fn lasting(kind: io::ErrorKind, text: &str) -> io::Error {
    io::Error::new(kind, text.to_owned())
}

fn is_passing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other
}

/// Bytes that come from a task.
struct Coming {
    coming: mpsc::Receiver<io::Result<Bytes>>,
    range: Bytes,
}

impl Read for Coming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.range.is_empty() {
            match self.coming.blocking_recv() {
                Some(Ok(range)) if !range.is_empty() => self.range = range,
                Some(Ok(_)) | None => return Ok(0),
                Some(Err(error)) => return Err(error),
            }
        }
        let read = buffer.len().min(self.range.len());
        self.range.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}

//! Receives bodies and writes them to disk.

use super::bucket::{Bucket, trouble};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use s3s::crypto::{Checksum, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use std::error::Error;
use std::io;
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

const BUFFER: usize = 256 * 1024;
/// The most that one request may send, as in AWS.
const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// A file that is removed unless it is kept.
#[derive(Debug)]
pub(super) struct Fresh {
    name: String,
    path: PathBuf,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
}

/// A client's claims about a body, which are checked.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) length: Option<i64>,
    pub(super) md5: Option<String>,
}

impl Fresh {
    /// A file that was written by other means.
    pub(super) fn new(name: String, path: PathBuf, size: u64) -> Self {
        Self { name, path, size, md5: [0; 16] }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn keep(mut self) {
        self.path.clear();
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty()
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %self.path.display(), "a file of a failed upload could not be removed");
        }
    }
}

impl Bucket {
    /// Writes a body to a new file of the bucket.
    pub(super) async fn receive(&self, body: Option<StreamingBlob>, claims: &Claims) -> S3Result<Fresh> {
        let (name, path) = self.fresh();
        receive(name, path, body, claims).await
    }
}

/// Writes a body to a file.
pub(super) async fn receive(
    name: String,
    path: PathBuf,
    body: Option<StreamingBlob>,
    claims: &Claims,
) -> S3Result<Fresh> {
    let file = File::create(&path).await.map_err(|error| trouble(&error))?;
    let mut fresh = Fresh::new(name, path, 0);
    let (mut file, mut md5) = (BufWriter::with_capacity(BUFFER, file), Md5::new());
    let mut body = body;
    while let Some(piece) = match &mut body {
        Some(body) => body.next().await,
        None => None,
    } {
        let piece = piece.map_err(broken)?;
        fresh.size += piece.len() as u64;
        if fresh.size > LARGEST {
            return Err(s3_error!(EntityTooLarge, "one request brings 5 GB at most"));
        }
        md5.update(&piece);
        file.write_all(&piece).await.map_err(|error| trouble(&error))?;
    }
    file.flush().await.map_err(|error| trouble(&error))?;
    fresh.md5 = md5.finalize();
    let short = claims.length.is_some_and(|length| u64::try_from(length).ok() != Some(fresh.size));
    if short {
        return Err(s3_error!(IncompleteBody, "the body is not as long as Content-Length says"));
    }
    if claims.md5.as_ref().is_some_and(|claim| *claim != STANDARD.encode(fresh.md5)) {
        return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
    }
    Ok(fresh)
}

/// Why a body was incomplete.
fn broken(error: StdError) -> S3Error {
    let mut causes = std::iter::successors(Some(&*error as &(dyn Error + 'static)), |cause| (*cause).source());
    let is_late = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    };
    if causes.any(is_late) {
        let message = "Your socket connection to the server was not read from or written to within the timeout period.";
        return s3_error!(RequestTimeout, "{message}");
    }
    S3Error::with_source(S3ErrorCode::IncompleteBody, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::stream;

    #[tokio::test]
    async fn a_body_that_ends_too_early_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let codes = [(io::ErrorKind::TimedOut, "RequestTimeout"), (io::ErrorKind::UnexpectedEof, "IncompleteBody")];
        for (kind, code) in codes {
            for is_chunked in [false, true] {
                let body = Body::from_stream(stream::iter([Err::<bytes::Bytes, _>(io::Error::from(kind))]));
                let body = if is_chunked { crate::s3::chunked::decoded(body) } else { body };
                let blob = StreamingBlob::from(s3s::Body::http_body_unsync(body));
                let path = folder.path().join("a");
                let received = receive("a".to_owned(), path, Some(blob), &Claims::default()).await;
                assert_eq!(received.unwrap_err().code().as_str(), code, "{is_chunked}");
            }
        }
    }
}

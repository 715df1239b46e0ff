//! Taking a body in before anything is decided about it.

use async_compression::tokio::bufread::GzipDecoder;
use sha2::{Digest, Sha256};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use tempfile::SpooledTempFile;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, BufReader};

/// Bodies up to this size stay in memory, longer ones go to a temporary file.
const IN_MEMORY: usize = 1024 * 1024;

/// A body that has been taken in whole.
#[derive(Debug)]
pub struct Spooled {
    file: SpooledTempFile,
    /// SHA-256 of the decompressed bytes, in hex.
    pub digest: String,
    /// Decompressed size.
    pub bytes: u64,
}

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// More bytes than allowed, counted after decompression.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The compressed stream is damaged or ends early.
    #[error("the gzip stream is damaged: {0}")]
    Gzip(std::io::Error),
    /// The client stopped sending, or the disk is full.
    #[error("the body cannot be taken in: {0}")]
    Io(#[from] std::io::Error),
}

impl Spooled {
    /// Takes in `body`, which is gzip if `gzip` says so; temporary files go to `directory`.
    pub async fn take<B>(body: B, gzip: bool, limit: u64, directory: &Path) -> Result<Self, SpoolError>
    where
        B: AsyncBufRead + Unpin + Send,
    {
        if gzip {
            let mut decoder = GzipDecoder::new(body);
            // A .csv.gz may be several gzip members in a row, as `cat a.gz b.gz` makes it.
            decoder.multiple_members(true);
            Self::copy(BufReader::with_capacity(64 * 1024, decoder), limit, directory).await.map_err(
                |error| match error {
                    SpoolError::Io(io) => SpoolError::Gzip(io),
                    other => other,
                },
            )
        } else {
            Self::copy(body, limit, directory).await
        }
    }

    async fn copy<B: AsyncRead + Unpin>(mut body: B, limit: u64, directory: &Path) -> Result<Self, SpoolError> {
        let mut file = tempfile::spooled_tempfile_in(IN_MEMORY, directory);
        let (mut hash, mut bytes) = (Sha256::new(), 0u64);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = body.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            if bytes > limit {
                return Err(SpoolError::TooLarge { limit });
            }
            hash.update(&buffer[..read]);
            file.write_all(&buffer[..read])?;
        }
        Ok(Self { file, digest: hex::encode(hash.finalize()), bytes })
    }

    /// Nothing, to stand in for a body that is being read elsewhere.
    pub(super) fn empty() -> Self {
        Self { file: SpooledTempFile::new(0), digest: String::new(), bytes: 0 }
    }

    /// The bytes from the start.
    pub fn rewind(&mut self) -> std::io::Result<impl Read + '_> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(&mut self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(body: &[u8], gzip: bool, limit: u64) -> Result<(Vec<u8>, String), SpoolError> {
        let mut spooled = Spooled::take(body, gzip, limit, &std::env::temp_dir()).await?;
        let mut bytes = Vec::new();
        spooled.rewind()?.read_to_end(&mut bytes)?;
        assert_eq!(spooled.bytes, bytes.len() as u64);
        Ok((bytes, spooled.digest))
    }

    #[tokio::test]
    async fn the_limit_holds_on_both_sides() {
        assert!(take(&[b'x'; 100], false, 100).await.is_ok());
        assert!(matches!(take(&[b'x'; 101], false, 100).await, Err(SpoolError::TooLarge { limit: 100 })));
    }

    #[tokio::test]
    async fn gzip_counts_after_decompression_and_may_be_damaged() {
        let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(&[b'x'; 5000][..]);
        let mut packed = Vec::new();
        encoder.read_to_end(&mut packed).await.unwrap();
        assert_eq!(take(&packed, true, 5000).await.unwrap(), take(&[b'x'; 5000], false, 5000).await.unwrap());
        assert!(matches!(take(&packed, true, 4999).await, Err(SpoolError::TooLarge { .. })));
        assert!(matches!(take(&packed[..packed.len() - 9], true, 5000).await, Err(SpoolError::Gzip(_))));
        assert!(matches!(take(b"time,species", true, 5000).await, Err(SpoolError::Gzip(_))));
        let twice = [packed.clone(), packed].concat();
        assert_eq!(take(&twice, true, 10_000).await.unwrap().0.len(), 10_000);
    }

    #[tokio::test]
    async fn long_bodies_go_to_disk_unchanged() {
        let body: Vec<u8> = (0..3 * IN_MEMORY).map(|i| (i % 251) as u8).collect();
        assert_eq!(take(&body, false, u64::MAX).await.unwrap().0, body);
    }
}

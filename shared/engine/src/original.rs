//! The bytes of a file, as often as they are needed: it is read once for its digest, once or more to detect its format,
//! and once to be stored.

use async_compression::tokio::bufread::GzipDecoder;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;
use tempfile::SpooledTempFile;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt};

/// Bodies up to this size stay in memory, larger ones go to a temporary file.
const IN_MEMORY: usize = 1024 * 1024;
/// The size of the read buffer.
const BUFFER: usize = 64 * 1024;
/// The first bytes of gzip, whatever the file's name.
pub const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes that can be read repeatedly. Reading happens on a thread that may block.
pub trait Rewind: Send + Sync {
    /// The bytes from the start.
    fn rewind(&mut self) -> io::Result<Box<dyn Read + '_>>;
}

/// The bytes of a complete file.
pub struct Original {
    bytes_of: Box<dyn Rewind>,
    /// SHA-256 of the decompressed bytes, in hex.
    pub digest: String,
    /// Decompressed size.
    pub bytes: u64,
}

/// Why a file's bytes were refused.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// More bytes than allowed, counted after decompression.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The compressed stream is damaged or ends early.
    #[error("the gzip stream is damaged: {0}")]
    Gzip(io::Error),
    /// The time was over before everything was read.
    #[error("the file is not read yet; the next attempt resumes")]
    Paused,
    /// The client stopped sending, the disk is full, or the file's storage does not answer.
    #[error("the body cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Original {
    /// Spools `body`, which is gzip if `gzip` says so; temporary files go to `directory`.
    pub async fn spooled<B>(body: B, gzip: bool, limit: u64, directory: &Path) -> Result<Self, OriginalError>
    where
        B: AsyncBufRead + Unpin + Send,
    {
        if gzip {
            let mut decoder = GzipDecoder::new(body);
            // A .csv.gz may have several gzip members, as `cat a.gz b.gz` creates it.
            decoder.multiple_members(true);
            let body = tokio::io::BufReader::with_capacity(BUFFER, decoder);
            Self::spool(body, limit, directory).await.map_err(|error| match error {
                OriginalError::Io(error) => of_gzip(error),
                other => other,
            })
        } else {
            Self::spool(body, limit, directory).await
        }
    }

    async fn spool<B: AsyncRead + Unpin>(mut body: B, limit: u64, directory: &Path) -> Result<Self, OriginalError> {
        let mut file = tempfile::spooled_tempfile_in(IN_MEMORY, directory);
        let mut sum = Sum::new(limit);
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = body.read(&mut buffer).await?;
            if read == 0 {
                return Ok(sum.of(Box::new(file)));
            }
            sum.add(&buffer[..read])?;
            file.write_all(&buffer[..read])?;
        }
    }

    /// Bytes that stay where they are; the first two show whether they are gzip. Reads all of them, on a thread that
    /// may block.
    pub fn in_place(packed: Box<dyn Rewind>, limit: u64, until: Option<Instant>) -> Result<Self, OriginalError> {
        let mut unpacked = Unpacked(packed);
        let mut sum = Sum::new(limit);
        let mut buffer = vec![0; BUFFER];
        let mut bytes = unpacked.rewind()?;
        loop {
            let read = bytes.read(&mut buffer).map_err(of_gzip)?;
            if read == 0 {
                break;
            }
            sum.add(&buffer[..read])?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(OriginalError::Paused);
            }
        }
        drop(bytes);
        Ok(sum.of(Box::new(unpacked)))
    }

    /// The bytes from the start.
    pub fn rewind(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.bytes_of.rewind()
    }
}

/// Classifies an error while reading gzip: the decoder's own errors concern the file, those of the disk or the
/// connection do not.
fn of_gzip(error: io::Error) -> OriginalError {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            if error.raw_os_error().is_none() =>
        {
            OriginalError::Gzip(error)
        }
        _ => OriginalError::Io(error),
    }
}

/// The digest and the size of what was read.
struct Sum {
    limit: u64,
    hash: Sha256,
    bytes: u64,
}

impl Sum {
    fn new(limit: u64) -> Self {
        Self { limit, hash: Sha256::new(), bytes: 0 }
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), OriginalError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limit {
            return Err(OriginalError::TooLarge { limit: self.limit });
        }
        self.hash.update(bytes);
        Ok(())
    }

    fn of(self, bytes_of: Box<dyn Rewind>) -> Original {
        Original { bytes_of, digest: hex::encode(self.hash.finalize()), bytes: self.bytes }
    }
}

impl Rewind for SpooledTempFile {
    fn rewind(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.seek(SeekFrom::Start(0))?;
        Ok(Box::new(self))
    }
}

/// Decompressed bytes.
struct Unpacked(Box<dyn Rewind>);

impl Rewind for Unpacked {
    fn rewind(&mut self) -> io::Result<Box<dyn Read + '_>> {
        let mut bytes = BufReader::with_capacity(BUFFER, self.0.rewind()?);
        let is_gzip = bytes.fill_buf()?.starts_with(&GZIP);
        Ok(if is_gzip { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::discriminant;

    /// Spooled and in place, which must give the same.
    async fn take(body: &[u8], gzip: bool, limit: u64) -> Result<(Vec<u8>, String), OriginalError> {
        let spooled = all_of(Original::spooled(body, gzip, limit, &std::env::temp_dir()).await);
        if gzip == body.starts_with(&GZIP) {
            let in_place = all_of(Original::in_place(Box::new(Kept(body.to_vec())), limit, None));
            match (&spooled, &in_place) {
                (Ok(spooled), Ok(in_place)) => assert_eq!(spooled, in_place),
                // Two decoders, which describe the same damage in their own words.
                (Err(spooled), Err(in_place)) => assert_eq!(discriminant(spooled), discriminant(in_place)),
                _ => panic!("{spooled:?} is not {in_place:?}"),
            }
        }
        spooled
    }

    fn all_of(original: Result<Original, OriginalError>) -> Result<(Vec<u8>, String), OriginalError> {
        let mut original = original?;
        let mut bytes = Vec::new();
        for _ in 0..2 {
            bytes.clear();
            original.rewind()?.read_to_end(&mut bytes)?;
        }
        assert_eq!(original.bytes, bytes.len() as u64);
        Ok((bytes, original.digest))
    }

    struct Kept(Vec<u8>);

    impl Rewind for Kept {
        fn rewind(&mut self) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(&self.0[..]))
        }
    }

    #[tokio::test]
    async fn the_limit_holds_on_both_sides() {
        assert!(take(&[b'x'; 100], false, 100).await.is_ok());
        assert!(matches!(take(&[b'x'; 101], false, 100).await, Err(OriginalError::TooLarge { limit: 100 })));
    }

    #[tokio::test]
    async fn gzip_counts_after_decompression_and_may_be_damaged() {
        let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(&[b'x'; 5000][..]);
        let mut packed = Vec::new();
        encoder.read_to_end(&mut packed).await.unwrap();
        assert_eq!(take(&packed, true, 5000).await.unwrap(), take(&[b'x'; 5000], false, 5000).await.unwrap());
        assert!(matches!(take(&packed, true, 4999).await, Err(OriginalError::TooLarge { .. })));
        assert!(matches!(take(&packed[..packed.len() - 9], true, 5000).await, Err(OriginalError::Gzip(_))));
        assert!(matches!(take(b"time,species", true, 5000).await, Err(OriginalError::Gzip(_))));
        let twice = [packed.clone(), packed].concat();
        assert_eq!(take(&twice, true, 10_000).await.unwrap().0.len(), 10_000);
    }

    /// A connection that breaks, or a disk that is full, is not a damaged file.
    #[tokio::test]
    async fn what_is_not_of_the_file_is_not_said_of_it() {
        let mut packed = Vec::new();
        let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(&[b'x'; 5000][..]);
        encoder.read_to_end(&mut packed).await.unwrap();
        let reset = async { Err::<&[u8], _>(io::Error::from(io::ErrorKind::ConnectionReset)) };
        let rest = tokio_util::io::StreamReader::new(futures_util::stream::once(reset));
        let broken = AsyncReadExt::chain(&packed[..20], rest);
        let spooled = Original::spooled(std::pin::pin!(broken), true, 5000, &std::env::temp_dir()).await;
        assert!(matches!(spooled, Err(OriginalError::Io(_))));
    }

    #[tokio::test]
    async fn long_bodies_go_to_disk_unchanged() {
        let body: Vec<u8> = (0..3 * IN_MEMORY).map(|i| (i % 251) as u8).collect();
        assert_eq!(take(&body, false, u64::MAX).await.unwrap().0, body);
    }
}

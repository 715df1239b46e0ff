//! `aws-chunked` bodies: chunks with their sizes, and signatures or checksums, which are not verified.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use std::io::{Error, ErrorKind};

/// The line with a chunk's size and signature is shorter than this.
const LONGEST_LINE: usize = 8 * 1024;

/// The decoded content of a chunked body.
pub(super) fn decoded(body: Body) -> Body {
    let chunks = Chunks { source: body.into_data_stream(), buffer: BytesMut::new(), left: 0 };
    Body::from_stream(stream::try_unfold(chunks, Chunks::next))
}

struct Chunks {
    source: BodyDataStream,
    buffer: BytesMut,
    /// The bytes left of the current chunk.
    left: usize,
}

impl Chunks {
    async fn next(mut self) -> std::io::Result<Option<(Bytes, Self)>> {
        if self.left == 0 {
            let line = self.line().await?;
            let size = line[..].split(|byte| *byte == b';').next().unwrap_or_default();
            let size = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
            self.left = size.ok_or_else(|| malformed("a chunk has no size"))?;
            if self.left == 0 {
                // Checksums follow.
                while let Some(Ok(_)) = self.source.next().await {}
                return Ok(None);
            }
        }
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        let piece = self.buffer.split_to(self.left.min(self.buffer.len())).freeze();
        self.left -= piece.len();
        if self.left == 0 && !self.line().await?.is_empty() {
            return Err(malformed("a chunk is longer than its size"));
        }
        Ok(Some((piece, self)))
    }

    /// A line without its end.
    async fn line(&mut self) -> std::io::Result<BytesMut> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let mut line = self.buffer.split_to(end + 2);
                line.truncate(end);
                return Ok(line);
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(malformed("a chunk has no size"));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> std::io::Result<()> {
        let piece = self.source.next().await.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
        self.buffer.extend_from_slice(&piece.map_err(Error::other)?);
        Ok(())
    }
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn read(text: &'static str, at_once: usize) -> Option<Bytes> {
        let pieces = text.as_bytes().chunks(at_once).map(|piece| Ok::<_, Error>(Bytes::from_static(piece)));
        to_bytes(decoded(Body::from_stream(stream::iter(pieces))), usize::MAX).await.ok()
    }

    #[tokio::test]
    async fn pieces_are_put_together_however_they_arrive() {
        let signed = "4;chunk-signature=ab\r\na\r\nb\r\n1;chunk-signature=cd\r\nc\r\n0;chunk-signature=ef\r\n\r\n";
        let with_checksum = "5\r\na\r\nbc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for at_once in [1, 2, 3, 7, 1000] {
            for text in [signed, with_checksum] {
                assert_eq!(read(text, at_once).await.as_deref(), Some(&b"a\r\nbc"[..]), "{at_once}");
            }
            assert_eq!(read("0\r\n\r\n", at_once).await.as_deref(), Some(&b""[..]));
            for cut in ["", "4\r\nabc", "4\r\nabcdef\r\n", "x\r\n", "2\r\nab\r\n"] {
                assert_eq!(read(cut, at_once).await, None, "{cut}");
            }
        }
    }
}

//! A cheap subscriber: it inspects frames in the read buffer without turning them into messages.
//!
//! A thousand of them share two cores with the server under measurement, so the clients must not dominate. A server's
//! frames are not masked (RFC 6455, 5.1).

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connected subscriber.
#[derive(Debug)]
pub struct Tap {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Tap {
    /// Connects to a path of a server at `address`.
    pub async fn connect(address: &str, path: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut tap = Self { stream, buffer: vec![0; 64 * 1024], filled: 0 };
        let head = loop {
            ensure!(tap.fill().await?, "the server has closed the connection");
            let end = tap.buffer[..tap.filled].windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
        };
        ensure!(tap.buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&tap.buffer[..head]));
        tap.consume(head);
        // Any message ends the wait for a subscription; a masked ping of zeros is the smallest.
        tap.stream.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await?;
        Ok(tap)
    }

    /// Reads once and passes each text frame to `take`. `false` when the connection has ended.
    pub async fn read(&mut self, mut take: impl FnMut(&[u8])) -> anyhow::Result<bool> {
        if !self.fill().await? {
            return Ok(false);
        }
        let mut start = 0;
        while let Some((opcode, payload)) = frame(&self.buffer[start..self.filled]) {
            let end = start + payload.end;
            match opcode {
                1 => take(&self.buffer[start + payload.start..end]),
                8 => return Ok(false),
                _ => {}
            }
            start = end;
        }
        self.consume(start);
        Ok(true)
    }

    async fn fill(&mut self) -> anyhow::Result<bool> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.filled, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..]).await.context("reading")?;
        self.filled += read;
        Ok(read > 0)
    }

    fn consume(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

/// The opcode of the first frame and the range of its payload, if it is complete.
fn frame(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
    let (length, head) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    (bytes.len() >= head + length).then_some((first & 0x0f, head..head + length))
}

/// The integer after `"name":` in a frame.
pub fn number(frame: &[u8], name: &str) -> Option<u64> {
    let at = frame
        .windows(name.len() + 3)
        .position(|bytes| bytes[0] == b'"' && &bytes[1..=name.len()] == name.as_bytes() && bytes.ends_with(b"\":"))?;
    let digits = frame[at + name.len() + 3..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The value below which a share of sorted values lies.
pub fn quantile(sorted: &[u64], share: f64) -> u64 {
    let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

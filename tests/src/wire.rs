//! A WebSocket client that writes any frames, right or wrong, without a WebSocket library: tests of the protocol need
//! what a library would not send, or would correct.

use crate::PATIENCE;
use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The example of RFC 6455, section 1.3, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A frame to write.
#[derive(Debug, Clone)]
pub struct Frame {
    first: u8,
    payload: Vec<u8>,
    masked: bool,
}

impl Frame {
    /// The last frame of its message.
    pub fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { first: 0x80 | opcode, payload: payload.into(), masked: true }
    }

    /// A close frame with a code and a reason.
    pub fn close(code: u16, reason: &[u8]) -> Self {
        Self::new(CLOSE, [&code.to_be_bytes(), reason].concat())
    }

    /// The same, followed by others of its message.
    #[must_use]
    pub fn more(mut self) -> Self {
        self.first &= 0x7f;
        self
    }

    /// The same with these reserved bits.
    #[must_use]
    pub fn reserved(mut self, bits: u8) -> Self {
        self.first |= bits << 4;
        self
    }

    /// The same without a mask, which clients must not send.
    #[must_use]
    pub fn unmasked(mut self) -> Self {
        self.masked = false;
        self
    }

    /// The same as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let (length, mask_bit) = (self.payload.len(), if self.masked { 0x80 } else { 0 });
        let mut bytes = vec![self.first];
        match length {
            0..126 => bytes.push(mask_bit | length as u8),
            126..65536 => {
                bytes.push(mask_bit | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        if !self.masked {
            bytes.extend_from_slice(&self.payload);
            return bytes;
        }
        bytes.extend_from_slice(&MASK);
        bytes.extend(self.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

/// What a server has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A text message.
    Text(String),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame with its code, if it has one.
    Close(Option<u16>),
    /// The end of the connection.
    End,
}

/// A connection that has been upgraded.
#[derive(Debug)]
pub struct Wire {
    writer: OwnedWriteHalf,
    seen: mpsc::UnboundedReceiver<Seen>,
    reader: JoinHandle<anyhow::Result<()>>,
    /// The server's answer to the upgrade, in lower case.
    pub head: String,
}

impl Wire {
    /// Requests an upgrade, with more header lines; or returns the status of the refusal.
    pub async fn connect(url: &str, lines: &[(&str, &str)]) -> anyhow::Result<Result<Self, u16>> {
        let rest = url.strip_prefix("ws://").context("ws:// is expected")?;
        let (address, path) = rest.split_once('/').context("a path is expected")?;
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let more: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.context("no answer to the upgrade")??);
        }
        let head = String::from_utf8(head)?;
        let status: u16 = head.split(' ').nth(1).context("a status is expected")?.parse()?;
        if status != 101 {
            return Ok(Err(status));
        }
        ensure!(head.contains(ACCEPT), "{head}");
        let (reader, writer) = stream.into_split();
        let (sender, seen) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            let mut reader = tokio::io::BufReader::new(reader);
            loop {
                match read(&mut reader).await {
                    Ok(None) => {}
                    Ok(Some(frame)) => drop(sender.send(frame)),
                    Err(error) if error.is::<std::io::Error>() => {
                        // However it ends, everything before has been read.
                        drop(sender.send(Seen::End));
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
            }
        });
        Ok(Ok(Self { writer, seen, reader, head: head.to_lowercase() }))
    }

    /// Writes raw bytes. The server may have closed the connection meanwhile: what it sent shows that.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.writer.write_all(bytes).await;
    }

    /// The next thing that the server sends.
    pub async fn next(&mut self) -> anyhow::Result<Seen> {
        match timeout(PATIENCE, self.seen.recv()).await.context("nothing comes")? {
            Some(seen) => Ok(seen),
            None => match (&mut self.reader).await? {
                Err(error) => Err(error),
                Ok(()) => bail!("the connection has ended"),
            },
        }
    }
}

/// Reads a frame of a server: it must be complete, unmasked, and without reserved bits. Pings are skipped.
async fn read(reader: &mut (impl AsyncReadExt + Unpin)) -> anyhow::Result<Option<Seen>> {
    let (first, second) = (reader.read_u8().await?, reader.read_u8().await?);
    let length = match second {
        0..126 => usize::from(second),
        126 => usize::from(reader.read_u16().await?),
        127 => usize::try_from(reader.read_u64().await?)?,
        _ => bail!("a frame of a server is masked"),
    };
    ensure!(first & 0xf0 == 0x80, "a frame of a server begins with {first:#x}");
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).await?;
    Ok(Some(match first & 0xf {
        TEXT => Seen::Text(String::from_utf8(payload)?),
        PONG => Seen::Pong(payload),
        PING => return Ok(None),
        CLOSE if payload.is_empty() => Seen::Close(None),
        CLOSE => {
            let (code, reason) = payload.split_first_chunk().context("a close frame with one byte")?;
            ensure!(std::str::from_utf8(reason).is_ok(), "a reason is UTF-8");
            Seen::Close(Some(u16::from_be_bytes(*code)))
        }
        other => bail!("a server sends the opcode {other}"),
    }))
}

//! A WebSocket client.

use crate::PATIENCE;
use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The longest frame that API Gateway accepts.
const MAX_FRAME: usize = 32 * 1024;

/// A connected client.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Further events of a message that contained several.
    read: VecDeque<Value>,
}

impl Socket {
    /// Connects without headers of its own.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        Self::connect_with(url, &[]).await.map_err(|status| anyhow::anyhow!("{url}: {status}"))
    }

    /// Connects with headers, or returns the status of the refusal.
    pub async fn connect_with(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = url.into_client_request().expect("tests know how URLs are written");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("tests send valid headers"));
        }
        match tokio::time::timeout(PATIENCE, tokio_tungstenite::connect_async(request)).await {
            Ok(Ok((stream, _))) => Ok(Self { stream, read: VecDeque::new() }),
            Ok(Err(Error::Http(response))) => Err(response.status().as_u16()),
            Ok(Err(_)) | Err(_) => Err(0),
        }
    }

    /// Connects and waits until the connection is known to receive events.
    pub async fn ready(url: &str) -> anyhow::Result<Self> {
        let mut socket = Self::connect(url).await?;
        socket.barrier().await?;
        Ok(socket)
    }

    /// Waits until everything sent before has been handled. Fails if an event arrives in between.
    pub async fn barrier(&mut self) -> anyhow::Result<()> {
        self.send(&json!({"type": "ping"})).await?;
        let answer = self.next().await?;
        anyhow::ensure!(answer["type"] == "pong", "a pong is expected: {answer}");
        Ok(())
    }

    /// Sends JSON.
    pub async fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        self.send_raw(Message::text(message.to_string())).await
    }

    /// Sends anything; a long text in several frames, as API Gateway requires.
    pub async fn send_raw(&mut self, message: Message) -> anyhow::Result<()> {
        let long = match &message {
            Message::Text(text) if text.len() > MAX_FRAME => text.as_bytes().to_vec(),
            _ => return Ok(self.stream.send(message).await?),
        };
        let parts: Vec<_> = long.chunks(MAX_FRAME).collect();
        for (index, part) in parts.iter().enumerate() {
            let kind = if index == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(kind), index + 1 == parts.len());
            self.stream.send(Message::Frame(frame)).await?;
        }
        Ok(())
    }

    /// Publishes a reading.
    pub async fn publish(&mut self, time: f64, species: &str, value: f64) -> anyhow::Result<()> {
        self.send(&json!({"time": time, "species": species, "concentration": value})).await
    }

    /// The next frame.
    pub async fn next(&mut self) -> anyhow::Result<Value> {
        self.next_within(PATIENCE).await?.context("no frame in time")
    }

    /// The next frame, or `None` if none comes in time.
    pub async fn next_within(&mut self, patience: Duration) -> anyhow::Result<Option<Value>> {
        loop {
            if let Some(frame) = self.read.pop_front() {
                return Ok(Some(frame));
            }
            match tokio::time::timeout(patience, self.stream.next()).await {
                Err(_) => return Ok(None),
                Ok(Some(Ok(Message::Text(text)))) => self.read.extend(frames(&text)?),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                Ok(other) => bail!("a frame is expected, not {other:?}"),
            }
        }
    }

    /// The next frame of a type; others are skipped.
    pub async fn next_of(&mut self, kind: &str) -> anyhow::Result<Value> {
        loop {
            let frame = self.next().await?;
            if frame["type"] == kind {
                return Ok(frame);
            }
        }
    }

    /// Reads until the server closes: the reason, and the frames before.
    pub async fn closed(&mut self) -> anyhow::Result<(Option<CloseFrame>, Vec<Value>)> {
        let mut before = Vec::from(std::mem::take(&mut self.read));
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next()).await.context("not closed in time")? {
                Some(Ok(Message::Text(text))) => before.extend(frames(&text)?),
                Some(Ok(Message::Close(frame))) => return Ok((frame, before)),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Ok((None, before)),
            }
        }
    }

    /// Closes with a handshake.
    pub async fn close(mut self) -> anyhow::Result<()> {
        Ok(self.stream.close(None).await?)
    }
}

/// The events of a message: a JSON array has several.
fn frames(text: &str) -> anyhow::Result<Vec<Value>> {
    Ok(match serde_json::from_str(text)? {
        Value::Array(several) => several,
        one => vec![one],
    })
}

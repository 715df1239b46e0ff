//! Where readings are sent.

use super::Simulate;
use super::plant::Reading;
use crate::remote::socket::{self, Socket};
use crate::remote::{Asked, Remote, encoded};
use anyhow::{Context, bail};
use axum::http::Method;
use bytes::Bytes;
use domain::time::{self, DAY};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

const HEADER: &str = "time,parameter,value,unit,qualifier\n";
/// How long the answer to the last reading may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The destination of readings.
pub(super) enum Target {
    /// A file, or standard output.
    File(Box<dyn Write + Send>),
    /// A server that receives a file for each day.
    Days { remote: Box<Remote>, site: String, day: i64, rows: String },
    /// A server that receives readings one by one.
    Live(Box<Socket>),
}

impl Target {
    pub(super) async fn open(options: &Simulate) -> anyhow::Result<Self> {
        let site = options.site.clone();
        if options.live {
            let socket =
                socket::connect(&options.address, &format!("/ws/effluent?{}", encoded(&[("site", &site)]))).await?;
            return Ok(Self::Live(Box::new(socket)));
        }
        if options.post {
            let remote = Box::new(Remote::new(&options.address)?);
            return Ok(Self::Days { remote, site, day: i64::MIN, rows: String::new() });
        }
        let mut file: Box<dyn Write + Send> = if options.out == Path::new("-") {
            Box::new(BufWriter::new(std::io::stdout()))
        } else {
            let file = File::create(&options.out);
            Box::new(BufWriter::new(file.with_context(|| format!("{} cannot be written", options.out.display()))?))
        };
        file.write_all(HEADER.as_bytes())?;
        Ok(Self::File(file))
    }

    pub(super) async fn take(&mut self, reading: &Reading) -> anyhow::Result<()> {
        match self {
            Self::File(file) => write(file.as_mut(), &row(reading)),
            Self::Days { day, rows, .. } => {
                let of = reading.time.div_euclid(DAY);
                let is_next = *day != of && !rows.is_empty();
                if is_next {
                    self.post().await?;
                }
                if let Self::Days { day, rows, .. } = self {
                    *day = of;
                    rows.push_str(&row(reading));
                }
                Ok(())
            }
            Self::Live(socket) => {
                socket.send(Message::text(message(reading))).await?;
                // Accepted readings are not acknowledged.
                while let Some(said) = socket.next().now_or_never() {
                    heard(said.context("the server has closed the connection")??)?;
                }
                Ok(())
            }
        }
    }

    async fn post(&mut self) -> anyhow::Result<()> {
        let Self::Days { remote, site, day, rows } = self else { return Ok(()) };
        let name = format!("simulated-{}.csv", &time::rfc3339(*day * DAY)[..10]);
        let path = format!("/api/ingest?{}", encoded(&[("site", site), ("source", &name)]));
        let body = Bytes::from(format!("{HEADER}{}", std::mem::take(rows)));
        remote.ask(&Asked { method: Method::POST, url: &path, kind: Some("text/csv"), body }).await?;
        Ok(())
    }

    /// Completes what is in progress.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        match &mut self {
            Self::File(file) => flush(file.as_mut()),
            Self::Days { .. } => self.post().await,
            Self::Live(socket) => {
                // Anything before the answer is about readings.
                socket.send(Message::text(json!({"type": "ping"}).to_string())).await?;
                let pong = async {
                    loop {
                        let said = socket.next().await.context("the server has closed the connection")??;
                        if heard(said)? {
                            return anyhow::Ok(());
                        }
                    }
                };
                tokio::time::timeout(PATIENCE, pong).await.context("the server does not answer")??;
                Ok(SinkExt::close(socket.as_mut()).await?)
            }
        }
    }
}

/// Whether this was the answer to a ping. A refused reading ends the simulation: the server does not say which one it
/// was, so nobody would know what is missing.
fn heard(said: Message) -> anyhow::Result<bool> {
    let Message::Text(text) = said else { return Ok(false) };
    let event: Value = serde_json::from_str(&text)?;
    let detail = event["detail"].as_str().unwrap_or("the server refuses a reading");
    match (event["type"].as_str(), event["code"].as_str()) {
        (Some("error"), Some("rate_limited")) => bail!("{detail}: try a lower --rate"),
        (Some("error"), _) => bail!("{detail}"),
        (kind, _) => Ok(kind == Some("pong")),
    }
}

fn row(reading: &Reading) -> String {
    let sign = if reading.is_below { "<" } else { "" };
    format!("{},{},{},{},{sign}\n", time::rfc3339(reading.time), reading.parameter, reading.text(), reading.unit)
}

fn message(reading: &Reading) -> String {
    let value: f64 = reading.text().parse().unwrap_or(reading.value);
    json!({
        "type": "reading", "time": time::rfc3339(reading.time), "parameter": reading.parameter, "value": value,
        "unit": reading.unit, "qualifier": if reading.is_below { "<" } else { "=" },
    })
    .to_string()
}

fn write(file: &mut dyn Write, text: &str) -> anyhow::Result<()> {
    file.write_all(text.as_bytes()).context("the readings cannot be written")
}

fn flush(file: &mut dyn Write) -> anyhow::Result<()> {
    file.flush().context("the readings cannot be written")
}

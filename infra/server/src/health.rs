//! `owsc health`: asks a running server whether it is ready.

use anyhow::{Context, ensure};
use axum::http::Uri;
use clap::Args;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long the server may take. Orchestrators wait for three seconds or more.
const PATIENCE: Duration = Duration::from_millis(2500);
/// The most that is read of an answer.
const MAX_ANSWER: u64 = 64 * 1024;

/// Options of `owsc health`.
#[derive(Debug, Clone, Args)]
pub struct Health {
    /// The URL to ask
    #[arg(long, default_value = "http://127.0.0.1:8000/readyz")]
    url: Uri,
}

/// Fails unless the server says that it is ready.
pub(crate) fn run(options: &Health) -> anyhow::Result<()> {
    let status = ask(&options.url).with_context(|| format!("{} does not answer", options.url))?;
    ensure!(status.split(' ').nth(1) == Some("200"), "{} says {status}", options.url);
    Ok(())
}

/// The status line. A handwritten HTTP/1.0 request, because a client library would be much larger.
fn ask(url: &Uri) -> anyhow::Result<String> {
    ensure!(url.scheme_str() == Some("http"), "only http:// is supported");
    let host = url.host().context("a host is missing")?;
    let address = (host.trim_matches(['[', ']']), url.port_u16().unwrap_or(80)).to_socket_addrs()?.next();
    let mut stream = TcpStream::connect_timeout(&address.context("the host has no address")?, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().filter(|line| line.starts_with("HTTP/1."));
    Ok(line.context("the answer is not HTTP")?.to_owned())
}

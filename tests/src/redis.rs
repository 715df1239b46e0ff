//! A real Redis that can be stopped and restarted, and one that accepts connections but never answers.

use crate::{Api, PATIENCE};
use anyhow::Context;
use std::net::TcpListener as Probe;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// `redis-server` on its own port, which stays the same over restarts.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    directory: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// One that is not running yet.
    pub fn stopped() -> anyhow::Result<Self> {
        // Free now, and unlikely to be taken before it is used.
        let port = Probe::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { port, directory: tempfile::tempdir()?, child: None })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it, and waits until it listens.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no"]);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        self.child = Some(command.spawn().context("redis-server is needed: on Debian, apt-get install redis-server")?);
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            anyhow::ensure!(Instant::now() < until, "redis-server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// `SIGSTOP` or `SIGCONT`: connections stay open, but nothing is answered.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.as_ref().and_then(Child::id).context("it is not running")?;
        let sent = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().await?;
        anyhow::ensure!(sent.success(), "the signal was not sent");
        Ok(())
    }
}

/// Accepts connections, reads everything, and never answers. Returns its URL.
pub async fn mute() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("redis://{}/0", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut sink = [0; 1024];
                while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    Ok(url)
}

/// Waits until a server says that hints arrive, or that they do not.
pub async fn is_up(api: &Api, up: bool) -> anyhow::Result<()> {
    let line = format!("owsc_redis_up {}", u8::from(up));
    let until = Instant::now() + PATIENCE;
    while !api.get("/metrics").await?.text().await?.lines().any(|found| found == line) {
        anyhow::ensure!(Instant::now() < until, "never {line}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

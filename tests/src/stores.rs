//! Independent stores with the S3 protocol, and the AWS CLI.

use crate::host;
use crate::ready::Ready;
use crate::{PATIENCE, inbox};
use anyhow::ensure;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A store and its process.
#[derive(Debug)]
pub struct Store {
    /// Where it is.
    pub endpoint: String,
    _ready: Option<Ready>,
    _child: Child,
    _data: TempDir,
}

/// A program that `make stores` installs.
fn tool(name: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".tools/s3/bin").join(name);
    ensure!(path.exists(), "{} is needed: make stores", path.display());
    Ok(path)
}

/// Runs the AWS CLI against a store or the gateway.
pub async fn aws(endpoint: &str, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(tool("aws")?);
    command.env("AWS_ACCESS_KEY_ID", "developer").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_REGION", "us-east-1");
    command.args(["--endpoint-url", endpoint]).args(arguments).stdin(Stdio::null());
    Ok(tokio::time::timeout(PATIENCE, command.output()).await??)
}

/// Moto's server.
pub async fn moto() -> anyhow::Result<Store> {
    let data = TempDir::new()?;
    // Free now, and unlikely to be taken before it is used.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new(tool("moto_server")?);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.kill_on_drop(true).spawn()?;
    ready(Store { endpoint: format!("http://127.0.0.1:{port}"), _ready: None, _child: child, _data: data }).await
}

/// The local gateway with a template that contains only a bucket.
pub async fn gateway() -> anyhow::Result<Store> {
    let data = TempDir::new()?;
    let template = data.path().join("template.yaml");
    std::fs::write(
        &template,
        "Resources:\n  Plant:\n    Type: AWS::S3::Bucket\n    Properties: { BucketName: plant }\n",
    )?;
    let mut command = Command::new(host::binaries().join("local-gateway"));
    command.arg("--template").arg(template).arg("--binaries").arg(host::binaries()).args([
        "--port",
        "0",
        "--ready-line",
    ]);
    command.arg("--data-dir").arg(data.path().join("data")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.kill_on_drop(true).spawn()?;
    let listening = Ready::of(&mut child).await?;
    let endpoint = listening.url.clone();
    Ok(Store { endpoint, _ready: Some(listening), _child: child, _data: data })
}

/// Waits until it answers, with a bucket named `plant`.
async fn ready(store: Store) -> anyhow::Result<Store> {
    let (client, end) = (inbox::client(&store.endpoint), Instant::now() + PATIENCE);
    loop {
        let made = client.create_bucket().bucket("plant").send().await;
        if made.is_ok() || client.head_bucket().bucket("plant").send().await.is_ok() {
            return Ok(store);
        }
        ensure!(Instant::now() < end, "{} does not answer", store.endpoint);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

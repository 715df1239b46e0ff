//! Inboxes to put files into: a folder of the server, or a bucket.

use crate::host::{self, Host};
use crate::server::Options;
use crate::{Api, PATIENCE, Server};
use anyhow::{Context, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often to check.
const LOOK: Duration = Duration::from_millis(50);

/// The place for files.
#[derive(Debug)]
pub enum Inbox {
    /// A folder.
    Folder(TempDir),
    /// A bucket, with a client and its name.
    Bucket(Client, String),
}

/// The default inbox of the host under test, and the host.
pub async fn started(options: Options) -> anyhow::Result<(Inbox, Server, Api)> {
    let (inbox, options) = match host::under_test() {
        Host::Server => {
            let folder = TempDir::new()?;
            let options = options.env("OW_SC_INBOX", &folder.path().display().to_string());
            (Some(Inbox::Folder(folder)), options)
        }
        Host::Functions => (None, options),
    };
    let server = options.start().await?;
    let api = Api::new(&server);
    // The gateway knows the template's bucket by its logical id.
    let of_template = || Inbox::Bucket(client(&server.url("")), "local-inbox".to_owned());
    Ok((inbox.unwrap_or_else(of_template), server, api))
}

/// A client for a store that does not verify signatures.
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new("developer", "test", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true);
    Client::from_conf(config.build())
}

impl Inbox {
    /// Puts a file at `SITE/NAME` or `NAME`.
    pub async fn put(&self, place: &str, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => put(folder.path(), place, bytes).map(drop),
            Self::Bucket(client, name) => {
                let put = client.put_object().bucket(name).key(format!("inbox/{place}"));
                put.body(bytes.as_ref().to_vec().into()).send().await.map(drop).context("the object is not put")
            }
        }
    }

    /// Whether a file is still waiting.
    pub async fn waits(&self, place: &str) -> anyhow::Result<bool> {
        match self {
            Self::Folder(folder) => Ok(folder.path().join(place).exists()),
            Self::Bucket(..) => self.has(&format!("inbox/{place}")).await,
        }
    }

    /// Whether there is a file at a path from the root of the inbox.
    pub async fn has(&self, place: &str) -> anyhow::Result<bool> {
        match self {
            Self::Folder(folder) => Ok(folder.path().join(place).exists()),
            Self::Bucket(client, name) => match client.head_object().bucket(name).key(place).send().await {
                Ok(_) => Ok(true),
                Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(false),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The account beside a file in `done/SITE/NAME` or `refused/SITE/NAME`, once it is there.
    pub async fn account(&self, place: &str) -> anyhow::Result<Value> {
        self.account_within(place, PATIENCE).await
    }

    /// The same, with another timeout.
    pub async fn account_within(&self, place: &str, patience: Duration) -> anyhow::Result<Value> {
        let end = Instant::now() + patience;
        while !self.has(place).await? {
            ensure!(Instant::now() < end, "{place} is not there");
            tokio::time::sleep(LOOK).await;
        }
        let beside = format!("{place}.json");
        let bytes = match self {
            Self::Folder(folder) => fs::read(folder.path().join(beside))?,
            Self::Bucket(client, name) => {
                let got = client.get_object().bucket(name).key(beside).send().await?;
                got.body.collect().await?.to_vec()
            }
        };
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// Puts a file into a folder as a well-behaved program does: complete, and under another name first.
pub fn put(inbox: &Path, place: &str, bytes: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
    let path = inbox.join(place);
    fs::create_dir_all(path.parent().context("it is in the inbox")?)?;
    let half = path.with_file_name("half.part");
    fs::write(&half, bytes)?;
    fs::rename(&half, &path)?;
    Ok(path)
}

//! The inbox: takes in files that are put into a folder or a bucket.

use crate::database;
use anyhow::Context;
use aws_sdk_s3::Client;
use engine::record::Ingestor;
use files::bucket::{self, Bucket, Place};
use files::folder::Folder;
use files::inbox::{Inbox, InboxError, Looked};
use files::source::{Of, Source};
use files::uploads::{BucketDepot, Depot, FolderDepot};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The shortest pause between two looks, even while files are being written.
const PAUSE: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Looks that run at once: a long file of one site delays no other site.
const LOOKS: usize = 8;

/// Where files come from.
pub(crate) enum Origin {
    Folder(Folder),
    Bucket(Client, Place),
}

impl Origin {
    /// The place that `OW_SC_INBOX` names.
    pub(crate) async fn open(inbox: &str) -> anyhow::Result<Self> {
        if !inbox.starts_with("s3://") {
            let expected = || format!("OW_SC_INBOX={inbox:?}: a folder to read and write is expected");
            return Ok(Self::Folder(Folder::new(Path::new(inbox)).with_context(expected)?));
        }
        let expected = || format!("OW_SC_INBOX={inbox:?}: s3://BUCKET or s3://BUCKET/PREFIX is expected");
        let place = Place::parse(inbox).with_context(expected)?;
        Ok(Self::Bucket(client().await, place))
    }

    /// Where clients put files into it.
    pub(crate) fn depot(&self) -> Depot {
        match self {
            Self::Folder(folder) => Depot::Folder(FolderDepot::new(folder.root(), folder.name())),
            Self::Bucket(client, place) => Depot::Bucket(BucketDepot::new(client.clone(), place.clone())),
        }
    }

    /// Takes in files until the server stops.
    pub(crate) async fn run(self, ingestor: Ingestor, every: Duration, stopping: CancellationToken) {
        match self {
            Self::Folder(folder) => {
                let depot = FolderDepot::new(folder.root(), folder.name());
                let inbox = Inbox::new(folder, ingestor, stopping.clone());
                tokio::join!(run(inbox, every, stopping.clone()), forget(depot, stopping));
            }
            Self::Bucket(client, place) => {
                let bucket = Bucket::new(client, place);
                run(Inbox::new(bucket, ingestor, stopping.clone()), every, stopping).await
            }
        }
    }
}

/// An S3 client, configured by the environment.
pub(crate) async fn client() -> Client {
    let shared = database::aws().await;
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let has_own_endpoint = names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    bucket::client(aws_sdk_s3::config::Builder::from(&shared), has_own_endpoint)
}

/// Removes abandoned uploads. A bucket has a lifecycle rule for that.
async fn forget(depot: FolderDepot, stopping: CancellationToken) {
    let mut times = tokio::time::interval(HOUR);
    loop {
        tokio::select! {
            _ = times.tick() => match depot.forget(table::uploads::KEPT).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "abandoned uploads were removed"),
                Err(error) => tracing::error!(%error, "abandoned uploads could not be removed"),
            },
            () = stopping.cancelled() => return,
        }
    }
}

async fn run<S: Source + 'static>(inbox: Inbox<S>, every: Duration, stopping: CancellationToken) {
    let inbox = Arc::new(inbox);
    let mut looks = JoinSet::new();
    let (mut next, mut last) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next), if looks.len() < LOOKS => {
                let inbox = inbox.clone();
                looks.spawn(async move { inbox.look(Of::All, None).await });
                last = Instant::now();
                next = last + every.max(PAUSE);
            }
            () = inbox.source().changed() => next = next.min(last + PAUSE),
            Some(looked) = looks.join_next() => {
                if !is_quiet(looked) {
                    next = next.min(Instant::now() + PAUSE);
                }
            }
            () = stopping.cancelled() => break,
        }
    }
    while looks.join_next().await.is_some() {}
}

/// Whether there is no reason to look again soon.
fn is_quiet(looked: Result<Result<Looked, InboxError>, tokio::task::JoinError>) -> bool {
    match looked {
        // After an error, the next regular look retries.
        Ok(Ok(Looked { growing, elsewhere, left: _ })) => growing + elsewhere == 0,
        Ok(Err(error)) => {
            tracing::error!(%error, "the inbox could not be looked through; a retry follows");
            false
        }
        Err(error) => {
            tracing::error!(%error, "a look into the inbox panicked");
            false
        }
    }
}

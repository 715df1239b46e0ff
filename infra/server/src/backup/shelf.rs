//! Where backups are kept: a folder, or a place in a bucket.

use super::put;
use crate::inbox;
use anyhow::Context;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use domain::time;
use files::bucket::Place;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const PREFIX: &str = "owsc-";
const SUFFIX: &str = ".sqlite";
/// The length of RFC 3339 to the second.
const TO_SECONDS: usize = "2026-11-28T04:45:00".len();

/// The name of a backup made at this moment. Names sort by time, and are valid in any file system.
pub(super) fn name_at(micros: i64) -> String {
    let text = time::rfc3339(micros);
    let text = text.get(..TO_SECONDS).unwrap_or(&text).replace(':', "-");
    format!("{PREFIX}{text}Z{SUFFIX}")
}

/// When a backup was made, by its name; `None` for other files.
pub(super) fn time_of(name: &str) -> Option<i64> {
    let text = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (day, clock) = text.split_once('T')?;
    time::from_text(&format!("{day}T{}", clock.replace('-', ":"))).ok().map(|(micros, _)| micros)
}

/// A place for backups.
pub(super) enum Shelf {
    Folder(PathBuf),
    Bucket(Client, Place),
}

impl Shelf {
    /// The place that `OW_SC_BACKUP` names.
    pub(super) async fn open(place: &str) -> anyhow::Result<Self> {
        if !place.starts_with("s3://") {
            let expected = || format!("OW_SC_BACKUP={place:?}: a folder to write to is expected");
            fs::create_dir_all(place).with_context(expected)?;
            return Ok(Self::Folder(PathBuf::from(place)));
        }
        let expected = || format!("OW_SC_BACKUP={place:?}: s3://BUCKET or s3://BUCKET/PREFIX is expected");
        Ok(Self::Bucket(inbox::client().await, Place::parse(place).with_context(expected)?))
    }

    /// A folder to make a backup in. For a folder, it is on the same file system, so that the file need not be copied
    /// again.
    pub(super) fn workplace(&self) -> anyhow::Result<TempDir> {
        Ok(match self {
            Self::Folder(folder) => tempfile::Builder::new().prefix(".owsc-").tempdir_in(folder)?,
            Self::Bucket(..) => tempfile::tempdir()?,
        })
    }

    /// The names of all files there.
    pub(super) async fn names(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Folder(folder) => {
                let names = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
                Ok(names.collect())
            }
            Self::Bucket(client, Place { bucket, base }) => {
                let prefix = format!("{base}{PREFIX}");
                let mut pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
                let mut names = Vec::new();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(error)))?;
                    let keys = page.contents().iter().filter_map(|object| object.key()?.strip_prefix(base.as_str()));
                    names.extend(keys.map(str::to_owned));
                }
                Ok(names)
            }
        }
    }

    /// Stores a finished backup there.
    pub(super) async fn put(&self, file: &Path, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => put(file, &folder.join(name)),
            Self::Bucket(client, Place { bucket, base }) => {
                let body = ByteStream::from_path(file).await?;
                let sent = client.put_object().bucket(bucket).key(format!("{base}{name}")).body(body).send().await;
                sent.map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(error)))?;
                Ok(())
            }
        }
    }

    pub(super) async fn remove(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => Ok(fs::remove_file(folder.join(name))?),
            Self::Bucket(client, Place { bucket, base }) => {
                let removed = client.delete_object().bucket(bucket).key(format!("{base}{name}")).send().await;
                removed.map_err(|error| anyhow::anyhow!("{}", DisplayErrorContext(error)))?;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_when_and_others_are_left_alone() {
        let name = name_at(1_795_841_100_123_456);
        assert_eq!(name, "owsc-2026-11-28T04-45-00Z.sqlite");
        assert_eq!(time_of(&name), Some(1_795_841_100_000_000));
        for other in
            ["owsc-.sqlite", "owsc.sqlite", "owsc-2026-11-28.sqlite", "owsc-2026-11-28T04-45-00Z.sqlite.partial"]
        {
            assert_eq!(time_of(other), None, "{other}");
        }
    }
}

//! A bucket on disk: a folder with a file for each version's bytes, and the journal.

use super::index::{Content, Headers, Index, UNVERSIONED, Version};
use super::receive::Fresh;
use super::uploads;
use crate::template;
use anyhow::Context;
use parking_lot::{Mutex, MutexGuard};
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3Result, s3_error};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio::fs::File;

/// How many times a reader retries if an object is replaced just as it is opened.
const ATTEMPTS: usize = 20;

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) versioned: bool,
    pub(super) events: bool,
    /// When its folder was created.
    pub(super) created: SystemTime,
    folder: PathBuf,
    index: Mutex<Index>,
}

/// The preconditions of a write.
#[derive(Debug, Default, Clone)]
pub(super) struct Precondition {
    pub(super) matches: Option<ETagCondition>,
    pub(super) matches_none: Option<ETagCondition>,
}

/// The outcome of a deletion.
pub(super) struct Deleted {
    /// The version that was removed, or the delete marker that was added; `None` if there was nothing to delete.
    pub(super) version: Option<Version>,
    pub(super) marker: bool,
    pub(super) sequencer: String,
}

impl Bucket {
    /// Opens or creates a bucket's folder.
    pub(super) fn open(root: &Path, bucket: &template::Bucket) -> anyhow::Result<Self> {
        let folder = root.join(&bucket.name);
        let trouble = || format!("cannot use {}", folder.display());
        for part in ["objects", "uploads"] {
            fs::create_dir_all(folder.join(part)).with_context(trouble)?;
        }
        uploads::clear_up(&folder.join("uploads")).with_context(trouble)?;
        let index = Index::open(&folder).with_context(trouble)?;
        let known = index.files();
        for entry in fs::read_dir(folder.join("objects")).with_context(trouble)? {
            let entry = entry.with_context(trouble)?;
            // Left by a gateway that was killed while receiving.
            if entry.file_name().to_str().is_none_or(|name| !known.contains(name)) {
                fs::remove_file(entry.path()).with_context(trouble)?;
            }
        }
        let metadata = fs::metadata(&folder).with_context(trouble)?;
        let created = metadata.created().or_else(|_| metadata.modified()).with_context(trouble)?;
        let (name, versioned, events) = (bucket.name.clone(), bucket.versioned, bucket.events);
        Ok(Self { name, versioned, events, created, folder, index: Mutex::new(index) })
    }

    /// Where to write a new object's bytes.
    pub(super) fn fresh(&self) -> (String, PathBuf) {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = self.path(&name);
        (name, path)
    }

    /// The folder of multipart uploads.
    pub(super) fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join("objects").join(file)
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock()
    }

    /// Makes received bytes the object's latest version.
    pub(super) fn commit(
        &self,
        key: &str,
        fresh: Fresh,
        content: (String, Vec<u64>, Headers),
        precondition: &Precondition,
    ) -> S3Result<Version> {
        let (etag, parts, headers) = content;
        let content = Content { file: fresh.name().to_owned(), size: fresh.size, etag, parts, headers };
        let mut index = self.index.lock();
        let current = index.latest(key).and_then(|version| version.content.as_ref());
        precondition.check(current.map(|content| content.etag.as_str()))?;
        let version = self.next(&mut index, Some(content));
        let gone = index.put(key, version.clone()).map_err(|error| trouble(&error))?;
        drop(index);
        fresh.keep();
        self.forget(&gone);
        Ok(version)
    }

    fn next(&self, index: &mut Index, content: Option<Content>) -> Version {
        let now = jiff::Timestamp::now();
        let id = if self.versioned { uuid::Uuid::new_v4().simple().to_string() } else { UNVERSIONED.to_owned() };
        Version { id, modified: now.as_millisecond(), sequencer: index.next_sequencer(now), content }
    }

    /// The requested version, and its content.
    pub(super) fn find(&self, key: &str, id: Option<&str>) -> S3Result<(Version, Content)> {
        let index = self.index.lock();
        let version = match id {
            Some(id) => index.version(key, id).ok_or_else(|| s3_error!(NoSuchVersion, "there is no such version")),
            None => index.latest(key).ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist.")),
        };
        let version = version?.clone();
        match (&version.content, id) {
            (Some(content), _) => {
                let content = content.clone();
                Ok((version, content))
            }
            (None, Some(_)) => Err(s3_error!(MethodNotAllowed, "this version is a delete marker")),
            (None, None) => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
        }
    }

    /// The same, with its open file, which stays readable even if the object is replaced.
    pub(super) async fn open_object(&self, key: &str, id: Option<&str>) -> S3Result<(Version, Content, File)> {
        let mut attempts = 0;
        loop {
            let (version, content) = self.find(key, id)?;
            match File::open(self.path(&content.file)).await {
                Ok(file) => return Ok((version, content, file)),
                Err(error) if error.kind() == ErrorKind::NotFound && attempts < ATTEMPTS => attempts += 1,
                Err(error) => return Err(trouble(&error)),
            }
        }
    }

    /// Removes a version for good, or an object: with a marker if the bucket keeps versions, or did when the object was
    /// put.
    pub(super) fn delete(&self, key: &str, id: Option<&str>, precondition: &Precondition) -> S3Result<Deleted> {
        let mut index = self.index.lock();
        let current = index.latest(key).and_then(|version| version.content.as_ref());
        precondition.check(current.map(|content| content.etag.as_str()))?;
        let sequencer = index.next_sequencer(jiff::Timestamp::now());
        if id.is_none() && (self.versioned || index.is_versioned(key)) {
            let marker = self.next(&mut index, None);
            let gone = index.put(key, marker.clone()).map_err(|error| trouble(&error))?;
            drop(index);
            self.forget(&gone);
            return Ok(Deleted { sequencer: marker.sequencer.clone(), version: Some(marker), marker: true });
        }
        let Some(version) = index.version(key, id.unwrap_or(UNVERSIONED)).cloned() else {
            return Ok(Deleted { version: None, marker: false, sequencer });
        };
        let gone = index.remove(key, &version.id).map_err(|error| trouble(&error))?;
        drop(index);
        self.forget(&gone);
        Ok(Deleted { version: Some(version), marker: false, sequencer })
    }

    fn forget(&self, files: &[String]) {
        for file in files {
            if let Err(error) = fs::remove_file(self.path(file)) {
                tracing::warn!(%error, bucket = self.name, file, "the file of a deleted object could not be removed");
            }
        }
    }
}

impl Precondition {
    fn check(&self, etag: Option<&str>) -> S3Result {
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => etag.is_some(),
            ETagCondition::ETag(wanted) => etag == Some(wanted.value()),
        };
        if self.matches.is_some() && etag.is_none() {
            return Err(s3_error!(NoSuchKey, "The specified key does not exist."));
        }
        if self.matches.as_ref().is_some_and(|condition| !is(condition)) || self.matches_none.as_ref().is_some_and(is) {
            let message = "At least one of the pre-conditions you specified did not hold";
            return Err(s3_error!(PreconditionFailed, "{message}"));
        }
        Ok(())
    }
}

/// The disk failed.
pub(super) fn trouble(error: &std::io::Error) -> S3Error {
    tracing::error!(%error, "a bucket's folder is not usable");
    s3_error!(InternalError, "a bucket's folder is not usable: {error}")
}

//! Multipart uploads: a folder each, with a file for each part, named by its number and ETag.

use super::bucket::{Bucket, trouble};
use super::index::Headers;
use super::receive::{Claims, Fresh, receive};
use crate::digest::hex;
use s3s::crypto::{Checksum, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const ABOUT: &str = "upload.json";
/// The suffixes of a folder's name: while it is incomplete, while it is being completed, and while it is removed.
const NEW: &str = "new";
const HELD: &str = "held";
const GONE: &str = "gone";
/// The smallest size of a part, except for the last one, as in AWS.
const SMALLEST: u64 = 5 * 1024 * 1024;
const MOST_PARTS: i32 = 10_000;

/// The object that an upload will create.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) key: String,
    /// Milliseconds since 1970.
    pub(super) initiated: i64,
    pub(super) headers: Headers,
}

/// A part that was received.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) etag: String,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

impl Part {
    fn file(&self) -> String {
        format!("{}-{}", self.number, self.etag)
    }
}

impl Bucket {
    /// Starts an upload, and returns its id.
    pub(super) fn begin(&self, key: &str, headers: Headers) -> S3Result<String> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let folder = self.uploads().join(&id);
        let about = Upload { key: key.to_owned(), initiated: jiff::Timestamp::now().as_millisecond(), headers };
        make(&folder, &about).map_err(|error| trouble(&error))?;
        Ok(id)
    }

    /// An upload, and its folder.
    pub(super) fn upload(&self, key: &str, id: &str) -> S3Result<(Upload, PathBuf)> {
        if !is_id(id) {
            return Err(none());
        }
        let folder = self.uploads().join(id);
        let upload = about(&folder).map_err(|error| trouble(&error))?;
        let upload = upload.filter(|upload| upload.key == key).ok_or_else(none)?;
        Ok((upload, folder))
    }

    /// All unfinished uploads, with their ids.
    pub(super) fn uploads_under_way(&self) -> S3Result<Vec<(String, Upload)>> {
        let mut all = under_way(&self.uploads()).map_err(|error| trouble(&error))?;
        all.sort_by(|a, b| (&a.1.key, a.1.initiated).cmp(&(&b.1.key, b.1.initiated)));
        Ok(all)
    }

    /// Receives a part, replacing an earlier one with its number.
    pub(super) async fn receive_part(
        &self,
        (key, id): (&str, &str),
        number: i32,
        body: Option<StreamingBlob>,
        claims: &Claims,
    ) -> S3Result<Part> {
        let (_, folder) = self.upload(key, id)?;
        if !(1..=MOST_PARTS).contains(&number) {
            return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
        }
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = folder.join(&name);
        let fresh = receive(name, path.clone(), body, claims).await?;
        let part = Part { number, etag: hex(&fresh.md5), size: fresh.size, modified: SystemTime::now() };
        let replaced = parts(&folder)?.into_iter().filter(|old| old.number == number && old.etag != part.etag);
        let replaced: Vec<_> = replaced.collect();
        fs::rename(&path, folder.join(part.file())).map_err(|error| gone(&error))?;
        fresh.keep();
        for old in replaced {
            match fs::remove_file(folder.join(old.file())) {
                // Another request has replaced it as well.
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(trouble(&error)),
                _ => {}
            }
        }
        Ok(part)
    }

    /// Combines the parts that a client names. Returns the ETag of the whole and the parts' sizes.
    pub(super) async fn assemble(
        &self,
        folder: &Path,
        wanted: &[(i32, String)],
    ) -> S3Result<(Fresh, String, Vec<u64>)> {
        let chosen = choose(&parts(folder)?, wanted)?;
        let mut md5 = Md5::new();
        for part in &chosen {
            md5.update(&unhex(&part.etag));
        }
        let etag = format!("{}-{}", hex(&md5.finalize()), chosen.len());
        let sizes: Vec<u64> = chosen.iter().map(|part| part.size).collect();
        let (name, path) = self.fresh();
        let fresh = Fresh::new(name, path.clone(), sizes.iter().sum());
        let files: Vec<_> = chosen.iter().map(|part| folder.join(part.file())).collect();
        let copied = tokio::task::spawn_blocking(move || join(&path, &files)).await;
        copied.map_err(io::Error::other).flatten().map_err(|error| trouble(&error))?;
        Ok((fresh, etag, sizes))
    }
}

/// An upload that is being completed. Meanwhile its folder has another name, so that no other request completes it too.
/// Unless it is done, the folder gets its own name back.
#[derive(Debug)]
pub(super) struct Claim {
    /// The folder's own name; empty once it is done.
    own: PathBuf,
    held: PathBuf,
}

impl Claim {
    pub(super) fn take(own: PathBuf) -> S3Result<Self> {
        let held = own.with_extension(HELD);
        fs::rename(&own, &held).map_err(|error| gone(&error))?;
        Ok(Self { own, held })
    }

    /// Where the parts are.
    pub(super) fn folder(&self) -> &Path {
        &self.held
    }

    /// Removes the parts. The object exists, even if that fails.
    pub(super) fn done(mut self) {
        self.own.clear();
        if let Err(error) = discard(&self.held) {
            tracing::warn!(%error, folder = %self.held.display(), "the parts of a completed upload could not be removed");
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.own.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = fs::rename(&self.held, &self.own) {
            tracing::error!(%error, folder = %self.held.display(), "an incomplete upload could not be restored");
        }
    }
}

/// Cleans up after a gateway that was killed: incomplete folders are removed, and interrupted completions can be
/// repeated.
pub(super) fn clear_up(uploads: &Path) -> io::Result<()> {
    for entry in fs::read_dir(uploads)? {
        let path = entry?.path();
        match path.extension().and_then(OsStr::to_str) {
            Some(NEW | GONE) => fs::remove_dir_all(&path)?,
            Some(HELD) => fs::rename(&path, path.with_extension(""))?,
            _ => {}
        }
    }
    Ok(())
}

/// The parts of an upload, by number.
pub(super) fn parts(folder: &Path) -> S3Result<Vec<Part>> {
    let mut parts = received(folder).map_err(|error| gone(&error))?;
    parts.sort_by_key(|part| part.number);
    Ok(parts)
}

fn received(folder: &Path) -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some((number, etag)) = named(&entry.file_name()) else { continue };
        let metadata = match entry.metadata() {
            // It was just replaced.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        parts.push(Part { number, etag, size: metadata.len(), modified: metadata.modified()? });
    }
    Ok(parts)
}

/// The number and the ETag in the name of a part's file; `None` for other files.
fn named(file: &OsStr) -> Option<(i32, String)> {
    let (number, etag) = file.to_str()?.split_once('-')?;
    Some((number.parse().ok()?, etag.to_owned()))
}

/// Removes an upload and everything received for it.
pub(super) fn remove(folder: &Path) -> S3Result {
    discard(folder).map_err(|error| gone(&error))
}

/// Removes an upload's folder, as a whole or not at all: what cannot be deleted has another name already, and is
/// deleted at the next start.
fn discard(folder: &Path) -> io::Result<()> {
    let away = folder.with_extension(GONE);
    fs::rename(folder, &away)?;
    if let Err(error) = fs::remove_dir_all(&away) {
        tracing::warn!(%error, folder = %away.display(), "the parts of a finished upload could not be removed yet");
    }
    Ok(())
}

/// Creates the folder of an upload, as a whole or not at all.
fn make(folder: &Path, about: &Upload) -> io::Result<()> {
    let new = folder.with_extension(NEW);
    fs::create_dir(&new)?;
    fs::write(new.join(ABOUT), serde_json::to_vec(about)?)?;
    fs::rename(new, folder)
}

fn under_way(uploads: &Path) -> io::Result<Vec<(String, Upload)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(uploads)? {
        let entry = entry?;
        let Some(id) = entry.file_name().into_string().ok().filter(|name| is_id(name)) else { continue };
        if let Some(upload) = about(&entry.path())? {
            all.push((id, upload));
        }
    }
    Ok(all)
}

/// The object that an upload will create; `None` if there is no such upload.
fn about(folder: &Path) -> io::Result<Option<Upload>> {
    match fs::read(folder.join(ABOUT)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ids become part of a path.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn none() -> S3Error {
    s3_error!(NoSuchUpload, "The specified multipart upload does not exist.")
}

/// An upload's folder failed: the upload has ended, or the disk has a fault.
fn gone(error: &io::Error) -> S3Error {
    if error.kind() == ErrorKind::NotFound { none() } else { trouble(error) }
}

fn choose(parts: &[Part], wanted: &[(i32, String)]) -> S3Result<Vec<Part>> {
    if wanted.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    if !wanted.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
    }
    let find = |(number, etag): &(i32, String)| {
        let part = parts.iter().find(|part| part.number == *number && part.etag == *etag).cloned();
        part.ok_or_else(|| s3_error!(InvalidPart, "One or more of the specified parts could not be found."))
    };
    let chosen = wanted.iter().map(find).collect::<S3Result<Vec<_>>>()?;
    if chosen.iter().rev().skip(1).any(|part| part.size < SMALLEST) {
        return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
    }
    Ok(chosen)
}

fn join(target: &Path, files: &[PathBuf]) -> io::Result<()> {
    let mut target = File::create(target)?;
    for file in files {
        io::copy(&mut File::open(file)?, &mut target)?;
    }
    Ok(())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..text.len()).step_by(2).filter_map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_chosen_as_the_client_says() {
        let part =
            |number, etag: &str, size| Part { number, etag: etag.to_owned(), size, modified: SystemTime::UNIX_EPOCH };
        let parts = [part(1, "a", SMALLEST), part(2, "b", 7), part(3, "c", 7)];
        let choose = |wanted: &[(i32, &str)]| {
            let wanted: Vec<_> = wanted.iter().map(|(number, etag)| (*number, (*etag).to_owned())).collect();
            let chosen = choose(&parts, &wanted).map_err(|error| error.code().as_str().to_owned());
            chosen.map(|chosen| chosen.len())
        };
        assert_eq!(choose(&[(1, "a"), (3, "c")]), Ok(2));
        assert_eq!(choose(&[(2, "b")]), Ok(1));
        for (wanted, error) in [
            (&[][..], "MalformedXML"),
            (&[(3, "c"), (1, "a")], "InvalidPartOrder"),
            (&[(1, "a"), (1, "a")], "InvalidPartOrder"),
            (&[(1, "b")], "InvalidPart"),
            (&[(4, "d")], "InvalidPart"),
            (&[(2, "b"), (3, "c")], "EntityTooSmall"),
        ] {
            assert_eq!(choose(wanted), Err(error.to_owned()), "{wanted:?}");
        }
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(unhex("00abff"), [0, 171, 255]);
    }

    #[test]
    fn an_upload_is_completed_once() {
        let folder = tempfile::tempdir().unwrap();
        let upload = folder.path().join("a1");
        let about = Upload { key: "k".to_owned(), initiated: 5, headers: Headers::default() };
        make(&upload, &about).unwrap();
        let ids = || under_way(folder.path()).unwrap().into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(ids(), ["a1"]);
        let claim = Claim::take(upload.clone()).unwrap();
        let code = |error: S3Error| error.code().as_str().to_owned();
        assert_eq!(Claim::take(upload.clone()).map_err(code).unwrap_err(), "NoSuchUpload");
        assert_eq!(parts(&upload).map_err(code).unwrap_err(), "NoSuchUpload");
        assert!(ids().is_empty());
        drop(claim);
        assert_eq!(ids(), ["a1"], "it was not completed");
        // A killed gateway runs no destructors.
        std::mem::forget(Claim::take(upload.clone()).unwrap());
        fs::create_dir(folder.path().join("a2.new")).unwrap();
        clear_up(folder.path()).unwrap();
        assert_eq!(ids(), ["a1"]);
        Claim::take(upload).unwrap().done();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_upload_is_removed_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let upload = folder.path().join("a1");
        let about = Upload { key: "k".to_owned(), initiated: 5, headers: Headers::default() };
        make(&upload, &about).unwrap();
        // If the rename is blocked, the upload stays as it was.
        let away = folder.path().join("a1.gone");
        fs::create_dir_all(away.join("part")).unwrap();
        assert!(remove(&upload).is_err() && upload.join(ABOUT).exists());
        clear_up(folder.path()).unwrap();
        assert!(!away.exists() && upload.join(ABOUT).exists());
        remove(&upload).unwrap();
        assert_eq!(remove(&upload).unwrap_err().code().as_str(), "NoSuchUpload");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_no_upload_that_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let upload = folder.path().join("a1");
        assert!(about(&upload).unwrap().is_none());
        fs::create_dir(&upload).unwrap();
        fs::write(upload.join(ABOUT), "{").unwrap();
        assert!(about(&upload).is_err() && under_way(folder.path()).is_err());
    }
}

//! Uploads: files in parts, so that a file of any length may come over connections that break. When all parts are
//! there, the file is in the inbox like any other.

mod bucket;
pub(crate) mod deposit;
mod folder;

pub use bucket::BucketDepot;
pub use folder::FolderDepot;

use bytes::Bytes;
use domain::name::{self, NameError};
use std::collections::BTreeSet;
use std::io;
use table::arrivals::Arrival;
use table::ingests::{Refusal, Stage};
use table::uploads::Upload;
use table::{Store, StoreError};

/// Bytes of a part. Long files have longer parts.
const PART: u64 = 16 * 1024 * 1024;
/// The most parts of a file, as in S3.
const MAX_PARTS: u64 = 10_000;
/// The longest name of a file.
const MAX_NAME: usize = 200;
/// The most missing parts in one answer.
const MISSING: usize = 100;

/// Where parts are kept, and where a complete upload goes.
pub enum Depot {
    /// The folder of an inbox.
    Folder(FolderDepot),
    /// The bucket of an inbox.
    Bucket(BucketDepot),
}

impl Depot {
    /// The inbox, as a source of files.
    fn source(&self) -> String {
        match self {
            Self::Folder(folder) => folder.source(),
            Self::Bucket(bucket) => bucket.source(),
        }
    }

    /// Begins a file.
    async fn begin(&self, site: Option<&str>, name: &str, bytes: u64, part_bytes: u64) -> Result<Upload, UploadError> {
        let id = uuid::Uuid::now_v7().simple().to_string();
        let place = place(site, &id, name)?;
        let handle = match self {
            Self::Folder(folder) => folder.begin(&id).await,
            Self::Bucket(bucket) => bucket.begin(&place).await,
        }?;
        let (site, name) = (site.map(str::to_owned), name.to_owned());
        let (is_completing, is_complete) = (false, false);
        Ok(Upload { id, site, name, bytes, part_bytes, place, handle, is_completing, is_complete })
    }

    async fn complete(&self, upload: &Upload) -> io::Result<()> {
        match self {
            Self::Folder(folder) => folder.complete(upload).await,
            Self::Bucket(bucket) => bucket.complete(upload).await,
        }
    }

    async fn give_up(&self, upload: &Upload) -> io::Result<()> {
        match self {
            Self::Folder(folder) => folder.give_up(&upload.id).await,
            Self::Bucket(bucket) => bucket.give_up(upload).await,
        }
    }
}

/// Receives uploads.
pub struct Uploads {
    store: Store,
    depot: Depot,
    /// The most bytes of a file.
    limit: u64,
}

/// Why an upload is refused.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is none with this id, or it is gone.
    #[error("no upload has this id")]
    Unknown,
    /// The site.
    #[error("site: {0}")]
    Site(NameError),
    /// The site, or the file's name, is no possible place in the inbox.
    #[error("{0}")]
    Place(&'static str),
    /// The file is too long.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The part has the wrong length, or there is none with this number.
    #[error("{0}")]
    Part(String),
    /// Parts are missing.
    #[error("parts are missing")]
    Incomplete,
    /// Parts go to the URLs of the upload, not through here.
    #[error("parts of this upload are put to the addresses that it names")]
    Elsewhere,
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The storage of the parts.
    #[error(transparent)]
    Depot(#[from] io::Error),
}

/// A missing part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its number, from 1 on.
    pub part: u64,
    /// Its first and its last byte.
    pub range: (u64, u64),
    /// The URL to put it to.
    pub url: String,
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq)]
pub enum Far {
    /// It is incomplete: the bytes that are there, and the next missing parts.
    Receiving(u64, Vec<Missing>),
    /// It waits in the inbox.
    Waiting,
    /// Its ingest, the state of that, and, while it is recorded, bytes read and in total.
    Ingest(String, Stage, Option<(u64, u64)>),
    /// It was refused.
    Refused(Refusal),
}

impl Uploads {
    /// Uploads into an inbox.
    pub fn new(store: Store, depot: Depot, limit: u64) -> Self {
        Self { store, depot, limit }
    }

    /// The other origin that parts are put to, if there is one.
    pub async fn origin(&self) -> Option<String> {
        match &self.depot {
            Depot::Folder(_) => None,
            Depot::Bucket(bucket) => bucket.origin().await,
        }
    }

    /// Begins an upload.
    pub async fn begin(&self, site: Option<&str>, name: &str, bytes: u64) -> Result<Upload, UploadError> {
        let site = site.map(name::check_site).transpose().map_err(UploadError::Site)?;
        if bytes > self.limit {
            return Err(UploadError::TooLarge { limit: self.limit });
        }
        if bytes == 0 {
            return Err(UploadError::Place("bytes: an empty file has nothing to take in"));
        }
        let part_bytes = bytes.div_ceil(MAX_PARTS).next_multiple_of(1024 * 1024).max(PART);
        let upload = self.depot.begin(site, name, bytes, part_bytes).await?;
        self.store.begin_upload(&upload).await?;
        Ok(upload)
    }

    /// The record of an upload.
    pub async fn get(&self, id: &str) -> Result<Upload, UploadError> {
        self.store.upload(id).await?.ok_or(UploadError::Unknown)
    }

    /// How far an upload is.
    pub async fn far(&self, upload: &Upload) -> Result<Far, UploadError> {
        if !upload.is_complete {
            if let Some(there) = self.there(upload).await? {
                return Ok(Far::Receiving(received(upload, &there), self.missing(upload, &there).await?));
            }
            self.is_put_together(upload).await?;
        }
        match self.store.arrival(&self.depot.source(), &upload.place).await? {
            None => Ok(Far::Waiting),
            Some(Arrival::Refused(refusal)) => Ok(Far::Refused(refusal)),
            Some(Arrival::Ingest { id, .. }) => {
                let stage = self.store.ingest(&id).await?.map_or(Stage::Recording, |ingest| ingest.state);
                let reached = if stage == Stage::Recording { self.store.reached(&id).await? } else { None };
                Ok(Far::Ingest(id, stage, reached.map(|reached| reached.read)))
            }
        }
    }

    /// Receives a part.
    pub async fn put(&self, upload: &Upload, part: u64, bytes: Bytes) -> Result<(), UploadError> {
        let Depot::Folder(folder) = &self.depot else { return Err(UploadError::Elsewhere) };
        let (from, to) = range(upload, part).ok_or_else(|| UploadError::Part(format!("there is no part {part}")))?;
        let expected = to - from + 1;
        if bytes.len() as u64 != expected {
            return Err(UploadError::Part(format!("part {part} has {expected} bytes; {} came", bytes.len())));
        }
        if upload.is_complete {
            return Ok(());
        }
        Ok(folder.put(&upload.id, part, from, bytes).await?)
    }

    /// Puts a complete upload into the inbox. A repeat changes nothing.
    pub async fn complete(&self, upload: Upload) -> Result<Upload, UploadError> {
        if upload.is_complete {
            return Ok(upload);
        }
        let upload = match self.there(&upload).await? {
            Some(there) if received(&upload, &there) != upload.bytes => return Err(UploadError::Incomplete),
            Some(_) => {
                let upload = Upload { is_completing: true, ..upload };
                self.change(&upload).await?;
                self.depot.complete(&upload).await?;
                upload
            }
            None => {
                self.is_put_together(&upload).await?;
                upload
            }
        };
        let upload = Upload { is_completing: true, is_complete: true, ..upload };
        self.change(&upload).await?;
        Ok(upload)
    }

    /// Rewrites the record of an upload, unless it was cancelled.
    async fn change(&self, upload: &Upload) -> Result<(), UploadError> {
        if self.store.change_upload(upload).await? { Ok(()) } else { Err(UploadError::Unknown) }
    }

    /// Whether an upload without parts has been put into the inbox, by an interrupted attempt or by another process
    /// just now. If not, its parts are gone, and it with them.
    async fn is_put_together(&self, upload: &Upload) -> Result<(), UploadError> {
        if upload.is_completing || self.get(&upload.id).await?.is_completing {
            return Ok(());
        }
        Err(UploadError::Unknown)
    }

    /// Cancels an upload, unless it is complete.
    pub async fn give_up(&self, upload: &Upload) -> Result<(), UploadError> {
        // First: a process that completes it at the same time must not report it as in the inbox.
        self.store.remove_upload(&upload.id).await?;
        if !upload.is_complete {
            self.depot.give_up(upload).await?;
        }
        Ok(())
    }

    /// The parts that are there; `None` once it is assembled.
    async fn there(&self, upload: &Upload) -> Result<Option<BTreeSet<u64>>, UploadError> {
        Ok(match &self.depot {
            Depot::Folder(folder) => folder.there(&upload.id).await?,
            Depot::Bucket(bucket) => bucket.there(upload).await?,
        })
    }

    async fn missing(&self, upload: &Upload, there: &BTreeSet<u64>) -> Result<Vec<Missing>, UploadError> {
        let parts = (1..=parts(upload)).filter(|part| !there.contains(part)).take(MISSING);
        let mut missing = Vec::new();
        for part in parts {
            let url = match &self.depot {
                Depot::Folder(_) => format!("/api/uploads/{}/parts/{part}", upload.id),
                Depot::Bucket(bucket) => bucket.url(upload, part).await?,
            };
            missing.extend(range(upload, part).map(|range| Missing { part, range, url }));
        }
        Ok(missing)
    }
}

/// The parts of an upload.
fn parts(upload: &Upload) -> u64 {
    upload.bytes.div_ceil(upload.part_bytes)
}

/// The first and the last byte of a part.
fn range(upload: &Upload, part: u64) -> Option<(u64, u64)> {
    let from = part.checked_sub(1)?.checked_mul(upload.part_bytes)?;
    (from < upload.bytes).then(|| (from, (from + upload.part_bytes).min(upload.bytes) - 1))
}

fn received(upload: &Upload, there: &BTreeSet<u64>) -> u64 {
    there.iter().filter_map(|part| range(upload, *part)).map(|(from, to)| to - from + 1).sum()
}

/// Checks that a file of this name and site can be in the inbox.
pub fn check_place(site: Option<&str>, file: &str) -> Result<(), UploadError> {
    place(site, "", file).map(drop)
}

/// The place of an upload: in a folder of its own, so that two of one name do not collide. Folders of later uploads
/// come later in the order of names.
fn place(site: Option<&str>, id: &str, file: &str) -> Result<String, UploadError> {
    let is_step =
        |text: &str| text.starts_with('.') || text.contains(['/', '\\']) || text.chars().any(char::is_control);
    if file.is_empty() || file.len() > MAX_NAME || is_step(file) || crate::folder::is_unfinished(file.as_ref()) {
        return Err(UploadError::Place(
            "name: the name of a file is expected, of 200 bytes at most, without slashes, not hidden and not one that programs \
             give to what they still write",
        ));
    }
    match site {
        None => Ok(format!("{id} {file}")),
        Some(site) if is_step(site) || ["done", "refused"].contains(&site) => {
            Err(UploadError::Place("site: this name cannot be that of a folder; post the file to /api/ingest"))
        }
        Some(site) => Ok(format!("{site}/{id}/{file}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(bytes: u64, part_bytes: u64) -> Upload {
        let text = String::new;
        Upload {
            id: text(),
            site: None,
            name: text(),
            bytes,
            part_bytes,
            place: text(),
            handle: text(),
            is_completing: false,
            is_complete: false,
        }
    }

    #[test]
    fn parts_are_all_of_the_file_and_no_more() {
        for (bytes, expected) in [(1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (21, 3)] {
            let upload = upload(bytes, 10);
            assert_eq!(parts(&upload), expected, "{bytes}");
            let all: BTreeSet<u64> = (1..=expected).collect();
            assert_eq!(received(&upload, &all), bytes);
            assert_eq!((range(&upload, 0), range(&upload, expected + 1), range(&upload, u64::MAX)), (None, None, None));
            assert_eq!(range(&upload, expected).unwrap().1, bytes - 1);
        }
    }

    #[test]
    fn places_lead_nowhere_else() {
        let of = |site: &str, name: &str| place(Some(site), "7", name).map_err(|error| error.to_string());
        assert_eq!(of("plant two", "a b+c.csv").unwrap(), "plant two/7/a b+c.csv");
        assert!(of("north", &"x".repeat(MAX_NAME)).is_ok() && of("north", &"x".repeat(MAX_NAME + 1)).is_err());
        for site in ["..", ".", ".hidden", "a/b", "a\\b", "done", "refused"] {
            assert!(of(site, "a.csv").unwrap_err().starts_with("site"), "{site}");
        }
        for name in ["", "..", ".hidden", "a/b.csv", "a\\b.csv", "a.part", "a\u{1}.csv", "a.csv~"] {
            assert!(of("north", name).unwrap_err().starts_with("name"), "{name}");
        }
    }
}

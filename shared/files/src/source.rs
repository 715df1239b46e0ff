//! The operations of a source of files. A new kind of source is one more implementation.

use engine::original::{Original, OriginalError};
use engine::record::Room;
use serde_json::Value;
use std::future::Future;

/// Where files come from.
pub trait Source: Send + Sync {
    /// Its name in the ledger and in the log.
    fn name(&self) -> &str;

    /// The complete files, of all sites or of those that `of` names, and the number of others that may be incomplete.
    fn list(&self, of: Of<'_>) -> impl Future<Output = std::io::Result<Listing>> + Send;

    /// Opens a file, which may be gzip, and reads it once. Also gives a version with which the same file can be opened
    /// again after another one has replaced it, if the source supports that.
    fn open(
        &self,
        file: &Waiting,
        room: Room<'_>,
    ) -> impl Future<Output = Result<(Original, String), OriginalError>> + Send;

    /// Waits until something may have changed; for ever, if nothing reports changes.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Moves a file to where it is no longer listed, with its account beside it.
    fn put_away(
        &self,
        file: &Waiting,
        shelf: Shelf,
        account: &Value,
    ) -> impl Future<Output = std::io::Result<()>> + Send;
}

/// Which files to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// Those of all sites.
    All,
    /// Those of one site, or those whose place names no site.
    Site(Option<&'a str>),
}

/// The files of a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Complete files, in the order of their names.
    pub whole: Vec<Waiting>,
    /// Files that may still be written.
    pub growing: usize,
}

/// A waiting file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// The site that its place names, if any.
    pub site: Option<String>,
    /// Its place within the source.
    pub place: String,
    /// What distinguishes it from another file at the same place: from the listing, or from opening it.
    pub version: String,
}

/// Where a file is put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// It was taken in, or was already known.
    Done,
    /// It was refused.
    Refused,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Done, Self::Refused];

    /// The name of its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

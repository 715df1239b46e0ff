//! What a source of files can do. A new kind of source is one more implementation.

use engine::original::{Original, OriginalError};
use engine::record::Room;
use serde_json::Value;
use std::future::Future;

/// Where files come from.
pub trait Source: Send + Sync {
    /// What it is called, in the ledger and in the log.
    fn name(&self) -> &str;

    /// The files that are whole, of all sites or of those that `of` names, and how many others are there that may not be yet.
    fn list(&self, of: Of<'_>) -> impl Future<Output = std::io::Result<Listing>> + Send;

    /// Opens a file, which may be gzip, and reads it once. Also gives a version by which this very file may be had again
    /// even when another one stands at its place, as far as the source can do that.
    fn open(
        &self,
        file: &Waiting,
        room: Room<'_>,
    ) -> impl Future<Output = Result<(Original, String), OriginalError>> + Send;

    /// Waits until something may have changed; for ever, if nothing tells of that.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Puts a file away where it is not listed any more, with the account of it beside it.
    fn put_away(
        &self,
        file: &Waiting,
        shelf: Shelf,
        account: &Value,
    ) -> impl Future<Output = std::io::Result<()>> + Send;
}

/// Whose files are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// Everybody's.
    All,
    /// Those of one site, or those whose place names none.
    Site(Option<&'a str>),
}

/// What a source has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Files that are whole, in the order of their names.
    pub whole: Vec<Waiting>,
    /// Files that may still be written.
    pub growing: usize,
}

/// A file that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// The site that it is for, if its place names one.
    pub site: Option<String>,
    /// Its place within the source.
    pub place: String,
    /// What another file at the same place would not have: as it is listed, or as opening it has given it.
    pub version: String,
}

/// Where a file is put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// It was taken in, or was known.
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

//! Why a file is not taken in.

use crate::original::OriginalError;
use domain::name::NameError;
use formats::HeaderError;
use formats::reader::ReadError;
use formats::report::Report;
use serde_json::{Value, json};
use table::StoreError;

/// Why a file was not taken. Nothing of it has been stored, except after `Store`, `Io` and `Paused`, where the same
/// file given again finishes the work.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The body.
    #[error(transparent)]
    Original(OriginalError),
    /// The header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The site in the query.
    #[error("site: {0}")]
    Site(NameError),
    /// A header, and nothing below it.
    #[error("the file has a header and no rows")]
    NoRows,
    /// More rows than allowed.
    #[error("the file has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// Bad rows, and the client asked to take all or nothing; or no row could be read.
    #[error("{} of {} rows cannot be read", .0.rows_refused, .0.rows)]
    Refused(Box<Report>),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes, which were there before.
    #[error("the file cannot be read any more: {0}")]
    Io(#[from] std::io::Error),
    /// The time was over before all was done. The next attempt goes on where this one has stopped.
    #[error("the file is not done yet; the next attempt goes on")]
    Paused,
}

impl IngestError {
    /// For machines: stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Original(OriginalError::TooLarge { .. }) => "too_large",
            Self::Original(OriginalError::Gzip(_)) => "bad_gzip",
            Self::Original(OriginalError::Io(_)) => "bad_body",
            Self::Header(HeaderError::Empty) => "empty_file",
            Self::Header(_) => "unknown_columns",
            Self::Site(_) => "bad_request",
            Self::NoRows => "no_rows",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::Refused(_) => "rows_refused",
            Self::Store(StoreError::BeingRemoved) => "being_removed",
            Self::Store(StoreError::NoNewSite(why)) => why.code(),
            Self::Store(_) | Self::Io(_) | Self::Paused | Self::Original(OriginalError::Paused) => "internal",
        }
    }

    /// More, by code: the limit, or the account of the rows.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Original(OriginalError::TooLarge { limit }) => Some(json!({ "max_bytes": limit })),
            Self::TooManyRows { limit } => Some(json!({ "max_rows": limit })),
            Self::Refused(report) => Some(json!(report)),
            _ => None,
        }
    }

    /// Whether it is the file that is wrong, so that it would be refused another time, too.
    pub fn is_of_the_file(&self) -> bool {
        if matches!(self, Self::Store(StoreError::NoNewSite(_))) {
            return true;
        }
        !matches!(self, Self::Store(_) | Self::Io(_) | Self::Paused | Self::Original(OriginalError::Io(_)))
    }
}

impl From<OriginalError> for IngestError {
    fn from(error: OriginalError) -> Self {
        match error {
            OriginalError::Paused => Self::Paused,
            error => Self::Original(error),
        }
    }
}

impl From<ReadError> for IngestError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Header(header) => Self::Header(header),
            ReadError::Io(io) => Self::Io(io),
        }
    }
}

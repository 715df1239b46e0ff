//! Why a file could not be ingested.

use crate::original::OriginalError;
use domain::name::NameError;
use formats::HeaderError;
use formats::reader::ReadError;
use formats::report::Report;
use serde_json::{Value, json};
use table::StoreError;

/// Why a file could not be ingested. Nothing of it is stored, except after `Store`, `Io` and `Paused`, when the same
/// file, given again, completes the work.
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
    /// A header without rows.
    #[error("the file has a header and no rows")]
    NoRows,
    /// More rows than allowed.
    #[error("the file has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// Bad rows, and the client asked for all or nothing; or no row could be read.
    #[error("{} of {} rows cannot be read", .0.rows_refused, .0.rows)]
    Refused(Box<Report>),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes, which could be read before.
    #[error("the file can no longer be read: {0}")]
    Io(#[from] std::io::Error),
    /// The time was over before everything was done. The next attempt resumes.
    #[error("the file is not done yet; the next attempt resumes")]
    Paused,
}

impl IngestError {
    /// For programs: stable.
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

    /// More, depending on the code: the limit, or the account of the rows.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Original(OriginalError::TooLarge { limit }) => Some(json!({ "max_bytes": limit })),
            Self::TooManyRows { limit } => Some(json!({ "max_rows": limit })),
            Self::Refused(report) => Some(json!(report)),
            _ => None,
        }
    }

    /// Whether the file itself is at fault, so that it would be refused again.
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

//! What became of the rows of a file.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many bad cells an answer lists; all are counted.
pub const MAX_LISTED_ERRORS: usize = 100;
/// How much of a bad cell is shown, in characters.
const MAX_SHOWN_TEXT: usize = 120;

/// One cell that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RowError {
    /// The line of the file on which the row begins, the header's being 1.
    pub line: u64,
    /// The column's name as the header writes it, cut after 120 characters.
    pub column: String,
    /// The offending text, cut after 120 characters.
    pub text: String,
    /// What was expected.
    pub reason: String,
}

/// The account of a file. `rows` is always the sum of `rows_taken`, `rows_refused` and `rows_without_reading`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    /// Data rows.
    pub rows: u64,
    /// Rows whose readings were all taken.
    pub rows_taken: u64,
    /// Rows of which nothing was taken because of a bad cell.
    pub rows_refused: u64,
    /// Rows that say that there is no reading: empty values, no-data codes.
    pub rows_without_reading: u64,
    /// Why rows have no reading, and how many.
    pub without_reading: BTreeMap<String, u64>,
    /// Readings in the rows taken.
    pub readings: u64,
    /// All bad cells.
    pub errors_total: u64,
    /// The first of them.
    pub errors: Vec<RowError>,
    /// Columns that were not read.
    pub ignored_columns: Vec<String>,
}

impl Report {
    pub(super) fn taken(&mut self, readings: usize) {
        self.rows += 1;
        self.rows_taken += 1;
        self.readings += readings as u64;
    }

    pub(super) fn without_reading(&mut self, reason: &str) {
        self.rows += 1;
        self.rows_without_reading += 1;
        // A hostile file could name a different code in every row.
        let known = self.without_reading.contains_key(reason) || self.without_reading.len() < MAX_LISTED_ERRORS;
        *self.without_reading.entry(if known { reason } else { "other" }.to_owned()).or_default() += 1;
    }

    pub(super) fn refused(&mut self) {
        self.rows += 1;
        self.rows_refused += 1;
    }

    pub(super) fn error(&mut self, line: u64, column: &str, text: &[u8], reason: &str) {
        self.errors_total += 1;
        if self.errors.len() < MAX_LISTED_ERRORS {
            let text = String::from_utf8_lossy(text).chars().take(MAX_SHOWN_TEXT).collect();
            let column = column.chars().take(MAX_SHOWN_TEXT).collect();
            self.errors.push(RowError { line, column, text, reason: reason.to_owned() });
        }
    }
}

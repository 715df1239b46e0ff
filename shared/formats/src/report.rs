//! The account of a file's rows.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bad cells, and the most warnings, that an answer lists; all are counted.
pub const MAX_LISTED_ERRORS: usize = 100;
/// The most characters of a bad cell to show.
const MAX_SHOWN_TEXT: usize = 120;

/// One cell that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RowError {
    /// The line of the file on which the row begins, its first line being 1.
    pub line: u64,
    /// The column's name as the header writes it, cut after 120 characters.
    pub column: String,
    /// The offending text, cut after 120 characters.
    pub text: String,
    /// What was expected.
    pub reason: String,
}

/// One value that was taken and may not be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RowWarning {
    /// The line of the file on which the row begins, its first line being 1.
    pub line: u64,
    /// The column's name as the header writes it, cut after 120 characters.
    pub column: String,
    /// The text of the cell, cut after 120 characters.
    pub text: String,
    /// What is surprising about it.
    pub reason: String,
}

/// The account of a file. `rows` is always the sum of `rows_taken`, `rows_refused`, `rows_without_reading` and
/// `rows_repeated`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = IngestReport)]
#[serde(default)]
pub struct Report {
    /// Data rows.
    #[schema(required)]
    pub rows: u64,
    /// Rows whose readings were all taken.
    #[schema(required)]
    pub rows_taken: u64,
    /// Rows of which nothing was taken because of a bad cell.
    #[schema(required)]
    pub rows_refused: u64,
    /// Rows that say that there is no reading: empty values, no-data codes.
    #[schema(required)]
    pub rows_without_reading: u64,
    /// Rows that are alike in everything to one before them, and count once.
    #[schema(required)]
    pub rows_repeated: u64,
    /// Why rows have no reading, and how many.
    #[schema(required)]
    pub without_reading: BTreeMap<String, u64>,
    /// Readings in the rows taken.
    #[schema(required)]
    pub readings: u64,
    /// Those of quality control among them: blanks, spikes, duplicates. They are kept and not judged.
    #[schema(required)]
    pub readings_quality_control: u64,
    /// Readings that took the place of others.
    #[schema(required)]
    pub readings_replaced: u64,
    /// How many readings have which flag of a laboratory.
    #[schema(required)]
    pub flags: BTreeMap<String, u64>,
    /// All bad cells.
    #[schema(required)]
    pub errors_total: u64,
    /// The first of them.
    #[schema(required)]
    pub errors: Vec<RowError>,
    /// All values that were taken and may not be right.
    #[schema(required)]
    pub warnings_total: u64,
    /// The first of them.
    #[schema(required)]
    pub warnings: Vec<RowWarning>,
    /// The encoding in which the file was read: `UTF-8`, `UTF-16` or `Windows-1252`.
    #[schema(required)]
    pub encoding: String,
    /// The line of the file in which its header is, its first line being 1.
    #[schema(required)]
    pub header_line: u64,
    /// How the file was read, in sentences for a person.
    #[schema(required)]
    pub notes: Vec<String>,
    /// Columns that were not read.
    #[schema(required)]
    pub ignored_columns: Vec<String>,
}

impl Report {
    /// Counts rows, and their readings, that turned out to repeat rows which were taken.
    pub fn repeated(&mut self, rows: u64, readings: u64) {
        self.rows_taken = self.rows_taken.saturating_sub(rows);
        self.rows_repeated += rows;
        self.readings = self.readings.saturating_sub(readings);
    }

    /// Lists a value that was taken and may not be right.
    pub fn warn(&mut self, line: u64, column: &str, text: &str, reason: &str) {
        self.warnings_total += 1;
        if self.warnings.len() < MAX_LISTED_ERRORS {
            let [column, text] = [column, text].map(cut);
            self.warnings.push(RowWarning { line, column, text, reason: reason.to_owned() });
        }
    }

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

    pub(super) fn flag(&mut self, flag: &str) {
        match self.flags.get_mut(flag) {
            Some(count) => *count += 1,
            None => drop(self.flags.insert(flag.to_owned(), 1)),
        }
    }

    pub(super) fn error(&mut self, line: u64, column: &str, text: &[u8], reason: &str) {
        self.errors_total += 1;
        if self.errors.len() < MAX_LISTED_ERRORS {
            let [column, text] = [column, &String::from_utf8_lossy(text)].map(cut);
            self.errors.push(RowError { line, column, text, reason: reason.to_owned() });
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_SHOWN_TEXT).collect()
}

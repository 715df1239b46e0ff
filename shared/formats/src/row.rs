//! The content of a row.

use domain::columns::Row;

/// One reading, with its series and unit as indices into [`Rows::series`](super::reader::Rows::series) and
/// [`Rows::units`](super::reader::Rows::units).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The index of the series.
    pub series: u32,
    /// The index of the unit; the unit in `row.flags` is 0.
    pub unit: u16,
    /// Time, value and the rest.
    pub row: Row,
    /// A digest of the rest of the row, in columns that are not read and in those of other readings, so that rows are
    /// repeats only if they are identical; 0 if there is no rest. Its lowest bit is set at the first reading of a row.
    pub rest: u64,
}

/// What a monitoring report has in place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// The index of the series.
    pub series: u32,
    /// The end of the monitoring period.
    pub time: i64,
    /// Why there is no value.
    pub why: NoData,
}

/// Why a monitoring report has no value: the classes of EPA's NODI codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoData {
    /// Monitoring was not due.
    NotDue,
    /// Not taken, and excused.
    Excused,
    /// Nothing was detected.
    NonDetect,
    /// The missing value has been resolved with EPA.
    Resolved,
    /// The value is missing.
    Missing,
}

impl NoData {
    /// The class of a NODI code.
    pub fn of_code(code: &str) -> Self {
        match code.trim() {
            "A" | "C" | "F" | "I" | "J" | "N" | "W" | "2" | "4" | "5" | "7" | "9" => Self::NotDue,
            "K" | "S" | "T" | "V" => Self::Excused,
            "B" | "Q" => Self::NonDetect,
            "R" => Self::Resolved,
            _ => Self::Missing,
        }
    }

    /// The class for a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotDue => "not due",
            Self::Excused => "not taken, excused",
            Self::NonDetect => "not detected",
            Self::Resolved => "resolved",
            Self::Missing => "missing",
        }
    }
}

/// The outcome of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Taken,
    Without(Box<Without>),
}

/// A row without a reading.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Without {
    pub(super) reason: String,
    pub(super) absence: Option<Absence>,
}

impl Outcome {
    pub(super) fn without(reason: impl Into<String>, absence: Option<Absence>) -> Self {
        Self::Without(Box::new(Without { reason: reason.into(), absence }))
    }
}

/// A bad cell: small if there is none, as nearly always.
#[derive(Debug)]
pub(super) struct CellError(Box<Bad>);

/// What is wrong with a cell, with the index of its column.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) column: usize,
    pub(super) reason: String,
}

impl CellError {
    #[cold]
    pub(super) fn new(column: usize, reason: impl Into<String>) -> Self {
        Self(Box::new(Bad { column, reason: reason.into() }))
    }
}

impl std::ops::Deref for CellError {
    type Target = Bad;

    fn deref(&self) -> &Bad {
        &self.0
    }
}

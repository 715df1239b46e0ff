//! What a row of a file gives.

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
}

/// What a row turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    Without(String),
}

/// A bad cell, by the index of its column.
#[derive(Debug)]
pub(super) struct CellError {
    pub(super) column: usize,
    pub(super) reason: String,
}

impl CellError {
    pub(super) fn new(column: usize, reason: impl Into<String>) -> Self {
        Self { column, reason: reason.into() }
    }
}

//! Bytes to results: what the rows of a file say, and an account of every one of them.
//!
//! A file is read by [`reader`], row by row, in whatever layout its header announces, and cut into stretches of its
//! series by [`cutter`]. Memory holds a bounded number of readings, however long the file is.

#![warn(missing_docs)]

pub mod cutter;
mod echo;
mod header;
mod names;
pub mod reader;
pub mod report;
pub mod row;
mod value;

pub use header::{HeaderError, Shape};

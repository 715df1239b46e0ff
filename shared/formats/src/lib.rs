//! Bytes to results: what the rows of a file say, and an account of every one of them.
//!
//! [`reader`] reads a file row by row, in the format that its header shows; [`cutter`] cuts it into pieces of its
//! series. The number of readings in memory is bounded, however long the file is.
//!
//! Code that every row of a usual file runs through is force-inlined: calls would take a quarter longer.
//!
//! A format is one module that finds its columns and reads its rows, and one line in the list in `header`.

#![warn(missing_docs)]

mod cells;
mod clock;
pub mod cutter;
mod echo;
mod flags;
mod header;
mod intake;
mod kinds;
mod names;
mod numbers;
mod options;
pub mod plausible;
mod probe;
pub mod reader;
pub mod report;
pub mod row;
mod source;
mod tidy;
mod times;
mod wide;

pub use clock::{Fold, Folds};
pub use header::{HeaderError, Shape};
pub use numbers::Separators;
pub use options::{Conventions, Options};
pub use probe::Encoding;
pub use times::DateOrder;

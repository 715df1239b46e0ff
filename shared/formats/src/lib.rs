//! Bytes to results: what the rows of a file say, and an account of every one of them.
//!
//! A file is read by [`reader`], row by row, in whatever format its header announces, and cut into stretches of its
//! series by [`cutter`]. Memory holds a bounded number of readings, however long the file is.
//!
//! What every row of a usual file passes through is inlined by force: as calls it takes a quarter longer.
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

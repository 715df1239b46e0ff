//! From the bytes of a CSV file to verdicts.
//!
//! A body is spooled first ([`spool`]): only its digest tells whether the file is known. Then it is read twice
//! ([`reader`]): once to learn whether it is to be taken at all, once to cut it into segments ([`cutter`]) that are
//! written while reading goes on. Memory holds a bounded number of readings, however long the file is.

mod announce;
pub mod answer;
pub mod cutter;
mod echo;
mod header;
mod names;
pub mod pipeline;
pub mod reader;
pub mod report;
pub mod row;
pub mod spool;
mod turn;
mod value;
mod writing;

pub use header::{HeaderError, Shape};

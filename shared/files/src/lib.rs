//! Files that are taken in automatically.
//!
//! A [`source`] is where files come from: it lists what waits, opens it, and puts away what was taken in. The event is
//! the hint, the listing is the truth: whatever announces a file only makes it fast. An [`inbox`] takes in what a
//! source lists, with the same code as for a posted file, and the ledger has the outcome.

pub mod bucket;
pub mod folder;
pub mod inbox;
pub mod metrics;
pub mod scheduled;
pub mod source;
pub mod uploads;

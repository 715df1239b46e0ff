//! Files that come by themselves.
//!
//! A [`source`] is where files come from: it lists what waits, opens it, and puts away what was taken in. The event is the
//! hint, the listing is the truth: whatever tells of a file only makes it quick. An [`inbox`] takes in what a source
//! lists, with the same code as a file that is posted, and the ledger has what became of it.

pub mod bucket;
pub mod folder;
pub mod inbox;
pub mod metrics;
pub mod scheduled;
pub mod source;
pub mod uploads;

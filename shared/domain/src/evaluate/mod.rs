//! Judges readings by limits.
//!
//! A [`Judge`] compares one series with one [`Rule`]. It gets the series' readings in time order, in pieces that fit
//! into memory, and finds the exceedances of every period that the *touched* range can have changed. The result depends
//! only on the readings of those periods, since each sum begins at the period's first reading: neither the order of
//! rows in a file nor how they were split into files changes a verdict.

mod judge;
mod rule;
mod survey;

pub use judge::{Judge, Verdict};
pub use rule::{Context, FixedLimit, Rule, Standing, rules_for};
pub use survey::{Observed, Survey, Surveyor};

#[cfg(test)]
mod tests;

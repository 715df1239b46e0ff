//! Judging readings by limits.
//!
//! A [`Judge`] compares one series with one [`Rule`]. It is fed the series' readings in time order, in as many pieces
//! as memory asks for, and finds the exceedances of every period that the *touched* stretch of time can have changed.
//! What it finds depends only on the readings of those periods, each sum being taken from the period's first reading
//! on, so neither the order of rows in a file nor the way in which they were split into files shows in a verdict.

mod judge;
mod rule;
mod survey;

pub use judge::{Judge, Verdict};
pub use rule::{Context, FixedLimit, Rule, Standing, rules_for};
pub use survey::{Observed, Survey, Surveyor};

#[cfg(test)]
mod tests;

//! Readings, units, permits, verdicts. No AWS, no HTTP, no environment.

#![warn(missing_docs)]

pub mod alert;
pub mod calendar;
pub mod columns;
pub mod derive;
pub mod evaluate;
pub mod formula;
pub mod highest;
pub mod history;
pub mod name;
pub mod number;
pub mod permit;
pub mod permit_json;
pub mod range;
pub mod reading;
pub mod remedy;
pub mod schedule;
pub mod set;
pub mod statistic;
pub mod time;
pub mod unit;

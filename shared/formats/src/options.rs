//! What a file is read by: what its sender and the site say, and what an earlier reading of it has learned.

use super::clock::Folds;
use super::numbers::Separators;
use super::probe::Encoding;
use super::times::DateOrder;
use domain::highest::Highest;
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct Options {
    /// The site of rows that name none, and of an effluent chart.
    pub site: Option<String>,
    /// The present, in microseconds: results more than a day later are refused.
    pub now: i64,
    /// The time zones of sites, by [`key`](domain::name::key); sites without one keep UTC.
    pub zones: HashMap<String, TimeZone>,
    /// These units alone for some series, by their ids: their room is taken.
    pub units: HashMap<String, Vec<String>>,
    /// The highest values that series ever had, by their ids: ten times as much is listed as a surprise.
    pub highest: HashMap<String, Highest>,
    /// The order of numbers in dates, where the sender says it; `Open` leaves it to the file.
    pub date_order: DateOrder,
    /// What an earlier reading has learned.
    pub conventions: Conventions,
}

impl Default for Options {
    /// No site, no zones, everything open, and no end of time.
    fn default() -> Self {
        Self {
            site: None,
            now: i64::MAX,
            zones: HashMap::new(),
            units: HashMap::new(),
            highest: HashMap::new(),
            date_order: DateOrder::Open,
            conventions: Conventions::default(),
        }
    }
}

/// What only a whole file tells about its cells.
///
/// Read a file with what is known, and again while [`learned`](super::reader::Rows::learned) differs from that: the
/// second reading knows all that cells say by themselves, the third the units that rows leave blank. Files in which
/// nothing needs the whole are the same after one reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conventions {
    /// The encoding, where the first bytes do not tell it.
    pub encoding: Option<Encoding>,
    /// How numbers are written, by column; `Open` beyond the end.
    pub numbers: Vec<Separators>,
    /// The order of numbers in dates.
    pub dates: DateOrder,
    /// The unit of all rows of a series that have one, by the series' id, where others leave it blank.
    pub units: HashMap<String, String>,
    /// The unit of stored series, for rows that leave it blank and series whose other rows do not tell it; none where
    /// there is none or where it is not one. The caller looks up [`wanted_units`](super::reader::Rows::wanted_units).
    pub stored_units: HashMap<String, Option<String>>,
    /// Hours that a clock shows twice.
    pub folds: Folds,
}

impl Conventions {
    /// The unit of rows that leave it blank.
    pub(super) fn blank_unit(&self, id: &str) -> Option<&str> {
        self.units.get(id).or_else(|| self.stored_units.get(id).and_then(Option::as_ref)).map(String::as_str)
    }
}

//! Alerts, in blocks: the exceedances of one series under one rule, packed like readings.
//!
//! A file whose every reading exceeds has as many alerts as rows; one item for each would cost what segments save.
//!
//! The blocks of a rule belong to a *generation*. Few changes are made in place, in one transaction. Changes that do
//! not fit one are written as a new generation, which becomes valid when the last transaction moves the rule's pointer
//! to it. Blocks of other generations are of attempts that did not end, or wait to be removed: readers pass them over.

mod blocks;
mod change;
mod top;

pub use blocks::{Block, Stored, StoredRule};
pub use change::{Change, Reconciler};
pub use top::Top;

use domain::alert::{self, Alert, Severity};
use domain::columns::{Columns, Row};
use domain::permit::Statistic;
use domain::reading::{Direction, Series};
use domain::remedy::remedy;
use std::collections::BTreeMap;

/// The most alerts that a change lists, more than anybody pushes to subscribers. A million of them, each with its id
/// and texts, would take 450 MB and five seconds.
pub const MAX_LISTED: usize = 1000;

/// How grave an exceedance is.
pub fn severity(row: Row) -> Severity {
    Severity::of(row.value, row.limit, direction(row))
}

/// How many alerts of each severity there are in the rows.
pub fn count_severities(rows: &Columns, counts: &mut BTreeMap<Severity, u64>) {
    for index in 0..rows.len() {
        *counts.entry(severity(rows.row(index))).or_default() += 1;
    }
}

/// By how much an exceedance is beyond its limit, for comparing it with others.
pub(crate) fn gravity(row: Row) -> f64 {
    alert::ratio(row.value, row.limit, direction(row))
}

fn direction(row: Row) -> Direction {
    row.flags.limit().unwrap_or(Direction::Max)
}

/// What the alerts of a series under a rule have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The series.
    pub series: Series,
    /// Its id.
    pub series_id: String,
    /// The rule's identity.
    pub rule: String,
    /// The rule's statistic.
    pub statistic: Statistic,
    /// The rule's action text; empty if the permit names none.
    pub action: String,
}

impl Source {
    /// The alert that an exceedance makes.
    pub fn alert(&self, row: Row, unit: &str) -> Alert {
        let direction = direction(row);
        let action = if self.action.is_empty() {
            remedy(&self.series.parameter, Some(direction)).into()
        } else {
            self.action.clone()
        };
        Alert {
            id: self.id(row.time),
            site: self.series.site.clone(),
            outfall: self.series.outfall.clone(),
            parameter: self.series.parameter.clone(),
            series: self.series_id.clone(),
            statistic: self.statistic.to_string(),
            base: self.series.base.clone(),
            period: self.statistic.period().label(row.time, row.flags.kind()),
            time: row.shown_time(),
            // The sum of finite readings, or one in a smaller unit, can be infinite, which JSON has no number for.
            value: row.value.clamp(f64::MIN, f64::MAX),
            qualifier: row.flags.qualifier(),
            unit: unit.to_owned(),
            limit: row.limit,
            direction,
            percent: alert::percent(row.value, row.limit, direction),
            severity: severity(row),
            action,
        }
    }

    /// The id of the alert of the period that begins at a time.
    pub fn id(&self, time: i64) -> String {
        alert::id(&self.series_id, &self.rule, time)
    }
}

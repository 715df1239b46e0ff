//! Alerts, in blocks: the exceedances of one series under one rule, packed like readings.
//!
//! A file in which every reading exceeds has as many alerts as rows; an item for each would cost what segments save.
//!
//! The blocks of a rule belong to a *generation*. A few changes are made in place, in one transaction. Changes that do
//! not fit into one are written as a new generation, which becomes valid when the last transaction moves the rule's
//! pointer to it. Blocks of other generations belong to unfinished attempts, or wait to be removed: readers skip them.

mod blocks;
mod change;
mod top;

pub(crate) use blocks::partition;
pub use blocks::{Block, Stored, StoredRule};
pub use change::{Change, Reconciler};
pub use top::Top;

use domain::alert::{self, Alert, AlertKind, Measure, Severity, WaterInput};
use domain::calendar::{Calendar, PeriodKind};
use domain::columns::Row;
use domain::derive::{self, Waters};
use domain::history::History;
use domain::permit::{Limit, Other};
use domain::reading::{Direction, Mark, Qualifier, Series};
use domain::remedy::remedy;
use domain::statistic::Statistic;
use domain::time::TimeKind;
use domain::unit::Unit;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most alerts that a change lists, more than are ever pushed to subscribers. A million of them, each with its id
/// and texts, would take 450 MB and five seconds.
pub const MAX_LISTED: usize = 1000;

fn direction(row: Row) -> Direction {
    row.flags.limit().unwrap_or(Direction::Max)
}

/// The common properties of a series' alerts under a rule.
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
    /// The measures from which alerts are watch, warning and critical, if the limit defines them.
    pub thresholds: Option<[f64; 3]>,
    /// The site's permit: its calendar names periods, its versions number them.
    pub history: Arc<History>,
    /// The properties of the water by the start of a period, for a limit that depends on it, to be shown with alerts.
    pub waters: Arc<Waters>,
}

impl Source {
    /// The limit, if it depends on the water.
    pub fn of_water(&self) -> Option<&Limit> {
        let limits = self.history.versions().iter().flat_map(|version| &version.permit.limits);
        let mut of_water = limits.filter(|limit| matches!(limit.with, Some(Other::Water { .. })));
        of_water.find(|limit| limit.id() == self.rule)
    }

    /// The properties of the water; empty if several periods of it entered a value.
    fn water_of(&self, row: Row) -> Vec<WaterInput> {
        // Few limits depend on it.
        let Some(limit) = (!self.waters.is_empty()).then(|| self.of_water()).flatten() else { return Vec::new() };
        let (kind, own) = (derive::period(limit), self.statistic.period());
        if own != kind && own != PeriodKind::Instant {
            return Vec::new();
        }
        let in_hours = row.flags.kind() == TimeKind::Hours;
        let start =
            if in_hours { Calendar::default() } else { self.history.calendar.clone() }.around(kind, row.time).start;
        self.waters.get(&start).map_or_else(Vec::new, |numbers| limit.water(numbers))
    }

    /// The measure of excess for values in a unit.
    pub fn measure(&self, unit: &str) -> Measure {
        let measure = Measure::of(&self.series.parameter, &Unit::parse(unit));
        self.thresholds.map_or(measure, |thresholds| measure.with_thresholds(thresholds))
    }

    /// The severity of an exceedance in a unit.
    pub fn severity(&self, row: Row, unit: &str) -> Severity {
        self.measure(unit).severity(row.value, row.limit, direction(row))
    }

    /// The alert for an exceedance.
    pub fn alert(&self, row: Row, unit: &str) -> Alert {
        let direction = direction(row);
        let action = if self.action.is_empty() {
            remedy(&self.series.parameter, Some(direction)).into()
        } else {
            self.action.clone()
        };
        let calendar = &self.history.calendar;
        let measure = self.measure(unit);
        let (qualifier, kind) = (row.flags.qualifier(), row.flags.kind());
        let excess = measure.excess(row.value, qualifier, row.limit, direction);
        Alert {
            id: self.id(row),
            site: self.series.site.clone(),
            outfall: self.series.outfall.clone(),
            parameter: self.series.parameter.clone(),
            series: self.series_id.clone(),
            statistic: self.statistic.to_string(),
            base: self.series.base.clone(),
            period: calendar.label(self.statistic.period(), row.time, kind),
            time: calendar.shown(row.time, kind),
            // The sum of finite readings, or one in a smaller unit, can be infinite, which JSON cannot express.
            value: row.value.clamp(f64::MIN, f64::MAX),
            qualifier,
            unit: unit.to_owned(),
            limit: row.limit,
            direction,
            percent: excess.percent,
            percent_at_least: excess.percent_at_least,
            severity: self.severity(row, unit),
            action,
            kind: if row.flags.has(Mark::Benchmark) { AlertKind::Benchmark } else { AlertKind::Limit },
            permit_version: self.history.number_at(row.time),
            detection_limit_above_limit: qualifier == Qualifier::Less && direction == Direction::Max,
            water: self.water_of(row),
        }
    }

    /// The id of the alert of an exceedance. If several have the same time, each has its number as its sample.
    pub fn id(&self, row: Row) -> String {
        alert::id(&self.series_id, &self.rule, row.time, row.sample)
    }
}

/// Computes the severities of one source's exceedances one after the other: their unit is nearly always the same.
#[derive(Debug)]
pub(crate) struct Gauge {
    unit: Arc<str>,
    measure: Measure,
}

impl Gauge {
    pub(crate) fn new(source: &Source) -> Self {
        Self { unit: "".into(), measure: source.measure("") }
    }

    /// The measure of an exceedance.
    pub(crate) fn of(&mut self, source: &Source, unit: &Arc<str>) -> Measure {
        if *unit != self.unit {
            (self.unit, self.measure) = (unit.clone(), source.measure(unit));
        }
        self.measure
    }

    pub(crate) fn severity(&mut self, source: &Source, row: Row, unit: &Arc<str>) -> Severity {
        self.of(source, unit).severity(row.value, row.limit, direction(row))
    }

    /// Its excess, for comparisons with others.
    pub(crate) fn gravity(&mut self, source: &Source, row: Row, unit: &Arc<str>) -> f64 {
        self.of(source, unit).ratio(row.value, row.limit, direction(row))
    }
}

/// Counts a block's alerts by severity.
pub fn count_severities(block: &Block, counts: &mut BTreeMap<Severity, u64>) {
    let mut gauge = Gauge::new(&block.source);
    for index in 0..block.rows.len() {
        let row = block.rows.row(index);
        let unit = block.rows.units.get(row.flags.unit()).cloned().unwrap_or_default();
        *counts.entry(gauge.severity(&block.source, row, &unit)).or_default() += 1;
    }
}

//! All values of a statistic over a range of time, whether they exceed the limit or not.

use super::rule::Standing;
use super::{Judge, Rule};
use crate::alert::{AlertKind, Measure, Severity};
use crate::columns::{Columns, Row};
use crate::reading::{Direction, Mark};
use crate::statistic::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A value of a statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its period's start, the value, its qualifier and the limit it is compared with.
    pub row: Row,
    /// The unit of value and limit.
    pub unit: Arc<str>,
}

/// The values of a rule's statistic, summed up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// Their number: readings, days, weeks, months.
    pub values: u64,
    /// Of the certain ones, the one nearest to its limit, or exceeding it most.
    pub worst: Option<Observed>,
    /// The latest one.
    pub last: Option<Observed>,
    /// The sum and the number of those that are exact numbers, for their mean.
    pub total: (f64, u64),
    /// Those that exceed the limit.
    pub exceedances: BTreeMap<Severity, u64>,
    /// Those that are inconclusive: non-detects whose detection limit is above a maximum, and the like.
    pub inconclusive: u64,
    /// The first of them.
    pub open: Vec<Value>,
    /// How many readings were compared with the limit, or are part of a compared value, non-detects included.
    pub judged: u64,
    /// Readings whose unit cannot be compared with the limit's, by unit.
    pub incomparable: BTreeMap<String, u64>,
    /// The starts of the periods that have an expected value.
    pub met: BTreeSet<i64>,
    /// Readings that came with a limit that is not judged.
    pub unjudged: u64,
    /// How many of the values are compared with a benchmark.
    pub benchmarks: u64,
    /// Periods without a value because one of the series has no results: for a load, days.
    pub incomplete: u64,
    /// Excursions that end where readings are missing, so their length is unknown.
    pub gaps: u64,
    /// How far values in the latest unit exceed the limit.
    measure: Option<(Arc<str>, Measure)>,
}

/// Surveys one rule's statistic over the readings of one series. The values come from a [`Judge`], so what is shown and
/// what is judged cannot differ.
#[derive(Debug)]
pub struct Surveyor<'a> {
    rule: &'a Rule,
    touched: (i64, i64),
}

impl<'a> Surveyor<'a> {
    /// For the periods of readings between `touched.0` and `touched.1`, both included.
    pub fn new(rule: &'a Rule, touched: (i64, i64)) -> Self {
        Self { rule, touched }
    }

    /// Surveys readings in pieces, in time order. The pieces must include what [`Rule::context`] asks for.
    pub fn run<E>(self, mut next: impl FnMut() -> Result<Option<Columns>, E>) -> Result<Survey, E> {
        let mut survey = Survey::default();
        let mut judge = Judge::observing(self.rule, self.touched);
        while let Some(piece) = next()? {
            if self.rule.limit.is_none() {
                survey.take_rows(self.rule, &piece, self.touched);
            }
            judge.feed(&piece);
            judge.drain();
            survey.take_values(self.rule, judge.observed());
        }
        judge.close();
        survey.take_values(self.rule, judge.observed());
        let verdict = judge.finish();
        survey.judged = verdict.judged;
        survey.incomparable = verdict.incomparable;
        survey.open = verdict.open;
        Ok(survey)
    }
}

impl Survey {
    /// Readings with limits of their own.
    fn take_rows(&mut self, rule: &Rule, piece: &Columns, touched: (i64, i64)) {
        let range = piece.lower_bound(touched.0)..piece.lower_bound(touched.1.saturating_add(1));
        for index in range {
            let row = piece.row(index);
            self.unjudged += u64::from(row.flags.has(Mark::Unjudged));
            let Some(direction) = row.flags.limit().filter(|_| !row.flags.has(Mark::QualityControl)) else { continue };
            if row.flags.has(Mark::Unjudged) {
                continue;
            }
            let unit = piece.units.get(row.flags.unit()).cloned().unwrap_or_default();
            let is_beyond = super::judge::row_exceeds(row, direction);
            let standing = if is_beyond { Standing::Beyond } else { Standing::Within };
            self.take(rule, Observed { row, unit }, standing);
        }
    }

    fn take_values(&mut self, rule: &Rule, values: Vec<(Value, Standing)>) {
        let Some(limit) = &rule.limit else { return };
        let unit: Arc<str> = rule.unit().into();
        for (value, standing) in values {
            self.gaps += u64::from(value.flags.has(Mark::Gap));
            let observed = Observed { row: rule.exceedance(&value, limit), unit: unit.clone() };
            self.take(rule, observed, standing);
        }
    }

    fn take(&mut self, rule: &Rule, observed: Observed, standing: Standing) {
        let row = observed.row;
        let direction = row.flags.limit().unwrap_or(Direction::Max);
        self.values += 1;
        let expected = rule.expected();
        self.met.insert(rule.calendar.around(expected, row.time).start);
        if standing == Standing::Inconclusive {
            self.inconclusive += 1;
        } else if row.flags.qualifier() == direction.opens()
            || row.flags.qualifier() == crate::reading::Qualifier::Equal
        {
            self.total = (self.total.0 + row.value, self.total.1 + 1);
            let measure = self.measure_of(rule, &observed.unit);
            let gravity = |row: Row| measure.ratio(row.value, row.limit, direction);
            if self.worst.as_ref().is_none_or(|worst| gravity(row) > gravity(worst.row)) {
                self.worst = Some(observed.clone());
            }
        }
        self.benchmarks += u64::from(is_benchmark(rule, row));
        if standing == Standing::Beyond && !is_benchmark(rule, row) {
            let severity = self.measure_of(rule, &observed.unit).severity(row.value, row.limit, direction);
            *self.exceedances.entry(severity).or_default() += 1;
        }
        self.last = Some(observed);
    }

    fn measure_of(&mut self, rule: &Rule, unit: &Arc<str>) -> Measure {
        match &self.measure {
            Some((known, measure)) if known == unit => *measure,
            _ => self.measure.insert((unit.clone(), rule.measure(unit))).1,
        }
    }

    /// Whether values were judged, not only compared with benchmarks.
    pub fn judges(&self) -> bool {
        self.values > self.benchmarks
    }

    /// The mean of the values.
    pub fn mean(&self) -> Option<f64> {
        (self.total.1 > 0).then(|| self.total.0 / self.total.1 as f64)
    }

    /// How many values exceed the limit.
    pub fn exceedances_total(&self) -> u64 {
        self.exceedances.values().sum()
    }
}

/// Whether exceeding it is no violation.
fn is_benchmark(rule: &Rule, row: Row) -> bool {
    rule.kind() == AlertKind::Benchmark || row.flags.has(Mark::Benchmark)
}

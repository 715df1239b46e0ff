//! What a statistic came to over a stretch of time, beyond the limit or not.

use super::rule::{can_exceed, exceeds, row_exceeds};
use super::{Judge, Rule};
use crate::alert::{Severity, ratio};
use crate::columns::{Columns, Row};
use crate::permit::Statistic;
use crate::reading::Direction;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value of a statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its period's start, the value, its qualifier and the limit it is held against.
    pub row: Row,
    /// The unit of value and limit.
    pub unit: Arc<str>,
}

/// The values of a rule's statistic, summed up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// How many there are: readings, days, weeks, months. A day or a reading that cannot exceed whatever its limit is,
    /// such as a non-detect under a maximum, is not among them.
    pub values: u64,
    /// The one nearest to its limit, or furthest beyond it.
    pub worst: Option<Observed>,
    /// The latest one.
    pub last: Option<Observed>,
    /// Their sum, for their mean.
    pub total: f64,
    /// Those beyond the limit.
    pub exceedances: BTreeMap<Severity, u64>,
    /// Single readings that show nothing about the limit: non-detects whose detection limit is above a maximum, and
    /// the like.
    pub inconclusive: u64,
    /// How many readings were compared with the limit or entered what was, non-detects included.
    pub judged: u64,
    /// Readings whose unit cannot be compared with the limit's, by unit.
    pub incomparable: BTreeMap<String, u64>,
}

/// Takes the readings of one series and surveys one rule's statistic. The values come from a [`Judge`] whose limit
/// everything is beyond, so that what is shown and what is judged cannot differ.
#[derive(Debug)]
pub struct Surveyor<'a> {
    rule: &'a Rule,
    observing: Rule,
    touched: (i64, i64),
    survey: Survey,
}

impl Rule {
    /// The same statistic under a limit that every value is beyond.
    fn observing(&self) -> Self {
        let mut rule = self.clone();
        if let Some(limit) = &mut rule.limit {
            limit.value = if limit.direction == Direction::Max { f64::MIN } else { f64::MAX };
        }
        rule
    }
}

impl<'a> Surveyor<'a> {
    /// For the periods of readings between `touched.0` and `touched.1`, both included.
    pub fn new(rule: &'a Rule, touched: (i64, i64)) -> Self {
        Self { rule, observing: rule.observing(), touched, survey: Survey::default() }
    }

    /// Surveys readings that come in pieces, in time order. The pieces have to hold what [`Rule::context`] asks for.
    pub fn run<E>(mut self, mut next: impl FnMut() -> Result<Option<Columns>, E>) -> Result<Survey, E> {
        let observing = self.observing.clone();
        let mut judge = Judge::new(&observing, self.touched);
        while let Some(piece) = next()? {
            if self.reads_rows() {
                self.take_rows(&piece);
            } else {
                judge.feed(&piece);
                let found = judge.drain();
                self.take_statistics(&found);
            }
        }
        let verdict = judge.finish();
        self.take_statistics(&verdict.exceedances);
        self.survey.judged += verdict.judged;
        self.survey.incomparable.extend(verdict.incomparable);
        Ok(self.survey)
    }

    /// Single readings keep their qualifier: the latest one may be a non-detect.
    fn reads_rows(&self) -> bool {
        matches!(self.rule.statistic, Statistic::Instant | Statistic::AsReported)
    }

    fn take_rows(&mut self, piece: &Columns) {
        let units = piece.parsed_units();
        let limit = self.rule.limit.as_ref();
        let unit_of_limit: Arc<str> = limit.map_or("", |limit| limit.unit.as_str()).into();
        let conversions: Vec<_> = units.iter().map(|unit| limit.map(|limit| unit.conversion_to(&limit.unit))).collect();
        let range = piece.lower_bound(self.touched.0)..piece.lower_bound(self.touched.1.saturating_add(1));
        for index in range {
            let mut row = piece.row(index);
            let (direction, unit) = match (limit, conversions.get(row.flags.unit()).copied().flatten()) {
                (Some(limit), Some(Some(conversion))) if self.rule.season.holds_at(row.time) => {
                    row.value = conversion.apply(row.value);
                    row.limit = limit.value;
                    (limit.direction, unit_of_limit.clone())
                }
                (None, _) => match row.flags.limit() {
                    Some(direction) => (direction, piece.units.get(row.flags.unit()).cloned().unwrap_or_default()),
                    None => continue,
                },
                (Some(_), Some(None)) => {
                    *self.survey.incomparable.entry(piece.unit_of(index).to_owned()).or_default() += 1;
                    continue;
                }
                _ => continue,
            };
            self.survey.judged += 1;
            self.take(Observed { row, unit }, direction);
        }
    }

    fn take_statistics(&mut self, found: &Columns) {
        let Some(limit) = &self.rule.limit else { return };
        let (value, direction, unit) = (limit.value, limit.direction, Arc::<str>::from(limit.unit.as_str()));
        for index in 0..found.len() {
            self.take(Observed { row: Row { limit: value, ..found.row(index) }, unit: unit.clone() }, direction);
        }
    }

    fn take(&mut self, observed: Observed, direction: Direction) {
        let survey = &mut self.survey;
        let row = observed.row;
        if can_exceed(row.flags.qualifier(), direction) {
            survey.values += 1;
            survey.total += row.value;
            let gravity = |row: Row| ratio(row.value, row.limit, direction);
            if survey.worst.as_ref().is_none_or(|worst| gravity(row) > gravity(worst.row)) {
                survey.worst = Some(observed.clone());
            }
        } else if exceeds(row.value, row.limit, direction) {
            survey.inconclusive += 1;
        }
        if row_exceeds(row, row.limit, direction) {
            *survey.exceedances.entry(Severity::of(row.value, row.limit, direction)).or_default() += 1;
        }
        survey.last = Some(observed);
    }
}

impl Survey {
    /// The mean of the values.
    pub fn mean(&self) -> Option<f64> {
        (self.values > 0).then(|| self.total / self.values as f64)
    }

    /// How many values are beyond the limit.
    pub fn exceedances_total(&self) -> u64 {
        self.exceedances.values().sum()
    }
}

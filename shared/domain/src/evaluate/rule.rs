//! A limit, made ready for one series.

use crate::alert::Severity;
use crate::columns::{Columns, Row};
use crate::permit::{Limit, NonDetect, Permit, Season, Statistic};
use crate::reading::{Direction, Flags, Qualifier, Series};
use crate::time::{DAY, PeriodKind};
use crate::unit::Unit;
use std::ops::Range;

/// The number of days that a 30-day geometric mean looks at.
pub(super) const GEOMEAN_DAYS: i64 = 30;

/// A limit as it applies to one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The identity of the rule, part of the identity of its alerts.
    pub id: String,
    /// What is compared.
    pub statistic: Statistic,
    /// The limit, unless every reading carries its own.
    pub limit: Option<FixedLimit>,
    /// When it holds.
    pub season: Season,
    /// What non-detects count as in averages.
    pub non_detect: NonDetect,
    /// What to do when it is exceeded.
    pub action: String,
}

/// A limit that is the same for every reading.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedLimit {
    /// The limit.
    pub value: f64,
    /// Its unit, in which alerts are given.
    pub unit: Unit,
    /// Which side is forbidden.
    pub direction: Direction,
}

/// The readings around a touched stretch of time that its verdicts need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// All readings from this time on ...
    pub from: i64,
    /// ... up to but not including this one ...
    pub to: i64,
    /// ... and so many more that can be compared before and after it ([`Rule::comparable`]).
    pub neighbours: usize,
}

impl Rule {
    /// The rule by which a reading that brought its own limit is judged.
    pub fn of_rows() -> Self {
        Self {
            id: "row".into(),
            statistic: Statistic::AsReported,
            limit: None,
            season: Season::ALL,
            non_detect: NonDetect::Zero,
            action: String::new(),
        }
    }

    /// The rule of a permit limit.
    pub fn of_limit(limit: &Limit) -> Self {
        Self {
            id: limit.id(),
            statistic: limit.statistic,
            limit: Some(FixedLimit { value: limit.value, unit: limit.unit.clone(), direction: limit.direction }),
            season: limit.season,
            non_detect: limit.non_detect,
            action: limit.action.clone(),
        }
    }

    /// How grave one reading by itself is beyond the limit; `None` if it is not, or if single readings are not what the
    /// rule is about.
    pub fn severity_of(&self, row: Row, unit: &str) -> Option<Severity> {
        if !matches!(self.statistic, Statistic::Instant | Statistic::AsReported) || !self.season.holds_at(row.time) {
            return None;
        }
        let (value, limit, direction) = match &self.limit {
            Some(limit) => {
                (Unit::parse(unit).conversion_to(&limit.unit)?.apply(row.value), limit.value, limit.direction)
            }
            None => (row.value, row.limit, row.flags.limit()?),
        };
        row_exceeds(Row { value, ..row }, limit, direction).then(|| Severity::of(value, limit, direction))
    }

    /// How many of some readings can be compared with the limit: only these are neighbours of a rolling mean.
    pub fn comparable(&self, columns: &Columns, range: Range<usize>) -> usize {
        let Some(limit) = &self.limit else { return range.len() };
        let compares: Vec<bool> =
            columns.units.iter().map(|unit| Unit::parse(unit).conversion_to(&limit.unit).is_some()).collect();
        if compares.iter().all(|compares| *compares) {
            return range.len();
        }
        let counts = |flags: &&Flags| compares.get(flags.unit()).copied().unwrap_or_default();
        columns.flags[range].iter().filter(counts).count()
    }

    /// What has to be known to judge readings between `first` and `last`.
    pub fn context(&self, (first, last): (i64, i64)) -> Context {
        let kind = self.statistic.period();
        let (from, to) = match self.statistic {
            Statistic::Geomean30d => {
                let days = (GEOMEAN_DAYS - 1) * DAY;
                (PeriodKind::Day.around(first).start - days, PeriodKind::Day.around(last).end + days)
            }
            Statistic::AsReported => (first, last + 1),
            _ => (kind.around(first).start, kind.around(last).end),
        };
        let neighbours = match self.statistic {
            Statistic::RollingMean(readings) => readings as usize - 1,
            _ => 0,
        };
        Context { from, to, neighbours }
    }
}

impl Context {
    /// The context that serves both.
    pub fn union(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            neighbours: self.neighbours.max(other.neighbours),
        }
    }
}

/// All rules for a series. `carries_limits`: whether its readings may bring their own.
pub fn rules_for(series: &Series, permit: &Permit, carries_limits: bool) -> Vec<Rule> {
    let own = carries_limits.then(Rule::of_rows);
    own.into_iter().chain(permit.limits.iter().filter(|limit| limit.covers(series)).map(Rule::of_limit)).collect()
}

/// Whether a value is beyond a limit, strictly.
///
/// A value within a millionth of a millionth of the limit counts as equal to it: the mean of 0.1, 0.2 and 0.3 is
/// 0.20000000000000004 in binary and must not exceed 0.2.
#[inline]
pub(super) fn exceeds(value: f64, limit: f64, direction: Direction) -> bool {
    let beyond = match direction {
        Direction::Max => value - limit,
        Direction::Min => limit - value,
    };
    beyond > 0.0 && beyond > limit.abs() * 1e-12
}

/// Whether a value with this qualifier can be beyond a limit in this direction at all.
#[inline]
pub(super) fn can_exceed(qualifier: Qualifier, direction: Direction) -> bool {
    !matches!((qualifier, direction), (Qualifier::Less, Direction::Max) | (Qualifier::Greater, Direction::Min))
}

/// The verdict on one value by itself.
#[inline]
pub(super) fn row_exceeds(row: Row, limit: f64, direction: Direction) -> bool {
    exceeds(row.value, limit, direction) && can_exceed(row.flags.qualifier(), direction)
}

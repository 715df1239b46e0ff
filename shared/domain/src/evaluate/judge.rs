//! The judge: a stream of readings in, exceedances out.

use super::rule::{FixedLimit, GEOMEAN_DAYS, Rule, can_exceed, exceeds, row_exceeds};
use crate::columns::{Columns, Row};
use crate::permit::{NonDetect, Statistic};
use crate::reading::{Direction, Flags, Qualifier};
use crate::time::{DAY, Period, PeriodKind};
use crate::unit::Conversion;
use std::collections::{BTreeMap, VecDeque};

/// What a judge found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// One row per exceedance, in time order: the start of its period, the value of the statistic, its qualifier and
    /// the limit, the last two values in the unit of the limit.
    pub exceedances: Columns,
    /// The stretch of period starts for which `exceedances` is complete, both ends included.
    pub covers: (i64, i64),
    /// How many touched readings were compared with the limit.
    pub judged: u64,
    /// Readings whose unit cannot be compared with the limit's, by unit.
    pub incomparable: BTreeMap<String, u64>,
}

/// Judges one series by one rule.
#[derive(Debug)]
pub struct Judge<'a> {
    rule: &'a Rule,
    touched: (i64, i64),
    state: State,
    verdict: Verdict,
}

#[derive(Debug)]
enum State {
    Rows,
    Average(Option<Sum>),
    Extreme(Option<Extreme>),
    Rolling { window: VecDeque<f64>, size: usize, after: usize },
    Geometric { days: VecDeque<DayLogs> },
}

#[derive(Debug)]
struct Sum {
    period: Period,
    total: f64,
    count: u64,
    flags: Flags,
}

#[derive(Debug)]
struct Extreme {
    period: Period,
    /// The most extreme value that can exceed, if the period has one.
    found: Option<Row>,
}

/// The logarithms of one day's readings.
#[derive(Debug)]
struct DayLogs {
    start: i64,
    total: f64,
    count: u64,
    flags: Flags,
}

impl<'a> Judge<'a> {
    /// A judge of what readings between `touched.0` and `touched.1`, both included, may have changed.
    pub fn new(rule: &'a Rule, touched: (i64, i64)) -> Self {
        let state = match rule.statistic {
            Statistic::Instant | Statistic::AsReported => State::Rows,
            Statistic::DailyAvg | Statistic::WeeklyAvg | Statistic::MonthlyAvg => State::Average(None),
            Statistic::DailyMax | Statistic::DailyMin => State::Extreme(None),
            Statistic::RollingMean(size) => {
                State::Rolling { window: VecDeque::new(), size: size as usize, after: size as usize - 1 }
            }
            Statistic::Geomean30d => State::Geometric { days: VecDeque::new() },
        };
        let covers = covered(rule.statistic, touched);
        let exceedances = Columns {
            units: rule.limit.iter().map(|limit| limit.unit.as_str().into()).collect(),
            ..Columns::default()
        };
        Self { rule, touched, state, verdict: Verdict { exceedances, covers, ..Verdict::default() } }
    }

    /// From which period's start on its verdict is complete.
    pub fn covers_from(&self) -> i64 {
        self.verdict.covers.0
    }

    /// Takes the next readings, in time order, all later than those before.
    pub fn feed(&mut self, columns: &Columns) {
        let Some(limit) = &self.rule.limit else {
            return self.feed_row_limits(columns);
        };
        let units = columns.parsed_units();
        let conversions: Vec<_> = units.iter().map(|unit| unit.conversion_to(&limit.unit)).collect();
        // The usual case by far, kept free of conversions and counters: one unit, the limit's own, all year.
        if let ([Some(Conversion::Same)], true) = (conversions.as_slice(), self.rule.season.is_all()) {
            match self.state {
                State::Rows => return self.feed_rows(columns, limit),
                State::Rolling { .. } => return self.feed_rolling(columns, limit),
                _ => {}
            }
        }
        for index in 0..columns.len() {
            let mut row = columns.row(index);
            let Some(conversion) = conversions.get(row.flags.unit()).copied().flatten() else {
                if self.is_touched(row.time) {
                    *self.verdict.incomparable.entry(columns.unit_of(index).to_owned()).or_default() += 1;
                }
                continue;
            };
            row.value = conversion.apply(row.value);
            self.take(row, limit);
        }
    }

    /// What has been found since the last time.
    pub fn drain(&mut self) -> Columns {
        let units = self.verdict.exceedances.units.clone();
        std::mem::replace(&mut self.verdict.exceedances, Columns { units, ..Columns::default() })
    }

    /// Ends the stream.
    pub fn finish(mut self) -> Verdict {
        if let Some(limit) = &self.rule.limit {
            match std::mem::replace(&mut self.state, State::Rows) {
                State::Average(Some(sum)) => self.close_sum(&sum, limit),
                State::Extreme(Some(extreme)) => self.close_extreme(&extreme, limit),
                State::Geometric { days } => self.close_day(&days, limit),
                _ => {}
            }
        }
        self.verdict
    }

    #[inline]
    fn is_touched(&self, time: i64) -> bool {
        self.touched.0 <= time && time <= self.touched.1
    }

    fn feed_row_limits(&mut self, columns: &Columns) {
        for index in 0..columns.len() {
            let row = columns.row(index);
            let Some(direction) = row.flags.limit().filter(|_| self.is_touched(row.time)) else { continue };
            self.verdict.judged += 1;
            if row_exceeds(row, row.limit, direction) {
                let exceedances = &mut self.verdict.exceedances;
                // The dictionary has room: it holds a subset of the units of `columns`.
                if let Ok(unit) = exceedances.unit_index(columns.unit_of(index)) {
                    exceedances.push(Row { flags: row.flags.with_unit(unit), ..row });
                }
            }
        }
    }

    fn feed_rows(&mut self, columns: &Columns, limit: &FixedLimit) {
        let (from, to) = (columns.lower_bound(self.touched.0), columns.lower_bound(self.touched.1.saturating_add(1)));
        self.verdict.judged += (to - from) as u64;
        for index in from..to {
            if exceeds(columns.values[index], limit.value, limit.direction) {
                let row = columns.row(index);
                if can_exceed(row.flags.qualifier(), limit.direction) {
                    self.report(row.time, row.value, row.flags, limit);
                }
            }
        }
    }

    /// All of [`Self::take`]'s rolling means at once: the values stand in a row, and each mean looks at a stretch of it.
    fn feed_rolling(&mut self, columns: &Columns, limit: &FixedLimit) {
        let State::Rolling { window, size, after } = &mut self.state else { return };
        let size = *size;
        let rule = self.rule.non_detect;
        let before = window.len();
        let mut values: Vec<f64> = window.iter().copied().collect();
        let entered = std::iter::zip(&columns.values, &columns.flags);
        values.extend(entered.map(|(&value, &flags)| substituted(value, flags, rule)));
        *window = values[values.len().saturating_sub(size)..].iter().copied().collect();
        let (from, to) = (columns.lower_bound(self.touched.0), columns.lower_bound(self.touched.1.saturating_add(1)));
        let end = (to + *after).min(columns.len());
        *after -= (*after).min(columns.len() - to);
        self.verdict.judged += (to - from) as u64;
        if from == end {
            return;
        }
        self.verdict.covers.1 = self.verdict.covers.1.max(columns.times[end - 1]);
        // The first reading whose window is full, as its own last one.
        let first = from.max((size - 1).saturating_sub(before));
        for index in first..end {
            let mean = values[index + before + 1 - size..=index + before].iter().sum::<f64>() / size as f64;
            if exceeds(mean, limit.value, limit.direction) {
                self.report_statistic(columns.times[index], mean, columns.flags[index], limit);
            }
        }
    }

    fn take(&mut self, row: Row, limit: &FixedLimit) {
        let statistic = self.rule.statistic;
        let seasonal = |time| self.rule.season.holds_at(time);
        let touched = self.is_touched(row.time);
        let season_time = if matches!(self.state, State::Average(_) | State::Extreme(_)) {
            statistic.period().around(row.time).start
        } else {
            row.time
        };
        if touched && seasonal(season_time) {
            self.verdict.judged += 1;
        }
        let mut state = std::mem::replace(&mut self.state, State::Rows);
        match &mut state {
            State::Rows => {
                if touched && row_exceeds(row, limit.value, limit.direction) && seasonal(row.time) {
                    self.report(row.time, row.value, row.flags, limit);
                }
            }
            State::Average(open) => {
                if let Some(sum) = open.take_if(|sum| row.time >= sum.period.end) {
                    self.close_sum(&sum, limit);
                }
                let sum = open.get_or_insert_with(|| Sum {
                    period: statistic.period().around(row.time),
                    total: 0.0,
                    count: 0,
                    flags: row.flags,
                });
                sum.total += substituted(row.value, row.flags, self.rule.non_detect);
                sum.count += 1;
            }
            State::Extreme(open) => {
                if let Some(extreme) = open.take_if(|extreme| row.time >= extreme.period.end) {
                    self.close_extreme(&extreme, limit);
                }
                let period =
                    open.get_or_insert_with(|| Extreme { period: PeriodKind::Day.around(row.time), found: None });
                period.take(row, statistic, limit.direction);
            }
            State::Rolling { window, size, after } => {
                window.push_back(substituted(row.value, row.flags, self.rule.non_detect));
                if window.len() > *size {
                    window.pop_front();
                }
                let affected = touched || row.time > self.touched.1 && *after > 0;
                if row.time > self.touched.1 {
                    *after = after.saturating_sub(1);
                }
                if affected {
                    self.verdict.covers.1 = self.verdict.covers.1.max(row.time);
                }
                if affected && window.len() == *size && seasonal(row.time) {
                    let mean = window.iter().sum::<f64>() / *size as f64;
                    self.report_statistic(row.time, mean, row.flags, limit);
                }
            }
            State::Geometric { days } => {
                let start = PeriodKind::Day.around(row.time).start;
                if days.back().is_some_and(|day| day.start != start) {
                    self.close_day(days, limit);
                }
                if days.back().is_none_or(|day| day.start != start) {
                    days.push_back(DayLogs { start, total: 0.0, count: 0, flags: row.flags });
                    while days.front().is_some_and(|day| day.start <= start - GEOMEAN_DAYS * DAY) {
                        days.pop_front();
                    }
                }
                if let Some(day) = days.back_mut() {
                    // The logarithm of zero does not exist: as usual for bacteria, nothing found counts as one.
                    let value = substituted(row.value, row.flags, self.rule.non_detect);
                    day.total += if value > 0.0 { value.ln() } else { 0.0 };
                    day.count += 1;
                }
            }
        }
        self.state = state;
    }

    fn close_sum(&mut self, sum: &Sum, limit: &FixedLimit) {
        self.report_period(sum.period.start, sum.total / sum.count as f64, sum.flags, limit);
    }

    fn close_extreme(&mut self, extreme: &Extreme, limit: &FixedLimit) {
        if let Some(row) = extreme.found {
            let start = extreme.period.start;
            if self.is_covered(start) && self.in_season(start) && exceeds(row.value, limit.value, limit.direction) {
                self.report(start, row.value, row.flags, limit);
            }
        }
    }

    fn close_day(&mut self, days: &VecDeque<DayLogs>, limit: &FixedLimit) {
        if let Some(last) = days.back() {
            let (total, count) = days.iter().fold((0.0, 0), |(t, c), day| (t + day.total, c + day.count));
            self.report_period(last.start, (total / count as f64).exp(), last.flags, limit);
        }
    }

    fn report_period(&mut self, start: i64, value: f64, flags: Flags, limit: &FixedLimit) {
        if self.is_covered(start) && self.in_season(start) {
            self.report_statistic(start, value, flags, limit);
        }
    }

    /// Reports a computed value, which has no qualifier, if it is beyond the limit.
    fn report_statistic(&mut self, time: i64, value: f64, flags: Flags, limit: &FixedLimit) {
        if exceeds(value, limit.value, limit.direction) {
            self.report(time, value, Flags::new(Qualifier::Equal, flags.kind(), None, 0), limit);
        }
    }

    fn report(&mut self, time: i64, value: f64, flags: Flags, limit: &FixedLimit) {
        let flags = Flags::new(flags.qualifier(), flags.kind(), Some(limit.direction), 0);
        self.verdict.exceedances.push(Row { time, value, flags, limit: limit.value });
    }

    fn is_covered(&self, start: i64) -> bool {
        self.verdict.covers.0 <= start && start <= self.verdict.covers.1
    }

    fn in_season(&self, start: i64) -> bool {
        self.rule.season.holds_at(start)
    }
}

impl Extreme {
    /// Keeps the most extreme value among those that can exceed.
    fn take(&mut self, row: Row, statistic: Statistic, direction: Direction) {
        if !can_exceed(row.flags.qualifier(), direction) {
            return;
        }
        let further = |found: Row| {
            if statistic == Statistic::DailyMax { row.value > found.value } else { row.value < found.value }
        };
        if self.found.is_none_or(further) {
            self.found = Some(row);
        }
    }
}

/// The starts of the periods that readings in `touched` fall into or count for.
fn covered(statistic: Statistic, (first, last): (i64, i64)) -> (i64, i64) {
    match statistic {
        Statistic::Instant | Statistic::AsReported | Statistic::RollingMean(_) => (first, last),
        Statistic::Geomean30d => {
            (PeriodKind::Day.around(first).start, PeriodKind::Day.around(last).start + (GEOMEAN_DAYS - 1) * DAY)
        }
        _ => (statistic.period().around(first).start, statistic.period().around(last).start),
    }
}

/// What a reading enters an average with.
#[inline]
fn substituted(value: f64, flags: Flags, rule: NonDetect) -> f64 {
    if flags.qualifier() == Qualifier::Less { rule.substitute(value) } else { value }
}

//! The judge: a stream of readings in, exceedances out.

use super::rule::{FixedLimit, Rule, Standing};
use crate::columns::{Columns, Row};
use crate::reading::{Direction, Flags, Mark};
use crate::statistic::{Batch, Course, Reach, Value};
use std::collections::BTreeMap;

/// The most inconclusive values that a verdict lists.
const MAX_LISTED: usize = 100;

/// The result of a judge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// One row per exceedance, in time order: the start of its period, the value of the statistic, its qualifier and
    /// the limit, the last two values in the unit of the limit.
    pub exceedances: Columns,
    /// The range of period starts for which `exceedances` is complete, both ends included.
    pub covers: (i64, i64),
    /// The number of touched readings that were compared with the limit.
    pub judged: u64,
    /// Readings whose unit cannot be compared with the limit's, by unit.
    pub incomparable: BTreeMap<String, u64>,
    /// The number of inconclusive values.
    pub inconclusive: u64,
    /// The first of them.
    pub open: Vec<Value>,
}

/// Judges one series by one rule.
pub struct Judge<'a> {
    rule: &'a Rule,
    touched: (i64, i64),
    course: Option<Box<dyn Course>>,
    /// How many results after the touched range have values that depend on it.
    after: usize,
    values: Vec<Value>,
    verdict: Verdict,
    /// The time of the latest exceedance, and how many earlier ones have the same time.
    last: Option<i64>,
    places: u64,
    /// The limit of each period, if a formula gives it.
    limits: Option<BTreeMap<i64, f64>>,
    /// Every compared value and its standing, if requested.
    observed: Option<Vec<(Value, Standing)>>,
}

impl<'a> Judge<'a> {
    /// A judge of what the readings between `touched.0` and `touched.1`, both included, may have changed.
    pub fn new(rule: &'a Rule, touched: (i64, i64)) -> Self {
        Self::with(rule, touched, None)
    }

    /// One that keeps every value for [`Self::observed`].
    pub(super) fn observing(rule: &'a Rule, touched: (i64, i64)) -> Self {
        Self::with(rule, touched, Some(Vec::new()))
    }

    fn with(rule: &'a Rule, touched: (i64, i64), observed: Option<Vec<(Value, Standing)>>) -> Self {
        let course = rule.limit.as_ref().map(|limit| rule.statistic.course(&rule.settings(limit, observed.is_some())));
        let after = match rule.statistic.reach() {
            // Observed values end in the range.
            Reach::Neighbours(results) if observed.is_none() => results - 1,
            _ => 0,
        };
        let units = rule.limit.iter().map(|_| rule.unit().into()).collect();
        let verdict = Verdict {
            exceedances: Columns { units, ..Columns::default() },
            covers: rule.statistic.affected(&rule.calendar, touched),
            ..Verdict::default()
        };
        let limits = rule.formula().map(|_| BTreeMap::new());
        Self { rule, touched, course, after, values: Vec::new(), verdict, last: None, places: 0, limits, observed }
    }

    /// From which period's start on its verdict is complete.
    pub fn covers_from(&self) -> i64 {
        self.verdict.covers.0
    }

    /// Adds the next readings, in time order, all later than those before.
    pub fn feed(&mut self, columns: &Columns) {
        let (Some(limit), Some(mut course)) = (&self.rule.limit, self.course.take()) else {
            return self.feed_row_limits(columns);
        };
        let conversions = self.rule.conversions(columns).unwrap_or_default();
        let batch = Batch::new(columns, &conversions);
        self.count(&batch);
        self.note_limits(columns);
        course.take(&batch, &mut self.values);
        self.course = Some(course);
        self.decide(limit);
    }

    /// The findings since the last call.
    pub fn drain(&mut self) -> Columns {
        let units = self.verdict.exceedances.units.clone();
        std::mem::replace(&mut self.verdict.exceedances, Columns { units, ..Columns::default() })
    }

    /// The values since the last call.
    pub(super) fn observed(&mut self) -> Vec<(Value, Standing)> {
        self.observed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Ends the stream.
    pub fn finish(mut self) -> Verdict {
        self.close();
        self.verdict
    }

    /// Completes what is open.
    pub(super) fn close(&mut self) {
        if let (Some(limit), Some(mut course)) = (&self.rule.limit, self.course.take()) {
            course.end(&mut self.values);
            self.decide(limit);
        }
    }

    #[inline]
    fn is_touched(&self, time: i64) -> bool {
        self.touched.0 <= time && time <= self.touched.1
    }

    /// Counts what is compared, and its extent.
    fn count(&mut self, batch: &Batch<'_>) {
        let columns = batch.columns;
        let range = columns.lower_bound(self.touched.0)..columns.lower_bound(self.touched.1.saturating_add(1));
        if batch.is_plain && self.rule.holds_always() {
            self.verdict.judged += range.len() as u64;
        } else {
            range.clone().for_each(|index| self.count_one(batch, index));
        }
        if self.after == 0 {
            return;
        }
        for index in range.end..columns.len() {
            if batch.is_plain || batch.result(index).is_some() {
                self.verdict.covers.1 = self.verdict.covers.1.max(columns.times[index]);
                self.after -= 1;
            }
            if self.after == 0 {
                break;
            }
        }
    }

    fn count_one(&mut self, batch: &Batch<'_>, index: usize) {
        let flags = batch.columns.flags[index];
        match batch.result(index) {
            Some(result) => {
                let period = self.rule.statistic.period();
                let start = self.rule.calendar.around(period, result.time).start;
                self.verdict.judged += u64::from(self.rule.holds_at(start));
            }
            None if flags.has(Mark::QualityControl) => {}
            None => *self.verdict.incomparable.entry(batch.columns.unit_of(index).to_owned()).or_default() += 1,
        }
    }

    /// Notes the limits from a formula, by the starts of their periods.
    fn note_limits(&mut self, columns: &Columns) {
        let Some(limits) = &mut self.limits else { return };
        let start = |time| self.rule.calendar.around(self.rule.statistic.period(), time).start;
        limits.extend((0..columns.len()).map(|index| columns.row(index)).map(|row| (start(row.time), row.limit)));
    }

    /// Compares the values so far.
    fn decide(&mut self, limit: &FixedLimit) {
        let always = self.rule.holds_always();
        let mut values = std::mem::take(&mut self.values);
        for value in values.drain(..) {
            let is_covered = self.verdict.covers.0 <= value.time && value.time <= self.verdict.covers.1;
            if !is_covered || !(always || self.rule.holds_at(value.time)) {
                continue;
            }
            let mut value = value;
            if let Some(limits) = &self.limits {
                let Some(limit) = limits.get(&value.time) else { continue };
                value.limit = Some(*limit);
            }
            let (standing, value) = self.rule.compare(&value, limit);
            match standing {
                Standing::Within => {}
                Standing::Beyond => self.exceed(self.rule.exceedance(&value, limit)),
                Standing::Inconclusive => {
                    self.verdict.inconclusive += 1;
                    if self.verdict.open.len() < MAX_LISTED {
                        self.verdict.open.push(value);
                    }
                }
            }
            if let Some(observed) = &mut self.observed {
                observed.push((value, standing));
            }
        }
        // Its capacity is reused.
        self.values = values;
    }

    /// Adds an exceedance. Of several at one time each has its number as its sample.
    fn exceed(&mut self, row: Row) {
        self.places = if self.last == Some(row.time) { self.places + 1 } else { 0 };
        self.last = Some(row.time);
        self.verdict.exceedances.push(Row { sample: self.places, ..row });
    }

    fn feed_row_limits(&mut self, columns: &Columns) {
        for index in 0..columns.len() {
            let row = columns.row(index);
            let Some(direction) = row.flags.limit().filter(|_| self.is_touched(row.time)) else { continue };
            if row.flags.has(Mark::QualityControl) || row.flags.has(Mark::Unjudged) {
                continue;
            }
            self.verdict.judged += 1;
            if row_exceeds(row, direction) {
                let exceedances = &mut self.verdict.exceedances;
                // The dictionary has room: it holds a subset of the units of `columns`.
                if let Ok(unit) = exceedances.unit_index(columns.unit_of(index)) {
                    self.exceed(Row { flags: row_flags(row.flags).with_unit(unit), ..row });
                }
            }
        }
    }
}

/// The flags that an exceedance keeps of its reading.
fn row_flags(flags: Flags) -> Flags {
    let kept = Flags::new(flags.qualifier(), flags.kind(), flags.limit(), 0).with_laboratory(flags.laboratory());
    if flags.has(Mark::Benchmark) { kept.with(Mark::Benchmark) } else { kept }
}

/// Whether a reading exceeds the limit that came with it. In reported values a sign does not excuse.
pub(super) fn row_exceeds(row: Row, direction: Direction) -> bool {
    direction.is_beyond(row.value, row.limit)
}

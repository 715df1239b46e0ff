//! Means, and how non-detects count in them.

use super::course::{Settings, Taken, Value, substituted};
use super::periodic::Accumulator;
use crate::calendar::{Period, PeriodKind};
use crate::permit::Of;
use crate::reading::Qualifier;
use crate::time::TimeKind;

/// The signs of results, which decide the sign of their mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    any_greater: bool,
    all_less: bool,
    /// The largest detection limit.
    most: f64,
    /// The sum of detection limits.
    sum: f64,
}

impl Default for Signs {
    fn default() -> Self {
        Self { any_greater: false, all_less: true, most: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl Signs {
    #[inline]
    pub(super) fn note(&mut self, result: &Taken) {
        match result.flags.qualifier() {
            Qualifier::Less => {
                self.most = self.most.max(result.value);
                self.sum += result.value;
            }
            Qualifier::Equal => self.all_less = false,
            Qualifier::Greater => (self.all_less, self.any_greater) = (false, true),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.any_greater |= other.any_greater;
        self.all_less &= other.all_less;
        self.most = self.most.max(other.most);
        self.sum += other.sum;
    }

    /// The same for the daily discharge that they make.
    fn of_day(mut self, settings: &Settings) -> Self {
        if settings.are_totals {
            self.most = if self.most > f64::NEG_INFINITY { self.sum } else { self.most };
        } else {
            self.sum = self.most.max(0.0);
        }
        self
    }

    /// A mean with its sign: of non-detects only, it is below the largest of their limits, never 0; with a result that
    /// is greater than its number, it is greater, too.
    pub(super) fn said(self, time: i64, mean: f64, kind: TimeKind, settings: &Settings) -> Value {
        if self.all_less && self.most > f64::NEG_INFINITY && !settings.all_non_detect_by_rule {
            return Value::signed(time, self.most, Qualifier::Less, kind);
        }
        let qualifier = if self.any_greater { Qualifier::Greater } else { Qualifier::Equal };
        Value::signed(time, mean, qualifier, kind)
    }
}

/// The mean of results.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    total: f64,
    count: u64,
    pub(super) signs: Signs,
}

impl Mean {
    /// The sum of the results.
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    pub(super) fn mean(&self) -> f64 {
        self.total / self.count as f64
    }
}

impl Accumulator for Mean {
    #[inline]
    fn add(&mut self, result: &Taken, settings: &Settings) {
        self.total += substituted(result.value, result.flags, settings.non_detect);
        self.count += 1;
        self.signs.note(result);
    }

    fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value {
        self.signs.said(time, self.mean(), kind, settings)
    }
}

/// Daily discharges (40 CFR 122.2): the mean of each day, or its sum if results are totals.
#[derive(Debug, Default)]
pub(super) struct Days {
    day: Option<Period>,
    open: Mean,
    total: f64,
    count: u64,
    signs: Signs,
}

impl Days {
    #[inline]
    pub(super) fn add(&mut self, result: &Taken, settings: &Settings) {
        if self.day.is_none_or(|day| result.time >= day.end) {
            self.close(settings);
            self.day = Some(settings.calendar.around(PeriodKind::Day, result.time));
        }
        self.open.add(result, settings);
    }

    fn close(&mut self, settings: &Settings) {
        if self.day.take().is_some() {
            let day = std::mem::take(&mut self.open);
            self.total += discharge(&day, settings);
            self.count += 1;
            self.signs.add(day.signs.of_day(settings));
        }
    }

    /// Their sum, how many days there are, and the signs of all results.
    pub(super) fn sum(&self, settings: &Settings) -> (f64, u64, Signs) {
        let mut signs = self.signs;
        if self.day.is_none() {
            return (self.total, self.count, signs);
        }
        signs.add(self.open.signs.of_day(settings));
        (self.total + discharge(&self.open, settings), self.count + 1, signs)
    }
}

fn discharge(day: &Mean, settings: &Settings) -> f64 {
    if settings.are_totals { day.total() } else { day.mean() }
}

/// The mean of daily discharges, each day with one weight, or of all results alike if the limit says so.
#[derive(Debug, Default)]
pub(super) struct Discharges {
    days: Days,
    results: Mean,
}

impl Accumulator for Discharges {
    #[inline]
    fn add(&mut self, result: &Taken, settings: &Settings) {
        match settings.of {
            Of::Days => self.days.add(result, settings),
            Of::Results => self.results.add(result, settings),
        }
    }

    fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value {
        let (mean, signs) = self.mean(settings);
        signs.said(time, mean, kind, settings)
    }
}

impl Discharges {
    pub(super) fn mean(&self, settings: &Settings) -> (f64, Signs) {
        match settings.of {
            Of::Results => (self.results.mean(), self.results.signs),
            Of::Days => {
                let (total, count, signs) = self.days.sum(settings);
                (total / count as f64, signs)
            }
        }
    }
}

/// The sum of daily discharges.
#[derive(Debug, Default)]
pub(super) struct Total(Days);

impl Accumulator for Total {
    fn add(&mut self, result: &Taken, settings: &Settings) {
        self.0.add(result, settings);
    }

    fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value {
        let (total, _, mut signs) = self.0.sum(settings);
        // All of them may be just below their limits.
        signs.most = if signs.most > f64::NEG_INFINITY { signs.sum } else { signs.most };
        signs.said(time, total, kind, settings)
    }
}

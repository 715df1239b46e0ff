//! Computes a statistic: results in, values out.

use crate::calendar::Calendar;
use crate::columns::Columns;
use crate::permit::{NonDetect, Of};
use crate::reading::{Direction, Flags, Mark, Qualifier};
use crate::time::TimeKind;
use crate::unit::Conversion;

/// Settings of a statistic, from its limit and its site.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The argument of the statistic.
    pub argument: f64,
    /// The site's calendar.
    pub calendar: Calendar,
    /// What non-detects count as in means.
    pub non_detect: NonDetect,
    /// Whether a mean is one of days or of results.
    pub of: Of,
    /// Whether a mean of non-detects only follows the rule, too.
    pub all_non_detect_by_rule: bool,
    /// Whether values are counts per 100 mL, in whose geometric means nothing found counts as 1.
    pub is_per_100ml: bool,
    /// Whether results are totals, so that those of a day add up.
    pub are_totals: bool,
    /// The limit.
    pub limit: f64,
    /// The lower end of a range, whose upper end is the limit.
    pub low: Option<f64>,
    /// The side on which values exceed it.
    pub direction: Direction,
    /// Whether to include values that are certainly within the limit.
    pub wants_all: bool,
}

/// A result in the unit of the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    /// Its moment.
    pub time: i64,
    /// Its number.
    pub value: f64,
    /// Its qualifier and the rest.
    pub flags: Flags,
    /// Its sample, 0 if it names none.
    pub sample: u64,
}

/// A value of a statistic, known to lie between `low` and `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The start of its period.
    pub time: i64,
    /// The number that is shown.
    pub value: f64,
    /// Its sign, if any, and what else to show beside it.
    pub flags: Flags,
    /// It is not below this ...
    pub low: f64,
    /// ... nor above that.
    pub high: f64,
    /// The limit, if it is not that of the permit.
    pub limit: Option<f64>,
}

impl Value {
    /// An exact number.
    pub fn exact(time: i64, value: f64, kind: TimeKind) -> Self {
        Self { time, value, flags: Flags::new(Qualifier::Equal, kind, None, 0), low: value, high: value, limit: None }
    }

    /// A number with a sign.
    pub fn signed(time: i64, value: f64, qualifier: Qualifier, kind: TimeKind) -> Self {
        let (low, high) = bounds(value, qualifier);
        Self { time, value, flags: Flags::new(qualifier, kind, None, 0), low, high, limit: None }
    }

    /// A result by itself.
    #[inline]
    pub fn of(result: &Taken) -> Self {
        let (low, high) = bounds(result.value, result.flags.qualifier());
        Self { time: result.time, value: result.value, flags: result.flags, low, high, limit: None }
    }
}

/// The bounds of a result.
#[inline]
pub(super) fn bounds(value: f64, qualifier: Qualifier) -> (f64, f64) {
    match qualifier {
        Qualifier::Equal => (value, value),
        Qualifier::Less => (f64::NEG_INFINITY, value),
        Qualifier::Greater => (value, f64::INFINITY),
    }
}

/// What a result counts as in a mean.
#[inline]
pub(super) fn substituted(value: f64, flags: Flags, rule: NonDetect) -> f64 {
    if flags.qualifier() == Qualifier::Less { rule.substitute(value) } else { value }
}

/// Results of a series, as they come from the table.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub(crate) columns: &'a Columns,
    /// The conversion of each unit of the columns to that of the limit, if any.
    pub(crate) conversions: &'a [Option<Conversion>],
    /// Whether every result counts unchanged: by far the usual case.
    pub(crate) is_plain: bool,
}

impl<'a> Batch<'a> {
    /// Results with the conversions of their units.
    pub fn new(columns: &'a Columns, conversions: &'a [Option<Conversion>]) -> Self {
        let is_plain = matches!(conversions, [Some(Conversion::Same)])
            && !columns.flags.iter().fold(false, |any, flags| any | flags.has(Mark::QualityControl));
        Self { columns, conversions, is_plain }
    }

    /// The result at a place, unless it is quality control or its unit does not compare.
    #[inline]
    pub fn result(&self, index: usize) -> Option<Taken> {
        let flags = self.columns.flags[index];
        if flags.has(Mark::QualityControl) {
            return None;
        }
        let conversion = self.conversions.get(flags.unit()).copied().flatten()?;
        Some(Taken {
            time: self.columns.times[index],
            value: conversion.apply(self.columns.values[index]),
            flags,
            sample: self.columns.samples.get(index).copied().unwrap_or(0),
        })
    }

    /// The results that count, in time order.
    #[inline]
    pub fn results(&self) -> impl Iterator<Item = Taken> + '_ {
        (0..self.columns.len()).filter_map(|index| self.result(index))
    }
}

/// A running computation of a statistic for one series.
pub trait Course: Send {
    /// Adds results, in time order, none before earlier ones, and appends the values that they complete.
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>);

    /// Appends the values that are still open.
    fn end(&mut self, out: &mut Vec<Value>);
}

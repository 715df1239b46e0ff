//! Geometric means, as for counts of bacteria.

use super::course::{Settings, Taken, Value, substituted};
use super::mean::Signs;
use super::periodic::Accumulator;
use crate::calendar::{Period, PeriodKind};
use crate::permit::Of;
use crate::reading::Qualifier;
use crate::time::TimeKind;

/// The logarithms of results.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Logs {
    total: f64,
    count: u64,
    signs: Signs,
}

impl Logs {
    #[inline]
    pub(super) fn add(&mut self, result: &Taken, settings: &Settings) {
        self.total += logarithm(result, settings);
        self.count += 1;
        self.signs.note(result);
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.total += other.total;
        self.count += other.count;
        self.signs.add(other.signs);
    }

    /// The logarithms of their mean, once.
    fn mean(&self) -> Self {
        Self { total: self.total / self.count as f64, count: 1, signs: self.signs }
    }

    pub(super) fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value {
        self.signs.said(time, (self.total / self.count as f64).exp(), kind, settings)
    }
}

/// Zero has no logarithm. In counts per 100 mL, nothing found counts as one; otherwise a zero makes the mean 0, as the
/// exponential of minus infinity.
fn logarithm(result: &Taken, settings: &Settings) -> f64 {
    if settings.is_per_100ml && (result.flags.qualifier() == Qualifier::Less || result.value <= 0.0) {
        return 0.0;
    }
    let value = substituted(result.value, result.flags, settings.non_detect);
    if value > 0.0 { value.ln() } else { f64::NEG_INFINITY }
}

/// The geometric mean of results, or of the days' geometric means if the limit says so.
#[derive(Debug, Default)]
pub(super) struct Geomean {
    all: Logs,
    day: Option<Period>,
    open: Logs,
}

impl Accumulator for Geomean {
    fn add(&mut self, result: &Taken, settings: &Settings) {
        if settings.of == Of::Results {
            return self.all.add(result, settings);
        }
        if self.day.is_none_or(|day| result.time >= day.end) {
            self.close();
            self.day = Some(settings.calendar.around(PeriodKind::Day, result.time));
        }
        self.open.add(result, settings);
    }

    fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value {
        let mut all = self.all;
        if self.day.is_some() {
            all.join(&self.open.mean());
        }
        all.value(time, kind, settings)
    }
}

impl Geomean {
    fn close(&mut self) {
        if self.day.take().is_some() {
            let day = std::mem::take(&mut self.open);
            self.all.join(&day.mean());
        }
    }
}

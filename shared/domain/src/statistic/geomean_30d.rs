//! The geometric mean of the results of thirty days, taken for each day that has one.

use super::course::{Batch, Course, Settings, Value};
use super::geometric::Logs;
use super::{Definition, Reach};
use crate::calendar::{Period, PeriodKind};
use crate::time::TimeKind;
use std::collections::VecDeque;

/// How many days it looks back, besides its own.
const BEFORE: i32 = 29;

#[derive(Debug)]
pub(super) struct Geomean30d;

impl Definition for Geomean30d {
    fn name(&self) -> &'static str {
        "geomean_30d"
    }

    fn label(&self) -> &'static str {
        "30-day geometric mean"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Day
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Trailing(PeriodKind::Day, BEFORE)
    }

    fn is_average(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(ThirtyDays { settings: settings.clone(), days: VecDeque::new() })
    }
}

struct ThirtyDays {
    settings: Settings,
    days: VecDeque<Day>,
}

struct Day {
    period: Period,
    kind: TimeKind,
    logs: Logs,
}

impl Course for ThirtyDays {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        for result in batch.results() {
            if self.days.back().is_none_or(|day| result.time >= day.period.end) {
                self.close(out);
                let (calendar, kind) = (&self.settings.calendar, result.flags.kind());
                let period = calendar.around(PeriodKind::Day, result.time);
                let earliest = calendar.shifted(PeriodKind::Day, period.start, -BEFORE);
                self.days.push_back(Day { period, kind, logs: Logs::default() });
                while self.days.front().is_some_and(|day| day.period.start < earliest) {
                    self.days.pop_front();
                }
            }
            if let Some(day) = self.days.back_mut() {
                day.logs.add(&result, &self.settings);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Value>) {
        self.close(out);
        self.days.clear();
    }
}

impl ThirtyDays {
    fn close(&self, out: &mut Vec<Value>) {
        if let Some(last) = self.days.back() {
            let mut all = Logs::default();
            self.days.iter().for_each(|day| all.join(&day.logs));
            out.push(all.value(last.period.start, last.kind, &self.settings));
        }
    }
}

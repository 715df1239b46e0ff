//! The highest weekly average of a month: a week belongs to the month of its last day.

use super::course::{Batch, Course, Settings, Value};
use super::extreme::is_further;
use super::mean::Discharges;
use super::periodic::Accumulator;
use super::{Definition, Reach};
use crate::calendar::{Period, PeriodKind};
use crate::time::TimeKind;

#[derive(Debug)]
pub(super) struct WeeklyAvgMax;

impl Definition for WeeklyAvgMax {
    fn name(&self) -> &'static str {
        "weekly_avg_max"
    }

    fn label(&self) -> &'static str {
        "Highest weekly average of the month"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Month
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::WeeksOfMonth
    }

    fn is_average(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(Weeks { settings: settings.clone(), week: None, month: None })
    }
}

struct Weeks {
    settings: Settings,
    week: Option<(Period, TimeKind, Discharges)>,
    /// The highest of a month so far, at the start of that month.
    month: Option<Value>,
}

impl Course for Weeks {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        for result in batch.results() {
            if self.week.as_ref().is_some_and(|(week, ..)| result.time >= week.end) {
                self.close_week(out);
            }
            let calendar = &self.settings.calendar;
            let (.., results) = self.week.get_or_insert_with(|| {
                let kind = result.flags.kind();
                (calendar.around(PeriodKind::Week, result.time), kind, Discharges::default())
            });
            results.add(&result, &self.settings);
        }
    }

    fn end(&mut self, out: &mut Vec<Value>) {
        self.close_week(out);
        out.extend(self.month.take());
    }
}

impl Weeks {
    fn close_week(&mut self, out: &mut Vec<Value>) {
        let Some((week, kind, results)) = self.week.take() else { return };
        let month = self.settings.calendar.around(PeriodKind::Month, week.end - 1).start;
        if self.month.as_ref().is_some_and(|highest| highest.time != month) {
            out.extend(self.month.take());
        }
        let value = results.value(month, kind, &self.settings);
        let (low, high) = match &self.month {
            Some(highest) => (value.low.max(highest.low), value.high.max(highest.high)),
            None => (value.low, value.high),
        };
        let said = |value: &Value| (value.value, value.flags.qualifier());
        let shown = self.month.filter(|highest| !is_further::<true>(said(&value), said(highest))).unwrap_or(value);
        self.month = Some(Value { low, high, ..shown });
    }
}

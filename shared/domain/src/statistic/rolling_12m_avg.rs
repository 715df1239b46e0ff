//! The mean of twelve monthly averages, for each month that has one. Months without results are left out.

use super::course::{Batch, Course, Settings, Value};
use super::mean::{Discharges, Signs};
use super::periodic::Accumulator;
use super::{Definition, Reach};
use crate::calendar::{Period, PeriodKind};
use crate::time::TimeKind;
use std::collections::VecDeque;

/// How many months it looks back, besides its own.
const BEFORE: i32 = 11;

#[derive(Debug)]
pub(super) struct Rolling12mAvg;

impl Definition for Rolling12mAvg {
    fn name(&self) -> &'static str {
        "rolling_12m_avg"
    }

    fn label(&self) -> &'static str {
        "Average of twelve months"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Month
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Trailing(PeriodKind::Month, BEFORE)
    }

    fn is_average(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(TwelveMonths { settings: settings.clone(), open: None, months: VecDeque::new() })
    }
}

struct TwelveMonths {
    settings: Settings,
    open: Option<(Period, TimeKind, Discharges)>,
    /// The start of each month before, its average and its signs.
    months: VecDeque<(i64, f64, Signs)>,
}

impl Course for TwelveMonths {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        for result in batch.results() {
            if self.open.as_ref().is_some_and(|(month, ..)| result.time >= month.end) {
                self.close(out);
            }
            let calendar = &self.settings.calendar;
            let (.., results) = self.open.get_or_insert_with(|| {
                let kind = result.flags.kind();
                (calendar.around(PeriodKind::Month, result.time), kind, Discharges::default())
            });
            results.add(&result, &self.settings);
        }
    }

    fn end(&mut self, out: &mut Vec<Value>) {
        self.close(out);
        self.months.clear();
    }
}

impl TwelveMonths {
    fn close(&mut self, out: &mut Vec<Value>) {
        let Some((month, kind, results)) = self.open.take() else { return };
        let (mean, signs) = results.mean(&self.settings);
        self.months.push_back((month.start, mean, signs));
        let earliest = self.settings.calendar.shifted(PeriodKind::Month, month.start, -BEFORE);
        while self.months.front().is_some_and(|(start, ..)| *start < earliest) {
            self.months.pop_front();
        }
        let mut all = Signs::default();
        self.months.iter().for_each(|(.., signs)| all.add(*signs));
        let total: f64 = self.months.iter().map(|(_, mean, _)| mean).sum();
        out.push(all.said(month.start, total / self.months.len() as f64, kind, &self.settings));
    }
}

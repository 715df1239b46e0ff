//! Statistics of calendar periods.

use super::course::{Batch, Course, Settings, Taken, Value};
use crate::calendar::{Period, PeriodKind};
use crate::time::TimeKind;

/// The results of one period, aggregated.
pub(super) trait Accumulator {
    /// Adds a result of the period.
    fn add(&mut self, result: &Taken, settings: &Settings);

    /// The value; `time` is the start of the period.
    fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value;
}

/// A statistic of calendar periods.
pub(super) struct Periodic<A> {
    kind: PeriodKind,
    settings: Settings,
    open: Option<Open<A>>,
}

struct Open<A> {
    period: Period,
    kind: TimeKind,
    results: A,
}

impl<A: Accumulator + Default + Send + 'static> Periodic<A> {
    pub(super) fn course(kind: PeriodKind, settings: &Settings) -> Box<dyn Course> {
        Box::new(Self { kind, settings: settings.clone(), open: None })
    }
}

impl<A: Accumulator + Default + Send> Course for Periodic<A> {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        for result in batch.results() {
            if self.open.as_ref().is_some_and(|open| result.time >= open.period.end) {
                self.end(out);
            }
            let open = self.open.get_or_insert_with(|| Open {
                period: self.settings.calendar.around(self.kind, result.time),
                kind: result.flags.kind(),
                results: A::default(),
            });
            open.results.add(&result, &self.settings);
        }
    }

    fn end(&mut self, out: &mut Vec<Value>) {
        if let Some(Open { period, kind, results }) = self.open.take() {
            out.push(results.value(period.start, kind, &self.settings));
        }
    }
}

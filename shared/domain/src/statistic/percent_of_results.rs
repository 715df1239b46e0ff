//! The percentage of a month's results that exceed the limit's value; it has a maximum.

use super::course::{Course, Settings, Taken, Value, bounds};
use super::periodic::{Accumulator, Periodic};
use super::{Argument, Definition, Reach};
use crate::calendar::PeriodKind;
use crate::time::TimeKind;

#[derive(Debug)]
pub(super) struct PercentOfResults;

impl Definition for PercentOfResults {
    fn name(&self) -> &'static str {
        "percent_of_results"
    }

    fn label(&self) -> &'static str {
        "At most {} % of the month's results beyond"
    }

    fn argument(&self) -> Option<Argument> {
        Some(Argument { key: "p", label: "how many percent may be beyond", least: 0.0, most: 100.0, is_whole: false })
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Month
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Period
    }

    fn unit(&self) -> Option<&'static str> {
        Some("%")
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Periodic::<Share>::course(self.period(), settings)
    }
}

#[derive(Debug, Default)]
struct Share {
    results: u64,
    beyond: u64,
    /// Those that are inconclusive.
    open: u64,
}

impl Accumulator for Share {
    fn add(&mut self, result: &Taken, settings: &Settings) {
        let sign = result.flags.qualifier();
        self.results += 1;
        match settings.direction.is_within(bounds(result.value, sign), sign, settings.limit) {
            Some(true) => {}
            Some(false) => self.beyond += 1,
            None => self.open += 1,
        }
    }

    fn value(&self, time: i64, kind: TimeKind, settings: &Settings) -> Value {
        let percent = |count: u64| count as f64 * 100.0 / self.results as f64;
        let limit = Some(settings.argument);
        Value { high: percent(self.beyond + self.open), limit, ..Value::exact(time, percent(self.beyond), kind) }
    }
}

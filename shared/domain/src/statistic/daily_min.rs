//! The lowest result of a day.

use super::course::{Course, Settings};
use super::extreme::Extreme;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct DailyMin;

impl Definition for DailyMin {
    fn name(&self) -> &'static str {
        "daily_min"
    }

    fn label(&self) -> &'static str {
        "Daily minimum"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Day
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Period
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Periodic::<Extreme<false>>::course(self.period(), settings)
    }
}

//! The highest result of a day.

use super::course::{Course, Settings};
use super::extreme::Extreme;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct DailyMax;

impl Definition for DailyMax {
    fn name(&self) -> &'static str {
        "daily_max"
    }

    fn label(&self) -> &'static str {
        "Daily maximum"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Day
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Period
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Periodic::<Extreme<true>>::course(self.period(), settings)
    }
}

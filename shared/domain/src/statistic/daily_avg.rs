//! A day's mean: the *daily discharge* of 40 CFR 122.2.

use super::course::{Course, Settings};
use super::mean::Mean;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct DailyAvg;

impl Definition for DailyAvg {
    fn name(&self) -> &'static str {
        "daily_avg"
    }

    fn label(&self) -> &'static str {
        "Daily average"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Day
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Period
    }

    fn is_average(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Periodic::<Mean>::course(self.period(), settings)
    }
}

//! The mean of a week's daily discharges (40 CFR 122.2).

use super::course::{Course, Settings};
use super::mean::Discharges;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct WeeklyAvg;

impl Definition for WeeklyAvg {
    fn name(&self) -> &'static str {
        "weekly_avg"
    }

    fn label(&self) -> &'static str {
        "Weekly average"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Week
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Period
    }

    fn is_average(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Periodic::<Discharges>::course(self.period(), settings)
    }
}

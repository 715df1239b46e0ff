//! The mean of a month's daily discharges (40 CFR 122.2).

use super::course::{Course, Settings};
use super::mean::Discharges;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct MonthlyAvg;

impl Definition for MonthlyAvg {
    fn name(&self) -> &'static str {
        "monthly_avg"
    }

    fn label(&self) -> &'static str {
        "Monthly average"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Month
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

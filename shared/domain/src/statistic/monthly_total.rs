//! The sum of a month's daily discharges.

use super::course::{Course, Settings};
use super::mean::Total;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct MonthlyTotal;

impl Definition for MonthlyTotal {
    fn name(&self) -> &'static str {
        "monthly_total"
    }

    fn label(&self) -> &'static str {
        "Monthly total"
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
        Periodic::<Total>::course(self.period(), settings)
    }
}

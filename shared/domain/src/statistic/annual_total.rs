//! The sum of a year's daily discharges.

use super::course::{Course, Settings};
use super::mean::Total;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct AnnualTotal;

impl Definition for AnnualTotal {
    fn name(&self) -> &'static str {
        "annual_total"
    }

    fn label(&self) -> &'static str {
        "Annual total"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Year
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

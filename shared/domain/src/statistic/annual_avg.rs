//! The mean of a year's daily discharges.

use super::course::{Course, Settings};
use super::mean::Discharges;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct AnnualAvg;

impl Definition for AnnualAvg {
    fn name(&self) -> &'static str {
        "annual_avg"
    }

    fn label(&self) -> &'static str {
        "Annual average"
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
        Periodic::<Discharges>::course(self.period(), settings)
    }
}

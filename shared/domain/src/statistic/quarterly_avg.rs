//! The mean of a quarter's daily discharges.

use super::course::{Course, Settings};
use super::mean::Discharges;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct QuarterlyAvg;

impl Definition for QuarterlyAvg {
    fn name(&self) -> &'static str {
        "quarterly_avg"
    }

    fn label(&self) -> &'static str {
        "Quarterly average"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Quarter
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

//! The geometric mean of a month's results.

use super::course::{Course, Settings};
use super::geometric::Geomean;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct MonthlyGeomean;

impl Definition for MonthlyGeomean {
    fn name(&self) -> &'static str {
        "monthly_geomean"
    }

    fn label(&self) -> &'static str {
        "Monthly geometric mean"
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
        Periodic::<Geomean>::course(self.period(), settings)
    }
}

//! The geometric mean of a week's results.

use super::course::{Course, Settings};
use super::geometric::Geomean;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct WeeklyGeomean;

impl Definition for WeeklyGeomean {
    fn name(&self) -> &'static str {
        "weekly_geomean"
    }

    fn label(&self) -> &'static str {
        "Weekly geometric mean"
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
        Periodic::<Geomean>::course(self.period(), settings)
    }
}

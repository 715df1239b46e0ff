//! The percentage of the influent that is removed, by monthly averages. The results are those of
//! [`crate::derive::derive`], one a month.

use super::course::{Course, Settings};
use super::mean::Mean;
use super::periodic::Periodic;
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct PercentRemoval;

impl Definition for PercentRemoval {
    fn name(&self) -> &'static str {
        "percent_removal"
    }

    fn label(&self) -> &'static str {
        "Monthly percent removal"
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
        Periodic::<Mean>::course(self.period(), settings)
    }
}

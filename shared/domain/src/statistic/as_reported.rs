//! A value that is a statistic already, as the laboratory or a form reports it.

use super::course::{Course, Settings};
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct AsReported;

impl Definition for AsReported {
    fn name(&self) -> &'static str {
        "as_reported"
    }

    fn label(&self) -> &'static str {
        "As reported"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Instant
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Result
    }

    fn is_of_reported(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(super::instant::Single(settings.clone()))
    }
}

//! Every single result.

use super::course::{Batch, Course, Settings, Value};
use super::{Definition, Reach};
use crate::calendar::PeriodKind;

#[derive(Debug)]
pub(super) struct Instant;

impl Definition for Instant {
    fn name(&self) -> &'static str {
        "instant"
    }

    fn label(&self) -> &'static str {
        "Each result"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Instant
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Result
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(Single(settings.clone()))
    }
}

/// Results one by one.
pub(super) struct Single(pub(super) Settings);

impl Course for Single {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        let Settings { limit, direction, wants_all, .. } = self.0;
        if batch.is_plain && !wants_all {
            // Most are within the limit: only the others become values.
            let columns = batch.columns;
            for index in 0..columns.len() {
                let is_open = columns.flags[index].qualifier() == direction.opens();
                if is_open || direction.is_beyond_or_near(columns.values[index], limit) {
                    out.extend(batch.result(index).map(|result| Value::of(&result)));
                }
            }
            return;
        }
        out.extend(batch.results().map(|result| Value::of(&result)));
    }

    fn end(&mut self, _: &mut Vec<Value>) {}
}

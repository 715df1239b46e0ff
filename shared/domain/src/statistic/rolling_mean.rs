//! The mean of a number of consecutive results.

use super::course::{Batch, Course, Settings, Taken, Value, substituted};
use super::mean::Signs;
use super::{Argument, Definition, Reach};
use crate::calendar::PeriodKind;
use crate::reading::Qualifier;
use std::collections::VecDeque;

/// The longest rolling mean, in results.
pub const MAX_ROLLING: u32 = 10_000;

#[derive(Debug)]
pub(super) struct RollingMean;

impl Definition for RollingMean {
    fn name(&self) -> &'static str {
        "rolling_mean"
    }

    fn label(&self) -> &'static str {
        "Mean of {} results"
    }

    fn argument(&self) -> Option<Argument> {
        let most = MAX_ROLLING.into();
        Some(Argument { key: "n", label: "how many results", least: 2.0, most, is_whole: true })
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Instant
    }

    fn reach(&self, argument: f64) -> Reach {
        Reach::Neighbours(argument as usize)
    }

    fn is_average(&self) -> bool {
        true
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(Rolling { settings: settings.clone(), size: settings.argument as usize, window: VecDeque::new() })
    }
}

struct Rolling {
    settings: Settings,
    size: usize,
    /// The latest results, at most as many as a mean takes.
    window: VecDeque<Taken>,
}

impl Course for Rolling {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        let is_exact = |result: &Taken| result.flags.qualifier() == Qualifier::Equal;
        let exact = batch.columns.flags.iter().fold(true, |all, flags| all & (flags.qualifier() == Qualifier::Equal));
        if batch.is_plain && exact && self.window.iter().all(is_exact) {
            return self.take_plain(batch, out);
        }
        for result in batch.results() {
            self.push(result);
            if self.window.len() == self.size {
                let value = self.value(&result);
                let Settings { direction, limit, wants_all, .. } = self.settings;
                let is_within = direction.is_within((value.low, value.high), value.flags.qualifier(), limit);
                if wants_all || is_within != Some(true) {
                    out.push(value);
                }
            }
        }
    }

    fn end(&mut self, _: &mut Vec<Value>) {}
}

impl Rolling {
    fn push(&mut self, result: Taken) {
        self.window.push_back(result);
        if self.window.len() > self.size {
            self.window.pop_front();
        }
    }

    fn value(&self, last: &Taken) -> Value {
        let mut signs = Signs::default();
        self.window.iter().for_each(|result| signs.note(result));
        let rule = self.settings.non_detect;
        let total: f64 = self.window.iter().map(|result| substituted(result.value, result.flags, rule)).sum();
        signs.said(last.time, total / self.size as f64, last.flags.kind(), &self.settings)
    }

    /// The usual case in one go: the values are contiguous, and each mean is a window of them.
    fn take_plain(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        let (columns, size, before) = (batch.columns, self.size, self.window.len());
        let Settings { limit, direction, wants_all, .. } = self.settings;
        let mut values: Vec<f64> = self.window.iter().map(|result| result.value).collect();
        values.extend_from_slice(&columns.values);
        // The first result that completes a window.
        for index in (size - 1).saturating_sub(before)..columns.len() {
            let mean = values[index + before + 1 - size..=index + before].iter().sum::<f64>() / size as f64;
            if wants_all || direction.is_beyond_or_near(mean, limit) {
                out.push(Value::exact(columns.times[index], mean, columns.flags[index].kind()));
            }
        }
        for index in columns.len().saturating_sub(size)..columns.len() {
            if let Some(result) = batch.result(index) {
                self.push(result);
            }
        }
    }
}

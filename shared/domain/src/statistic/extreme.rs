//! The highest and the lowest result of a period.

use super::course::{Settings, Taken, Value, bounds};
use super::periodic::Accumulator;
use crate::reading::{Flags, Qualifier};
use crate::time::TimeKind;

/// The highest or the lowest result. With signs it lies between two numbers: the highest of `2` and `<9` is between 2
/// and 9.
#[derive(Debug)]
pub(super) struct Extreme<const HIGHEST: bool> {
    low: f64,
    high: f64,
    /// The result that is shown.
    shown: Option<Taken>,
}

impl<const HIGHEST: bool> Default for Extreme<HIGHEST> {
    fn default() -> Self {
        let nothing = if HIGHEST { f64::NEG_INFINITY } else { f64::INFINITY };
        Self { low: nothing, high: nothing, shown: None }
    }
}

impl<const HIGHEST: bool> Accumulator for Extreme<HIGHEST> {
    fn add(&mut self, result: &Taken, _: &Settings) {
        let (low, high) = bounds(result.value, result.flags.qualifier());
        let further = |one: f64, other: f64| if HIGHEST { one.max(other) } else { one.min(other) };
        (self.low, self.high) = (further(self.low, low), further(self.high, high));
        let said = |result: &Taken| (result.value, result.flags.qualifier());
        if self.shown.is_none_or(|shown| is_further::<HIGHEST>(said(result), said(&shown))) {
            self.shown = Some(*result);
        }
    }

    fn value(&self, time: i64, kind: TimeKind, _: &Settings) -> Value {
        let (value, flags) = self.shown.map_or((0.0, Flags::default()), |shown| (shown.value, shown.flags));
        let flags = Flags::new(flags.qualifier(), kind, None, 0).with_laboratory(flags.laboratory());
        Value { time, value, flags, low: self.low, high: self.high, limit: None }
    }
}

/// Whether the first of two numbers with signs is shown as the highest, or as the lowest. A non-detect has no known
/// lower end, a value beyond the range no upper one; a value beyond a number is further out than the number.
pub(super) fn is_further<const HIGHEST: bool>(one: (f64, Qualifier), other: (f64, Qualifier)) -> bool {
    let vague = if HIGHEST { Qualifier::Less } else { Qualifier::Greater };
    match (one.1 == vague, other.1 == vague) {
        (true, false) => false,
        (false, true) => true,
        _ if one.0 == other.0 => other.1 == Qualifier::Equal && one.1 != Qualifier::Equal,
        _ => (one.0 > other.0) == HIGHEST,
    }
}

//! Continuous pH (40 CFR 401.17): minutes outside the range in a month, at most 446 in all and none longer than 60.
//!
//! A reading holds until the next one. A gap of more than three times the usual distance of the month's readings so
//! far, or of more than a day, ends an excursion, which is then marked: its length is unknown. An excursion over the
//! end of a month counts in both: in the first with its minutes there, in the second with all, unless it had more than
//! 60 in the first.

use super::course::{Batch, Course, Settings, Value};
use super::{Definition, Reach};
use crate::calendar::{Period, PeriodKind};
use crate::reading::{Direction, Flags, Mark};
use crate::time::{DAY, TimeKind};
use std::collections::VecDeque;

/// Minutes outside in a month.
const MONTH: f64 = 446.0;
/// Minutes of one excursion.
const ONE: f64 = 60.0;
/// The number of distances of which the median is the usual one.
const DISTANCES: usize = 31;
/// A gap is longer than this many usual distances.
const GAP: i64 = 3;
const MINUTE: f64 = 60e6;

#[derive(Debug)]
pub(super) struct AsExcursion;

impl Definition for AsExcursion {
    fn name(&self) -> &'static str {
        "as_excursion"
    }

    fn label(&self) -> &'static str {
        "Excursions of continuous readings"
    }

    fn period(&self) -> PeriodKind {
        PeriodKind::Month
    }

    fn reach(&self, _: f64) -> Reach {
        Reach::Held
    }

    fn unit(&self) -> Option<&'static str> {
        Some("min")
    }

    fn course(&self, settings: &Settings) -> Box<dyn Course> {
        Box::new(Excursions { settings: settings.clone(), last: None, month: None })
    }
}

struct Excursions {
    settings: Settings,
    last: Option<Held>,
    month: Option<Month>,
}

/// The previous reading.
#[derive(Clone, Copy)]
struct Held {
    from: i64,
    is_outside: bool,
    kind: TimeKind,
    /// Whether it ends an excursion unless the next one comes in time.
    usual: Option<i64>,
}

struct Month {
    period: Period,
    kind: TimeKind,
    /// The latest distances between its readings.
    distances: VecDeque<i64>,
    minutes: f64,
    /// Those that are over.
    excursions: Vec<Value>,
    /// The start of the one that is not, and its minutes so far.
    open: Option<(i64, f64)>,
    /// The minutes that an excursion had before the month began.
    carried: f64,
}

impl Course for Excursions {
    fn take(&mut self, batch: &Batch<'_>, out: &mut Vec<Value>) {
        for result in batch.results() {
            let is_outside = self.is_outside(result.value);
            let kind = result.flags.kind();
            if let Some(held) = self.last {
                self.hold(held, result.time, out);
            }
            let last = self.last.map(|held| held.from);
            let month = self.enter(result.time, kind, out);
            if !is_outside {
                month.close(Flags::default());
            }
            let usual = month.note(last, result.time);
            self.last = Some(Held { from: result.time, is_outside, kind, usual });
        }
    }

    fn end(&mut self, out: &mut Vec<Value>) {
        out.extend(self.month.take().into_iter().flat_map(Month::values));
        self.last = None;
    }
}

impl Excursions {
    fn is_outside(&self, value: f64) -> bool {
        self.settings.direction.is_beyond(value, self.settings.limit)
            || self.settings.low.is_some_and(|low| Direction::Min.is_beyond(value, low))
    }

    /// A reading holds until the next one, unless there is a gap.
    fn hold(&mut self, held: Held, to: i64, out: &mut Vec<Value>) {
        let distance = to - held.from;
        let is_gap = distance > DAY || held.usual.is_some_and(|usual| distance > GAP * usual);
        let mut from = held.from;
        while held.is_outside && !is_gap && from < to {
            let month = self.enter(from, held.kind, out);
            let end = month.period.end.min(to);
            month.add(from, (end - from) as f64 / MINUTE);
            from = end;
        }
        if let Some(month) = self.month.as_mut().filter(|_| held.is_outside && is_gap) {
            month.open.get_or_insert((held.from, 0.0));
            month.close(Flags::default().with(Mark::Gap));
        }
    }

    /// The month of a moment, which is that of the moment before or a later one.
    fn enter(&mut self, time: i64, kind: TimeKind, out: &mut Vec<Value>) -> &mut Month {
        let mut carried = 0.0;
        if let Some(month) = self.month.take_if(|month| time >= month.period.end) {
            carried = month.open.map_or(0.0, |(_, minutes)| minutes);
            out.extend(month.values());
        }
        let calendar = &self.settings.calendar;
        self.month.get_or_insert_with(|| Month {
            period: calendar.around(PeriodKind::Month, time),
            kind,
            distances: VecDeque::new(),
            minutes: 0.0,
            excursions: Vec::new(),
            open: None,
            carried: if carried > ONE { 0.0 } else { carried },
        })
    }
}

impl Month {
    fn add(&mut self, from: i64, minutes: f64) {
        self.minutes += minutes;
        self.open.get_or_insert((from, 0.0)).1 += minutes;
    }

    /// Ends the excursion that is open.
    fn close(&mut self, marks: Flags) {
        let carried = std::mem::take(&mut self.carried);
        if let Some((start, minutes)) = self.open.take() {
            let value = Value::exact(start, carried + minutes, self.kind);
            self.excursions.push(Value { limit: Some(ONE), flags: Flags(value.flags.0 | marks.0), ..value });
        }
    }

    /// Adds a reading, and returns the usual distance between the month's readings.
    fn note(&mut self, last: Option<i64>, time: i64) -> Option<i64> {
        if let Some(last) = last.filter(|last| *last >= self.period.start) {
            self.distances.push_back(time - last);
            if self.distances.len() > DISTANCES {
                self.distances.pop_front();
            }
        }
        let mut sorted: Vec<i64> = self.distances.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().filter(|distance| *distance > 0)
    }

    /// The minutes in all, and those of each excursion, in the order of time.
    fn values(mut self) -> Vec<Value> {
        self.close(Flags::default());
        let all = Value { limit: Some(MONTH), ..Value::exact(self.period.start, self.minutes, self.kind) };
        let mut values = vec![all];
        values.append(&mut self.excursions);
        values
    }
}

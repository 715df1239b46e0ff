//! Excursions of continuous readings, as runs of readings outside.

use super::plain::{Said, Sample, Terms};
use domain::reading::{Direction, Qualifier};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use std::collections::BTreeMap;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The minutes outside of each month at most 446, and of each excursion at most 60, in order. One that goes over the end
/// of a month counts in the second as a whole, unless the first had more than 60 minutes of it already.
pub(crate) fn values(terms: &Terms, samples: &[Sample]) -> Vec<Said> {
    let mut months: BTreeMap<Date, Vec<(i64, i64, f64)>> = BTreeMap::new();
    for sample in samples {
        months.entry(month(terms, sample.moment)).or_default();
    }
    for (from, to) in runs(terms, samples) {
        let mut before = 0.0;
        for (from, to) in by_month(terms, from, to) {
            months.entry(month(terms, from)).or_default().push((from, to, before));
            before = Some((to - from) as f64 / 60e6).filter(|minutes| *minutes <= 60.0).unwrap_or(0.0);
        }
    }
    let minutes = |(from, to, _): &(i64, i64, f64)| (to - from) as f64 / 60e6;
    let said = |time, value, limit| Said { time, value, sign: Qualifier::Equal, low: value, high: value, limit };
    let mut out = Vec::new();
    for (first, runs) in months {
        out.push(said(terms.midnight(first), runs.iter().map(minutes).sum(), 446.0));
        out.extend(runs.iter().map(|run| said(run.0, run.2 + minutes(run), 60.0)));
    }
    out
}

fn month(terms: &Terms, moment: i64) -> Date {
    let local = Timestamp::from_microsecond(moment).unwrap().to_zoned_datetime(terms.zone.clone());
    date(local.year(), local.month(), 1)
}

/// From when to when readings are outside one after the other, with none missing between.
fn runs(terms: &Terms, samples: &[Sample]) -> Vec<(i64, i64)> {
    let is_outside = |value: f64| match terms.direction {
        Direction::Max => value > terms.limit || terms.low.is_some_and(|low| value < low),
        Direction::Min => value < terms.limit || terms.low.is_some_and(|low| value < low),
    };
    let mut runs = Vec::new();
    let mut open: Option<i64> = None;
    for (index, sample) in samples.iter().enumerate() {
        let start = open.take().or(is_outside(sample.value).then_some(sample.moment));
        let next = samples.get(index + 1).filter(|next| !is_gap(terms, samples, index, next.moment));
        match (start, next) {
            (Some(start), Some(next)) if is_outside(sample.value) && is_outside(next.value) => open = Some(start),
            (Some(start), Some(next)) if is_outside(sample.value) && start < next.moment => {
                runs.push((start, next.moment));
            }
            // Where the next reading is missing, an excursion ends in the one before, and may have no minutes.
            (Some(start), None) if index + 1 < samples.len() => runs.push((start, sample.moment)),
            (Some(start), None) if start < sample.moment => runs.push((start, sample.moment)),
            _ => {}
        }
    }
    runs
}

/// Whether a reading is missing before the next one: it is further than a day, or than three times the usual distance
/// of the readings of the month so far, which is the median of the latest 31.
fn is_gap(terms: &Terms, samples: &[Sample], index: usize, next: i64) -> bool {
    let here = samples[index].moment;
    let so_far: Vec<i64> = samples[..=index]
        .iter()
        .filter(|sample| month(terms, sample.moment) == month(terms, here))
        .map(|sample| sample.moment)
        .collect();
    let mut distances: Vec<i64> = so_far.windows(2).rev().take(31).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(0);
    next - here > DAY || usual > 0 && next - here > 3 * usual
}

/// A stretch of time, cut at the ends of months.
fn by_month(terms: &Terms, from: i64, to: i64) -> Vec<(i64, i64)> {
    let next =
        |day: Date| if day.month() == 12 { date(day.year() + 1, 1, 1) } else { date(day.year(), day.month() + 1, 1) };
    let mut parts = if from == to { vec![(from, to)] } else { Vec::new() };
    let mut from = from;
    while from < to {
        let end = terms.midnight(next(month(terms, from))).min(to);
        parts.push((from, end));
        from = end;
    }
    parts
}

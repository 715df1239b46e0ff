//! Axes: positions and labels of ticks.

use crate::certificate::text::significant;
use domain::calendar::{Calendar, PeriodKind};
use domain::time::{self, DAY, HOUR, TimeKind};

/// A tick: its position on the axis, and its label.
pub(super) type Tick<T> = (T, String);

/// Larger values would overflow when differences are taken.
const LARGEST: f64 = 1e300;
/// Smaller values count as zero.
const SMALLEST: f64 = 1e-290;

/// The range of a value axis, widened to whole steps, and its ticks, lowest first.
pub(super) fn values(values: impl Iterator<Item = f64>, most: usize) -> ((f64, f64), Vec<Tick<f64>>) {
    let bounded = values.map(|value| value.clamp(-LARGEST, LARGEST));
    let (mut low, mut high) =
        bounded.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    // Start at zero, unless all values lie far above it, as pH does.
    if low > 0.0 && low < 0.4 * high {
        low = 0.0;
    }
    let size = low.abs().max(high.abs());
    // Floating point cannot tell values in between apart.
    if high - low <= size * 1e-9 || size < SMALLEST {
        let around = if size < SMALLEST { 1.0 } else { size * 0.1 };
        (low, high) = (low - around, high + around);
    }
    // Leave room for a label beyond the highest or lowest limit.
    let margin = (high - low) * 0.06;
    (low, high) = (if low == 0.0 { low } else { low - margin }, if high == 0.0 { high } else { high + margin });
    let step = nice((high - low) / most.max(2) as f64);
    let (first, last) = ((low / step).floor(), (high / step).ceil());
    let count = (last - first).min(20.0) as usize;
    let ticks: Vec<_> = (0..=count).map(|index| (first + index as f64) * step).collect();
    ((first * step, last * step), ticks.into_iter().map(|at| (at, label(at, step))).collect())
}

/// Rounds up to 1, 2, 2.5 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
    // Rounding errors must not push a step that is nice already to the next one.
    steps.into_iter().find(|candidate| *candidate >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// With enough decimals to tell a tick from the next; a number near zero is zero.
fn label(at: f64, step: f64) -> String {
    let at = if at.abs() < step / 1e6 { 0.0 } else { at };
    let digits = if at == 0.0 { 1.0 } else { (at.abs() / step).log10().floor() + 3.0 };
    let rounded: f64 = format!("{at:.*e}", digits.clamp(1.0, 15.0) as usize).parse().unwrap_or(at);
    if at != 0.0 && !(1e-4..1e6).contains(&at.abs()) { format!("{rounded:e}") } else { significant(rounded, 10) }
}

const SECOND: i64 = HOUR / 3600;
/// Steps shorter than a month.
const STEPS: [i64; 18] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
    600 * SECOND,
    1800 * SECOND,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
];
/// Steps of months, up to 2,000 years.
const MONTHS: [i64; 14] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 24_000];

/// Ticks of a time axis from `low` to `high`: as many as fit into `width`, for characters as wide as `character`.
pub(super) fn times((low, high): (i64, i64), kind: TimeKind, width: f64, character: f64) -> Vec<Tick<i64>> {
    let fits = |ticks: &Vec<Tick<i64>>| {
        let longest = ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
        ticks.len() as f64 * (longest + 2) as f64 * character <= width
    };
    let ticks = match kind {
        TimeKind::Hours => hours((low, high)),
        TimeKind::Clock | TimeKind::Date | TimeKind::Local => {
            let short = STEPS.iter().filter(|step| (high - low) / **step < 40).map(|step| clock((low, high), *step));
            short.chain(MONTHS.iter().map(|step| months((low, high), *step))).find(|ticks| fits(ticks))
        }
    };
    ticks
        .filter(|ticks| !ticks.is_empty())
        .unwrap_or_else(|| vec![(low, Calendar::default().label(PeriodKind::Day, low, kind))])
}

fn hours((low, high): (i64, i64)) -> Option<Vec<Tick<i64>>> {
    let step = nice(time::to_hours(high - low) / 5.0);
    let (first, last) = ((time::to_hours(low) / step).ceil() as i64, (time::to_hours(high) / step).floor() as i64);
    let tick =
        |index: i64| Some((time::from_hours(index as f64 * step).ok()?, label(index as f64 * step, step) + " h"));
    Some((first..=last).take(12).filter_map(tick).collect())
}

fn clock((low, high): (i64, i64), step: i64) -> Vec<Tick<i64>> {
    let first = low.div_euclid(step) * step;
    let all = (0..).map(|index| first + index * step).take_while(|at| *at <= high);
    let text = |at: i64| {
        let full = time::rfc3339(at);
        let (day, clock) = full.split_once('T').unwrap_or((&full, ""));
        match step {
            DAY.. => day.to_owned(),
            60_000_000.. => format!("{} {}", day.get(5..).unwrap_or(day), clock.get(..5).unwrap_or_default()),
            _ => clock.trim_end_matches('Z').to_owned(),
        }
    };
    all.filter(|at| *at >= low).map(|at| (at, text(at))).collect()
}

fn months((low, high): (i64, i64), step: i64) -> Vec<Tick<i64>> {
    let month = |at: i64| {
        let label = Calendar::default().label(PeriodKind::Month, at, TimeKind::Clock);
        let (year, month) = label.rsplit_once('-')?;
        Some(year.parse::<i64>().ok()? * 12 + month.parse::<i64>().ok()? - 1)
    };
    let (Some(first), Some(last)) = (month(low), month(high)) else { return Vec::new() };
    let text = |index: i64| {
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
        if step % 12 == 0 { format!("{year:04}") } else { format!("{year:04}-{month:02}") }
    };
    let at =
        |index: i64| time::from_clock(&format!("{:04}-{:02}-01", index.div_euclid(12), index.rem_euclid(12) + 1)).ok();
    let begin = first.div_euclid(step) * step;
    let all = (0..).map(|index| begin + index * step).take_while(|index| *index <= last).take(100);
    all.filter_map(|index| Some((at(index)?, text(index)))).filter(|(at, _)| (low..=high).contains(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels<T>(ticks: &[Tick<T>]) -> Vec<&str> {
        ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn values_have_round_ticks() {
        let (range, ticks) = values([3.0, 14.0].into_iter(), 4);
        assert_eq!((range, labels(&ticks)), ((0.0, 15.0), vec!["0", "5", "10", "15"]));
        let (_, ticks) = values([6.0, 9.0].into_iter(), 4);
        assert_eq!(labels(&ticks), ["5", "6", "7", "8", "9", "10"], "with room beyond both limits");
        let (_, ticks) = values([0.009, 0.0032].into_iter(), 4);
        assert_eq!(labels(&ticks), ["0", "0.0025", "0.005", "0.0075", "0.01"]);
        for odd in [
            vec![],
            vec![0.0],
            vec![7.3],
            vec![-5.0, 5.0],
            vec![f64::MAX, f64::MIN],
            vec![5e-324],
            vec![1e15, 1e15 + 1.0],
        ] {
            let ((low, high), ticks) = values(odd.iter().copied(), 4);
            assert!(low < high && (2..=21).contains(&ticks.len()), "{odd:?}: {low} {high} {ticks:?}");
            assert!(ticks.iter().all(|(_, label)| label.len() <= 9), "{odd:?}: {ticks:?}");
        }
    }

    #[test]
    fn times_have_calendar_ticks_that_fit() {
        let at = |text: &str| time::from_clock(text).unwrap();
        for (from, to, expected) in [
            ("2021-01-31", "2024-04-30", vec!["2022", "2023", "2024"]),
            ("2026-01-05", "2026-06-20", vec!["2026-02", "2026-03", "2026-04", "2026-05", "2026-06"]),
            ("2026-03-01", "2026-03-08", vec!["2026-03-02", "2026-03-04", "2026-03-06", "2026-03-08"]),
            ("2026-03-01T05:10", "2026-03-01T09:00", vec!["03-01 06:00", "03-01 07:00", "03-01 08:00", "03-01 09:00"]),
            ("2026-03-01T05:10:01", "2026-03-01T05:10:04", vec!["05:10:01", "05:10:02", "05:10:03", "05:10:04"]),
        ] {
            let ticks = times((at(from), at(to)), TimeKind::Clock, 300.0, 5.6);
            let found = labels(&ticks);
            let width: usize = found.iter().map(|label| label.len() + 2).sum();
            assert!(width as f64 * 5.6 <= 300.0 && found.len() >= 2, "{from}: {found:?}");
            assert_eq!(found, expected, "{from}");
        }
        let ages = times((at("0001-01-01"), at("9000-01-01")), TimeKind::Clock, 300.0, 5.6);
        assert!((2..=8).contains(&ages.len()), "{ages:?}");
        let hours = times((0, 48 * HOUR), TimeKind::Hours, 300.0, 5.6);
        assert_eq!(labels(&hours), ["0 h", "10 h", "20 h", "30 h", "40 h"]);
        assert_eq!(times((5, 5), TimeKind::Clock, 300.0, 5.6).len(), 1);
    }
}

//! The limit lines of a chart.

use super::{CHARACTER, HEIGHT, LEFT, RIGHT, Scale, TOP, WIDTH};
use crate::certificate::facts::SeriesFacts;
use crate::certificate::text::{direction, statistic, unmarked, value};
use domain::calendar::{Calendar, PeriodKind};
use domain::permit::Season;
use domain::reading::Direction;
use std::fmt::Write as _;

/// Lines at least this far apart do not hide each other's labels.
const LABEL_HEIGHT: f64 = 10.0;
/// The most months of a season that are drawn separately.
const MAX_MONTHS: usize = 600;

/// A limit, or several with the same value and direction.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) value: f64,
    direction: Direction,
    /// `maximum 250 mg/L`.
    pub(super) label: String,
    /// The limited statistics.
    pub(super) what: String,
    /// When it is in force; empty means always.
    stretches: Vec<(i64, i64)>,
}

/// The lines of a series' limits, in the series' unit.
pub(super) fn of(series: &SeriesFacts, span: (i64, i64), convert: &dyn Fn(f64, &str) -> Option<f64>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let unit = unmarked(&series.entry.unit);
    let mut add = |number: f64, side: Direction, what: String, stretches: Vec<(i64, i64)>| {
        let same = |line: &&mut Line| line.value == number && line.direction == side && line.stretches == stretches;
        match lines.iter_mut().find(same) {
            Some(line) => line.what += &format!(", {what}"),
            None => lines.push(Line {
                value: number,
                direction: side,
                label: format!("{} {} {unit}", direction(side), value(number)),
                what,
                stretches,
            }),
        }
    };
    for own in &series.scan.own_limits {
        if let Some(number) = convert(own.value, &own.unit) {
            let stretches = if series.scan.own_limits.len() == 1 { Vec::new() } else { vec![own.times] };
            add(number, own.direction, "came with the readings".into(), stretches);
        }
    }
    // A value computed from several series is not a reading, and a limit computed by a formula has no line.
    for limit in series.limits.iter().map(|limit| &limit.rule).filter(|rule| rule.other().is_none()) {
        let Some(fixed) = &limit.limit else { continue };
        if let Some(number) = convert(fixed.value, fixed.unit.as_str()) {
            add(number, fixed.direction, statistic(limit.statistic), stretches(limit.season, &limit.calendar, span));
        }
    }
    lines
}

/// The months of a season within a span; empty for the whole year, and for more months than a reader could tell apart.
fn stretches(season: Season, calendar: &Calendar, (from, to): (i64, i64)) -> Vec<(i64, i64)> {
    if season.is_all() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut month = calendar.around(PeriodKind::Month, from);
    for _ in 0..MAX_MONTHS {
        if month.start > to {
            return found;
        }
        if season.holds_at(calendar, month.start) {
            found.push((month.start.max(from), month.end.min(to)));
        }
        month = calendar.around(PeriodKind::Month, month.end);
    }
    Vec::new()
}

impl Line {
    pub(super) fn path(&self, scale: &Scale) -> String {
        let y = scale.y(self.value);
        if self.stretches.is_empty() {
            return format!("M{LEFT} {y:.1}H{}", WIDTH - RIGHT);
        }
        let mut path = String::new();
        for &(from, to) in &self.stretches {
            let _ = write!(path, "M{:.1} {y:.1}H{:.1}", scale.x(from), scale.x(to));
        }
        path
    }
}

/// Labels beside their lines. A label that would cover another one appears in the caption only.
pub(super) fn labels(lines: &[Line], scale: &Scale) -> Vec<(f64, String)> {
    let mut placed: Vec<(f64, String)> = Vec::new();
    for line in lines.iter().filter(|line| line.label.chars().count() as f64 * CHARACTER < WIDTH - LEFT - RIGHT) {
        let y = scale.y(line.value);
        // Above the line, unless that is outside the picture; for a minimum below it, away from the readings.
        let above = line.direction == Direction::Max && y - 4.0 > TOP;
        let at = if above || y > HEIGHT - 40.0 { y - 4.0 } else { y + 10.0 };
        if placed.iter().all(|(other, _)| (other - at).abs() >= LABEL_HEIGHT) {
            placed.push((at, line.label.clone()));
        }
    }
    placed
}

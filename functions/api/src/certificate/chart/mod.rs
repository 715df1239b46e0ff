//! A chart of a series, as SVG generated here: readings, limits, exceedances.
//!
//! Shapes differ as well as colours: readings are dots on a line, non-detects open circles, exceedances triangles that
//! point beyond the limit, limits broken lines.

mod axis;
mod lines;

use super::facts::SeriesFacts;
use super::text::{counted, qualified, tidy, value};
use domain::columns::Row;
use domain::reading::{Direction, Qualifier};
use domain::time::{self, DAY, HOUR, TimeKind};
use domain::unit::Unit;
use lines::Line;
use maud::{Markup, html};
use std::fmt::Write as _;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 164.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 24.0;
/// The width of a label's character, a little more than digits need.
const CHARACTER: f64 = 5.8;
/// More readings than this are drawn as a line without dots.
const DOTS: usize = 130;

/// The content of a chart, in one unit.
struct Drawing {
    points: Vec<Point>,
    /// Readings whose unit cannot be compared with the chart's.
    foreign: usize,
    lines: Vec<Line>,
    marks: Vec<(i64, f64, Direction)>,
    kind: TimeKind,
}

struct Point {
    time: i64,
    value: f64,
    qualifier: Qualifier,
}

/// Maps times and values to the picture.
struct Scale {
    times: (i64, i64),
    values: (f64, f64),
}

/// The chart of a series. `number` makes the ids of its title and description unique.
pub(super) fn chart(series: &SeriesFacts, title: &str, number: usize) -> Markup {
    let drawing = Drawing::new(series);
    let all = || {
        let values = drawing.points.iter().map(|point| point.value).chain(drawing.marks.iter().map(|mark| mark.1));
        values.chain(drawing.lines.iter().map(|line| line.value))
    };
    let (values, value_ticks) = axis::values(all(), 4);
    let scale = Scale { times: drawing.span(), values };
    let time_ticks = axis::times(scale.times, drawing.kind, WIDTH - LEFT - RIGHT, CHARACTER);
    let (title_id, desc_id) = (format!("chart-{number}-title"), format!("chart-{number}-desc"));
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby=(format!("{title_id} {desc_id}")) {
            title id=(title_id) { (title) }
            desc id=(desc_id) { (drawing.description(series)) }
            @for (at, label) in &value_ticks {
                @let y = scale.y(*at);
                path.grid d=(format!("M{LEFT} {y:.1}H{}", WIDTH - RIGHT)) {}
                text.tick x=(LEFT - 6.0) y=(format!("{:.1}", y + 3.5)) text-anchor="end" { (label) }
            }
            @for (at, label) in &time_ticks {
                @let x = scale.x(*at);
                path.axis d=(format!("M{x:.1} {}v4", HEIGHT - BOTTOM)) {}
                (time_label(x, label))
            }
            path.axis d=(format!("M{LEFT} {TOP}V{}H{}", HEIGHT - BOTTOM, WIDTH - RIGHT)) {}
            @for line in &drawing.lines { path.limit d=(line.path(&scale)) {} }
            path.line d=(drawing.line(&scale)) {}
            @if drawing.points.len() <= DOTS { path.dots d=(drawing.dots(&scale, false)) {} }
            path.open d=(drawing.dots(&scale, true)) {}
            path.beyond d=(drawing.triangles(&scale)) {}
            @for (y, label) in lines::labels(&drawing.lines, &scale) {
                text.limit-label x=(WIDTH - RIGHT - 2.0) y=(format!("{y:.1}")) text-anchor="end" { (label) }
            }
        }
    }
}

/// The caption below a chart.
pub(super) fn caption(series: &SeriesFacts) -> Markup {
    let drawing = Drawing::new(series);
    let shown = drawing.points.len() + drawing.foreign;
    html! {
        @if drawing.lines.is_empty() { "No limit in this unit." }
        @for (index, line) in drawing.lines.iter().enumerate() {
            @if index > 0 { "; " }
            (line.label) " (" (line.what) ")"
            @if index + 1 == drawing.lines.len() { "." }
        }
        @if (shown as u64) < series.scan.readings { " Drawn are the lowest and highest readings of each stretch." }
        @if drawing.foreign > 0 { " Not drawn: readings in units that do not convert." }
    }
}

/// A label below the axis, moved inwards if it would stick out.
fn time_label(x: f64, label: &str) -> Markup {
    let half = label.chars().count() as f64 * CHARACTER / 2.0;
    let anchor = if x + half > WIDTH - 1.0 { "end" } else { "middle" };
    let x = if anchor == "end" { WIDTH - 1.0 } else { x };
    html! { text.tick x=(format!("{x:.1}")) y=(HEIGHT - 7.0) text-anchor=(anchor) { (label) } }
}

impl Drawing {
    fn new(series: &SeriesFacts) -> Self {
        let unit = Unit::parse(&series.entry.unit);
        let convert = |value: f64, from: &str| Some(Unit::parse(from).conversion_to(&unit)?.apply(value));
        let same = |from: &str| from == series.entry.unit;
        let converted = |(row, from): &(Row, String)| {
            let value = if same(from) { row.value } else { convert(row.value, from)? };
            Some(Point { time: row.time, value, qualifier: row.flags.qualifier() })
        };
        let points: Vec<_> = series.scan.points.iter().filter_map(converted).collect();
        // A load or a share is not a reading.
        let of_readings =
            series.limits.iter().filter(|limit| limit.rule.other().is_none() || limit.rule.formula().is_some());
        let marks = of_readings.flat_map(|limit| &limit.exceeding.marks);
        let marks =
            marks.filter_map(|mark| Some((mark.time, convert(mark.value, &mark.unit)?, mark.direction))).collect();
        let kind = series.scan.points.first().map_or(TimeKind::Clock, |(row, _)| row.flags.kind());
        let foreign = series.scan.points.len() - points.len();
        let mut drawing = Self { points, foreign, lines: Vec::new(), marks, kind };
        drawing.lines = lines::of(series, drawing.span(), &convert);
        drawing
    }

    /// From the first to the last item drawn, widened if both have the same time.
    fn span(&self) -> (i64, i64) {
        let times = || self.points.iter().map(|point| point.time).chain(self.marks.iter().map(|mark| mark.0));
        let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        let around = if self.kind == TimeKind::Hours { HOUR } else { DAY };
        if first == last { (first - around, last + around) } else { (first, last) }
    }

    fn line(&self, scale: &Scale) -> String {
        let mut path = String::new();
        for (index, point) in self.points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", scale.x(point.time), scale.y(point.value));
        }
        path
    }

    /// Circles of the readings, either the non-detects or the others.
    fn dots(&self, scale: &Scale, non_detects: bool) -> String {
        let mut path = String::new();
        for point in self.points.iter().filter(|point| (point.qualifier == Qualifier::Less) == non_detects) {
            let r = if non_detects { 2.6 } else { 1.7 };
            let (x, y) = (scale.x(point.time) - r, scale.y(point.value));
            let _ = write!(path, "M{x:.1} {y:.1}a{r} {r} 0 1 0 {0} 0a{r} {r} 0 1 0 -{0} 0z", r * 2.0);
        }
        path
    }

    fn triangles(&self, scale: &Scale) -> String {
        let mut path = String::new();
        for &(time, value, direction) in &self.marks {
            let (x, y) = (scale.x(time), scale.y(value));
            let tip = if direction == Direction::Max { -5.5 } else { 5.5 };
            let _ = write!(path, "M{x:.1} {:.1}l4.5 {}h-9z", y + tip, -tip * 1.5);
        }
        path
    }

    fn description(&self, series: &SeriesFacts) -> String {
        let lowest = self.points.iter().min_by(|a, b| a.value.total_cmp(&b.value));
        let highest = self.points.iter().max_by(|a, b| a.value.total_cmp(&b.value));
        let (Some(lowest), Some(highest)) = (lowest, highest) else { return "No readings can be drawn.".into() };
        let at = |point: &Point| {
            let time = tidy(&time::shown(point.time, self.kind).to_string());
            format!("{} at {time}", qualified(point.qualifier, value(point.value)))
        };
        let limits: Vec<_> = self.lines.iter().map(|line| line.label.clone()).collect();
        let limits = if limits.is_empty() { "no limit".into() } else { limits.join(", ") };
        let exceedances: u64 = series.limits.iter().map(|limit| limit.exceeding.total()).sum();
        format!(
            "{}, of which {}. Lowest {}, highest {}. {limits}. {}.",
            counted(series.scan.readings, "reading", "readings"),
            counted(series.scan.non_detects, "non-detect", "non-detects"),
            at(lowest),
            at(highest),
            counted(exceedances, "exceedance", "exceedances"),
        )
    }
}

impl Scale {
    fn x(&self, time: i64) -> f64 {
        let share = (time - self.times.0) as f64 / (self.times.1 - self.times.0) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.values;
        let share = ((value.clamp(low, high) - low) / (high - low)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }
}

//! A limit, prepared for one series.

use crate::alert::{AlertKind, Measure, Severity};
use crate::calendar::{Calendar, PeriodKind};
use crate::columns::{Columns, Row};
use crate::formula::Formula;
use crate::history::History;
use crate::permit::{Limit, NonDetect, Of, Other, Season};
use crate::reading::{Direction, Flags, Mark, Qualifier, Series};
use crate::statistic::{Settings, Statistic, Taken, Value};
use crate::unit::{Conversion, Unit};
use std::ops::Range;

/// A limit as it applies to one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The identity of the rule, part of the identity of its alerts.
    pub id: String,
    /// What was measured.
    pub parameter: String,
    /// What is compared.
    pub statistic: Statistic,
    /// The limit, unless every reading carries its own.
    pub limit: Option<FixedLimit>,
    /// In which months it holds.
    pub season: Season,
    /// When it holds, in order: a value is judged by what holds when its period begins.
    pub windows: Vec<(i64, i64)>,
    /// The site's calendar.
    pub calendar: Calendar,
    /// Its limits: one from each version of the permit.
    pub limits: Vec<Limit>,
}

/// A limit that is the same for every reading.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedLimit {
    /// The limit.
    pub value: f64,
    /// Its unit, which is also that of alerts.
    pub unit: Unit,
    /// Which side is forbidden.
    pub direction: Direction,
}

/// The standing of a value against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Within the limit.
    Within,
    /// It exceeds the limit.
    Beyond,
    /// Its sign leaves it open.
    Inconclusive,
}

/// The readings around a touched range that its verdicts need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// All readings from this time on ...
    pub from: i64,
    /// ... up to but not including this one ...
    pub to: i64,
    /// ... and this many more comparable ones before and after it ([`Rule::comparable`]).
    pub neighbours: usize,
}

impl Rule {
    /// The rule for readings that came with their own limit.
    pub fn of_rows(parameter: &str, calendar: &Calendar) -> Self {
        Self {
            id: "row".into(),
            parameter: parameter.into(),
            statistic: Statistic::AS_REPORTED,
            limit: None,
            season: Season::ALL,
            windows: vec![(i64::MIN, i64::MAX)],
            calendar: calendar.clone(),
            limits: Vec::new(),
        }
    }

    /// The rule of a permit limit that holds between two moments.
    pub fn of_limit(limit: &Limit, calendar: &Calendar, window: (i64, i64)) -> Self {
        Self {
            id: limit.id(),
            parameter: limit.parameter.clone(),
            statistic: limit.statistic,
            limit: Some(FixedLimit { value: limit.value, unit: limit.unit.clone(), direction: limit.direction }),
            season: limit.season,
            windows: vec![window],
            calendar: calendar.clone(),
            limits: vec![limit.clone()],
        }
    }

    /// The limit of the latest version.
    pub fn latest(&self) -> Option<&Limit> {
        self.limits.last()
    }

    /// What to do when it is exceeded; may be empty.
    pub fn action(&self) -> &str {
        self.latest().map_or("", |limit| &limit.action)
    }

    /// What exceeding it means.
    pub fn kind(&self) -> AlertKind {
        self.latest().map_or(AlertKind::Limit, |limit| limit.kind)
    }

    /// The thresholds of watch, warning and critical, if the limit has its own.
    pub fn thresholds(&self) -> Option<[f64; 3]> {
        self.latest().and_then(|limit| limit.thresholds)
    }

    /// The other series that values or limits are made of.
    pub fn other(&self) -> Option<&Other> {
        self.latest().and_then(|limit| limit.with.as_ref())
    }

    /// Whether the limit, or the part of a value that counts, depends on the water.
    pub fn is_of_water(&self) -> bool {
        matches!(self.other(), Some(Other::Water { .. }))
    }

    /// In how many of these periods, by their starts, it holds.
    pub fn count_held(&self, starts: impl IntoIterator<Item = i64>) -> u64 {
        starts.into_iter().filter(|start| self.holds_at(*start)).count() as u64
    }

    /// The formula that gives the limit.
    pub fn formula(&self) -> Option<Formula> {
        self.latest().and_then(Limit::formula)
    }

    /// The unit of values: that of the limit, unless the statistic has its own.
    pub fn unit(&self) -> &str {
        let of_limit = || self.limit.as_ref().map_or("", |limit| limit.unit.as_str());
        self.statistic.unit().unwrap_or_else(of_limit)
    }

    /// How far values in a unit exceed the limit.
    pub fn measure(&self, unit: &str) -> Measure {
        let measure = Measure::of(&self.parameter, &Unit::parse(unit));
        match self.thresholds() {
            Some(thresholds) => measure.with_thresholds(thresholds),
            None => measure,
        }
    }

    /// The kind of period of which each must have a value: that of the statistic, months for a day or less, or as often
    /// as the limit says.
    pub fn expected(&self) -> PeriodKind {
        match (self.latest().and_then(|limit| limit.every), self.statistic.period()) {
            (Some(every), _) => every.period(),
            (None, PeriodKind::Instant | PeriodKind::Day) => PeriodKind::Month,
            (None, period) => period,
        }
    }

    /// Whether it holds for a value whose period begins at a moment.
    pub fn holds_at(&self, time: i64) -> bool {
        self.windows.iter().any(|(from, until)| *from <= time && time < *until)
            && self.season.holds_at(&self.calendar, time)
    }

    /// Whether it holds at all times.
    pub fn holds_always(&self) -> bool {
        self.season.is_all() && self.windows == [(i64::MIN, i64::MAX)]
    }

    /// The settings of its statistic. `wants_all`: also values that are certainly within the limit.
    pub(super) fn settings(&self, limit: &FixedLimit, wants_all: bool) -> Settings {
        let own = self.latest();
        let is_geometric = self.statistic.name().contains("geomean");
        Settings {
            argument: self.statistic.argument().map_or(0.0, |(_, argument)| argument),
            calendar: self.calendar.clone(),
            non_detect: own.map_or(NonDetect::Zero, |limit| limit.non_detect),
            of: own.and_then(|limit| limit.of).unwrap_or(if is_geometric { Of::Results } else { Of::Days }),
            all_non_detect_by_rule: own.is_some_and(|limit| limit.all_non_detect_by_rule),
            is_per_100ml: limit.unit.is_per_100ml(),
            are_totals: is_total(&limit.unit),
            limit: limit.value,
            low: own.and_then(|limit| limit.low),
            direction: limit.direction,
            wants_all: wants_all || own.is_some_and(|limit| limit.decimals.is_some() || limit.formula().is_some()),
        }
    }

    /// The standing of a value of its statistic, and the value as it is compared and shown.
    pub fn compare(&self, value: &Value, limit: &FixedLimit) -> (Standing, Value) {
        let own = self.latest();
        let direction = direction_of(self.statistic, limit.direction);
        let mut value = *value;
        if let Some(decimals) = own.and_then(|limit| limit.decimals) {
            let round = |number: f64| if number.is_finite() { round_half_up(number, decimals) } else { number };
            (value.value, value.low, value.high) = (round(value.value), round(value.low), round(value.high));
            if own.is_some_and(|limit| limit.formula().is_some()) {
                value.limit = value.limit.map(round);
            }
        }
        let bound = value.limit.unwrap_or(limit.value);
        if self.statistic.is_of_reported() {
            // In reported values a sign does not excuse.
            (value.low, value.high) = (value.value, value.value);
        }
        // A value above 10.4 may round to 10, as 10.4 does.
        let is_rounded = own.is_some_and(|limit| limit.decimals.is_some());
        let sign = if is_rounded { Qualifier::Equal } else { value.flags.qualifier() };
        let standing = match direction.is_within((value.low, value.high), sign, bound) {
            Some(true) => Standing::Within,
            Some(false) => Standing::Beyond,
            None if own.is_some_and(|limit| limit.inconclusive_violates) => Standing::Beyond,
            None => Standing::Inconclusive,
        };
        (standing, value)
    }

    /// The severity of a single result; `None` if it does not exceed the limit, or if the rule is not about single
    /// results.
    pub fn severity_of(&self, row: Row, unit: &str) -> Option<Severity> {
        if !self.statistic.is_single() || self.other().is_some() || row.flags.has(Mark::QualityControl) {
            return None;
        }
        let Some(limit) = &self.limit else {
            let direction = row.flags.limit().filter(|_| !row.flags.has(Mark::Unjudged))?;
            let is_beyond = direction.is_beyond(row.value, row.limit);
            return is_beyond.then(|| self.measure(unit).severity(row.value, row.limit, direction));
        };
        let value = Unit::parse(unit).conversion_to(&limit.unit)?.apply(row.value);
        let taken = Taken { time: row.time, value, flags: row.flags, sample: row.sample };
        let (standing, value) = self.compare(&Value::of(&taken), limit);
        let is_beyond = standing == Standing::Beyond && self.holds_at(row.time);
        is_beyond.then(|| self.measure(limit.unit.as_str()).severity(value.value, limit.value, limit.direction))
    }

    /// An exceedance as a row: the start of its period, the value, its qualifier, the limit.
    pub(super) fn exceedance(&self, value: &Value, limit: &FixedLimit) -> Row {
        let mut flags = Flags::new(
            value.flags.qualifier(),
            value.flags.kind(),
            Some(direction_of(self.statistic, limit.direction)),
            0,
        )
        .with_laboratory(value.flags.laboratory());
        if self.kind() == AlertKind::Benchmark {
            flags = flags.with(Mark::Benchmark);
        }
        Row { time: value.time, value: value.value, flags, limit: value.limit.unwrap_or(limit.value), sample: 0 }
    }

    /// The conversion of each unit of columns to the limit's; `None` for a rule of the readings' own limits.
    pub(super) fn conversions(&self, columns: &Columns) -> Option<Vec<Option<Conversion>>> {
        let limit = self.limit.as_ref()?;
        Some(columns.parsed_units().iter().map(|unit| unit.conversion_to(&limit.unit)).collect())
    }

    /// How many of these readings can be compared with the limit: only they are neighbours of a rolling mean.
    pub fn comparable(&self, columns: &Columns, range: Range<usize>) -> usize {
        let Some(conversions) = self.conversions(columns) else { return range.len() };
        let compares = |unit: usize| conversions.get(unit).is_some_and(Option::is_some);
        let counts = |flags: &&Flags| compares(flags.unit()) && !flags.has(Mark::QualityControl);
        columns.flags[range].iter().filter(counts).count()
    }

    /// The readings that are needed to judge those between `first` and `last`.
    pub fn context(&self, touched: (i64, i64)) -> Context {
        let affected = self.statistic.affected(&self.calendar, touched);
        let (from, to, neighbours) = self.statistic.context(&self.calendar, affected);
        Context { from: from.min(touched.0), to: to.max(touched.1.saturating_add(1)), neighbours }
    }
}

/// Whether a unit is one of amounts, which add up, unlike rates and concentrations.
fn is_total(unit: &Unit) -> bool {
    ["lb", "kg", "g", "t", "gal", "MG", "m3", "L"].iter().any(|amount| unit.as_str().eq_ignore_ascii_case(amount))
}

/// A percentage of results, and minutes outside a range, have a maximum, whichever side the limit itself is on.
fn direction_of(statistic: Statistic, of_limit: Direction) -> Direction {
    if statistic.unit().is_some() { Direction::Max } else { of_limit }
}

/// A number rounded to this many decimals, halves away from zero, by its shortest text.
fn round_half_up(number: f64, decimals: u8) -> f64 {
    crate::number::decimal(number)
        .map(|number| {
            number.round_dp_with_strategy(decimals.into(), rust_decimal::RoundingStrategy::MidpointAwayFromZero)
        })
        .and_then(|number| rust_decimal::prelude::ToPrimitive::to_f64(&number))
        .unwrap_or(number)
}

impl Context {
    /// The context that serves both.
    pub fn union(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            neighbours: self.neighbours.max(other.neighbours),
        }
    }
}

/// All rules for a series. `carries_limits`: whether its readings may have their own. A limit that several versions of
/// the permit share is one rule that holds in all of their times.
pub fn rules_for(series: &Series, history: &History, carries_limits: bool) -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        carries_limits.then(|| Rule::of_rows(&series.parameter, &history.calendar)).into_iter().collect();
    for (version, window) in history.in_force() {
        for limit in version.permit.limits.iter().filter(|limit| limit.covers(series)) {
            let window = own_window(limit, &history.calendar, window);
            if window.0 >= window.1 {
                continue;
            }
            let rule = Rule::of_limit(limit, &history.calendar, window);
            match rules.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => known.join(rule),
                None => rules.push(rule),
            }
        }
    }
    rules
}

impl Rule {
    fn join(&mut self, other: Self) {
        for window in other.windows {
            match self.windows.last_mut() {
                Some(last) if last.1 >= window.0 => last.1 = last.1.max(window.1),
                _ => self.windows.push(window),
            }
        }
        self.limits.extend(other.limits);
    }
}

/// When a limit holds, within the time of its version.
fn own_window(limit: &Limit, calendar: &Calendar, (from, until): (i64, i64)) -> (i64, i64) {
    let start = limit.from.map_or(i64::MIN, |day| calendar.midnight(day));
    let end = limit.until.and_then(|day| day.tomorrow().ok()).map_or(i64::MAX, |day| calendar.midnight(day));
    (from.max(start), until.min(end))
}

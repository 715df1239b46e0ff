//! Statistics: what is compared with a limit. Each is a file, and a line in `ALL`.
//!
//! A statistic turns the results of one series, in time order, into values, each named by the start of its period.
//! [`crate::evaluate`] compares values with a limit.

mod annual_avg;
mod annual_total;
mod as_excursion;
mod as_reported;
mod course;
mod daily_avg;
mod daily_max;
mod daily_min;
mod extreme;
mod geomean_30d;
mod geometric;
mod instant;
mod mean;
mod monthly_avg;
mod monthly_geomean;
mod monthly_total;
mod percent_of_results;
mod percent_removal;
mod periodic;
mod quarterly_avg;
mod rolling_12m_avg;
mod rolling_mean;
mod weekly_avg;
mod weekly_avg_max;
mod weekly_geomean;

pub use course::{Batch, Course, Settings, Taken, Value};
pub use rolling_mean::MAX_ROLLING;

use crate::calendar::{Calendar, PeriodKind};
use crate::time::DAY;
use std::fmt;
use std::hash::{Hash, Hasher};

/// All statistics, in the order of lists for people.
static ALL: [&dyn Definition; 20] = [
    &instant::Instant,
    &daily_max::DailyMax,
    &daily_min::DailyMin,
    &daily_avg::DailyAvg,
    &weekly_avg::WeeklyAvg,
    &weekly_avg_max::WeeklyAvgMax,
    &monthly_avg::MonthlyAvg,
    &quarterly_avg::QuarterlyAvg,
    &annual_avg::AnnualAvg,
    &rolling_12m_avg::Rolling12mAvg,
    &monthly_total::MonthlyTotal,
    &annual_total::AnnualTotal,
    &weekly_geomean::WeeklyGeomean,
    &monthly_geomean::MonthlyGeomean,
    &geomean_30d::Geomean30d,
    &rolling_mean::RollingMean,
    &percent_of_results::PercentOfResults,
    &percent_removal::PercentRemoval,
    &as_excursion::AsExcursion,
    &as_reported::AsReported,
];

/// The definition of a statistic.
pub trait Definition: fmt::Debug + Sync {
    /// Its name in permits.
    fn name(&self) -> &'static str;

    /// Its name for people.
    fn label(&self) -> &'static str;

    /// Its argument, if it has one.
    fn argument(&self) -> Option<Argument> {
        None
    }

    /// The period whose start names a value.
    fn period(&self) -> PeriodKind;

    /// Which results a value is made of.
    fn reach(&self, argument: f64) -> Reach;

    /// Whether it is a mean, in which non-detects count by the limit's rule.
    fn is_average(&self) -> bool {
        false
    }

    /// Whether it also applies to results that were reported as statistics.
    fn is_of_reported(&self) -> bool {
        false
    }

    /// The unit of its values, if it is not the limit's.
    fn unit(&self) -> Option<&'static str> {
        None
    }

    /// Starts to compute it.
    fn course(&self, settings: &Settings) -> Box<dyn Course>;
}

/// The argument of a statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Argument {
    /// Its key in a permit.
    pub key: &'static str,
    /// What it is, for people.
    pub label: &'static str,
    /// The least one.
    pub least: f64,
    /// The greatest one.
    pub most: f64,
    /// Whether it is a whole number.
    pub is_whole: bool,
}

impl Argument {
    /// Whether a number is allowed.
    pub fn takes(&self, number: f64) -> bool {
        (self.least..=self.most).contains(&number) && (!self.is_whole || number.fract() == 0.0)
    }
}

/// Which results a value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The result itself.
    Result,
    /// Those of its period.
    Period,
    /// Those of its period, and of this many before it.
    Trailing(PeriodKind, i32),
    /// This many results, itself included.
    Neighbours(usize),
    /// Those of the weeks that end in its month.
    WeeksOfMonth,
    /// Those of its month, and those that hold into it and out of it, for a day at most.
    Held,
}

/// A statistic of a permit.
#[derive(Clone, Copy)]
pub struct Statistic {
    definition: &'static dyn Definition,
    argument: f64,
}

impl Statistic {
    /// Every single result.
    pub const INSTANT: Self = Self { definition: &instant::Instant, argument: 0.0 };
    /// A value that already is a statistic.
    pub const AS_REPORTED: Self = Self { definition: &as_reported::AsReported, argument: 0.0 };

    /// The definitions of all statistics.
    pub fn all() -> &'static [&'static dyn Definition] {
        &ALL
    }

    /// The mean of this many results.
    pub fn rolling_mean(results: u32) -> Self {
        Self { definition: &rolling_mean::RollingMean, argument: results.into() }
    }

    /// A statistic by name, with its argument if it has one.
    pub fn named(name: &str, argument: Option<f64>) -> Result<Self, String> {
        let definition = *ALL.iter().find(|known| known.name() == name).ok_or_else(|| {
            let names: Vec<_> = ALL.iter().map(|known| known.name()).collect();
            format!("no statistic {name:?}; known are {}", names.join(", "))
        })?;
        match (definition.argument(), argument) {
            (None, None) => Ok(Self { definition, argument: 0.0 }),
            (Some(takes), Some(argument)) if takes.takes(argument) => Ok(Self { definition, argument }),
            (Some(Argument { key, label, least, most, is_whole }), _) => {
                let number = if is_whole { "a whole number" } else { "a number" };
                Err(format!("{name} takes {key}, {label}: {number} from {least} to {most}"))
            }
            (None, Some(_)) => Err(format!("{name} takes no number")),
        }
    }

    /// Its name without the argument.
    pub fn name(&self) -> &'static str {
        self.definition.name()
    }

    /// Its name for people.
    pub fn label(&self) -> String {
        match self.definition.argument() {
            None => self.definition.label().into(),
            Some(_) => self.definition.label().replace("{}", &self.argument.to_string()),
        }
    }

    /// The key and the value of its argument, if it has one.
    pub fn argument(&self) -> Option<(&'static str, f64)> {
        self.definition.argument().map(|argument| (argument.key, self.argument))
    }

    /// The period whose start names a value.
    pub fn period(&self) -> PeriodKind {
        self.definition.period()
    }

    /// Whether non-detects count in it by the limit's rule.
    pub fn is_average(&self) -> bool {
        self.definition.is_average()
    }

    /// Whether a value is one result by itself.
    pub fn is_single(&self) -> bool {
        self.reach() == Reach::Result
    }

    /// Whether its values are reported, so that a sign does not excuse.
    pub fn is_of_reported(&self) -> bool {
        self.definition.is_of_reported()
    }

    /// Which results a value is made of.
    pub fn reach(&self) -> Reach {
        self.definition.reach(self.argument)
    }

    /// The unit of its values, if it is not the limit's.
    pub fn unit(&self) -> Option<&'static str> {
        self.definition.unit()
    }

    /// Begins to take it.
    pub fn course(&self, settings: &Settings) -> Box<dyn Course> {
        self.definition.course(settings)
    }

    /// The first and the last start of the periods whose values depend on results in a range.
    pub fn affected(&self, calendar: &Calendar, (first, last): (i64, i64)) -> (i64, i64) {
        let start = |micros| calendar.around(self.period(), micros).start;
        match self.reach() {
            Reach::Result | Reach::Neighbours(_) => (first, last),
            Reach::Period => (start(first), start(last)),
            Reach::Trailing(kind, before) => (start(first), start(calendar.shifted(kind, last, before))),
            Reach::WeeksOfMonth => (start(week_end(calendar, first)), start(week_end(calendar, last))),
            // A reading holds until the next one, into the next month; and the first one decides how long the one
            // before holds, in the month before.
            Reach::Held => (start(first.saturating_sub(DAY)), calendar.shifted(PeriodKind::Month, last, 2) - 1),
        }
    }

    /// The range whose results make up the values of periods that begin between two times, both included, and how many
    /// more results before and after it.
    pub fn context(&self, calendar: &Calendar, (first, last): (i64, i64)) -> (i64, i64, usize) {
        let start = |micros| calendar.around(self.period(), micros).start;
        let end = |micros| calendar.around(self.period(), micros).end;
        match self.reach() {
            Reach::Result => (first, last.saturating_add(1), 0),
            Reach::Neighbours(results) => (first, last.saturating_add(1), results - 1),
            Reach::Period => (start(first), end(last), 0),
            Reach::Trailing(kind, before) => (calendar.shifted(kind, first, -before), end(last), 0),
            Reach::WeeksOfMonth => (
                calendar.around(PeriodKind::Week, start(first)).start,
                calendar.around(PeriodKind::Week, end(last)).start,
                0,
            ),
            Reach::Held => (calendar.shifted(PeriodKind::Month, first, -1), end(last) + DAY, 0),
        }
    }
}

/// The last microsecond of the week of a moment.
fn week_end(calendar: &Calendar, micros: i64) -> i64 {
    calendar.around(PeriodKind::Week, micros).end - 1
}

impl PartialEq for Statistic {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.argument == other.argument
    }
}

impl Eq for Statistic {}

impl Hash for Statistic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name(), self.argument.to_bits()).hash(state);
    }
}

impl fmt::Debug for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.definition.argument() {
            None => f.write_str(self.name()),
            Some(_) => write!(f, "{}({})", self.name(), self.argument),
        }
    }
}

impl std::str::FromStr for Statistic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
            Some((name, argument)) => {
                let argument = argument.parse().map_err(|_| format!("{argument:?} is no number"))?;
                Self::named(name, Some(argument))
            }
            None => Self::named(text, None),
        }
    }
}

#[cfg(test)]
mod tests;

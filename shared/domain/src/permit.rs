//! A discharge permit: the limits that readings are judged by.

use super::name;
use super::reading::{Direction, Series, short_digest};
use super::time::{PeriodKind, month_of};
use super::unit::Unit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest rolling mean, in readings.
pub const MAX_ROLLING: u32 = 10_000;

/// What is compared with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// Each raw reading.
    Instant,
    /// The highest raw reading of a calendar day.
    DailyMax,
    /// The lowest raw reading of a calendar day.
    DailyMin,
    /// The mean of a calendar day's raw readings.
    DailyAvg,
    /// The mean of a calendar week's raw readings, Sunday to Saturday.
    WeeklyAvg,
    /// The mean of a calendar month's raw readings.
    MonthlyAvg,
    /// The geometric mean of the raw readings of thirty days, taken for each day that has one.
    Geomean30d,
    /// The mean of this many consecutive raw readings.
    RollingMean(u32),
    /// A value that already is a statistic, as the laboratory or the form reports it.
    AsReported,
}

impl Statistic {
    /// The statistics without a number, with their names.
    pub const PLAIN: [(&'static str, Self); 8] = [
        ("instant", Self::Instant),
        ("daily_max", Self::DailyMax),
        ("daily_min", Self::DailyMin),
        ("daily_avg", Self::DailyAvg),
        ("weekly_avg", Self::WeeklyAvg),
        ("monthly_avg", Self::MonthlyAvg),
        ("geomean_30d", Self::Geomean30d),
        ("as_reported", Self::AsReported),
    ];

    /// The period whose start names a verdict.
    pub fn period(self) -> PeriodKind {
        match self {
            Self::Instant | Self::RollingMean(_) => PeriodKind::Instant,
            Self::DailyMax | Self::DailyMin | Self::DailyAvg | Self::Geomean30d | Self::AsReported => PeriodKind::Day,
            Self::WeeklyAvg => PeriodKind::Week,
            Self::MonthlyAvg => PeriodKind::Month,
        }
    }

    /// Whether non-detects enter it by the permit's rule.
    pub fn is_average(self) -> bool {
        !matches!(self, Self::Instant | Self::DailyMax | Self::DailyMin | Self::AsReported)
    }

    /// Whether it is the highest or the lowest of a period.
    pub fn is_extreme(self) -> bool {
        matches!(self, Self::DailyMax | Self::DailyMin)
    }

    /// Whether it is taken of such a series: raw statistics of raw readings, reported values as they are of any.
    pub fn applies_to(self, series: &Series) -> bool {
        series.is_raw() || self == Self::AsReported
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RollingMean(readings) => write!(f, "rolling_mean({readings})"),
            plain => {
                f.write_str(Self::PLAIN.iter().find(|(_, statistic)| statistic == plain).map_or("", |(name, _)| name))
            }
        }
    }
}

impl std::str::FromStr for Statistic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rolling = text.strip_prefix("rolling_mean(").and_then(|rest| rest.strip_suffix(')'));
        let plain = || Self::PLAIN.iter().find(|(name, _)| *name == text).map(|(_, statistic)| *statistic);
        rolling
            .and_then(|readings| readings.parse().ok().map(Self::RollingMean))
            .or_else(plain)
            .ok_or_else(|| format!("no statistic {text:?}"))
    }
}

/// What a non-detect counts as in an average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NonDetect {
    /// Nothing, as most permits write it.
    #[default]
    Zero,
    /// Half its detection limit.
    Half,
    /// Its detection limit.
    Full,
}

impl NonDetect {
    /// The value that a non-detect at this detection limit enters an average with.
    #[inline]
    pub fn substitute(self, detection_limit: f64) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Half => detection_limit / 2.0,
            Self::Full => detection_limit,
        }
    }
}

/// The months in which a limit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Season(u16);

impl Season {
    /// The whole year.
    pub const ALL: Self = Self(0);

    /// These months, 1 to 12; none at all means the whole year.
    pub fn of(months: &[u8]) -> Self {
        Self(months.iter().filter(|month| (1..=12).contains(*month)).fold(0, |set, month| set | 1 << month))
    }

    /// Whether the season is the whole year.
    pub fn is_all(self) -> bool {
        self.0 == 0
    }

    /// Whether the limit holds in `month`.
    pub fn contains(self, month: u8) -> bool {
        self.is_all() || self.0 >> month & 1 == 1
    }

    /// Whether the limit holds at a time, in microseconds.
    pub fn holds_at(self, time: i64) -> bool {
        self.is_all() || self.contains(month_of(time))
    }

    /// The months, in order; empty for the whole year.
    pub fn months(self) -> Vec<u8> {
        (1..=12).filter(|month| !self.is_all() && self.contains(*month)).collect()
    }
}

/// One limit of a permit.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What is limited.
    pub parameter: String,
    /// At which outfall; at every one if absent.
    pub outfall: Option<String>,
    /// The limit itself, in `unit`; finite and not negative.
    pub value: f64,
    /// The unit of the value.
    pub unit: Unit,
    /// Which side is forbidden.
    pub direction: Direction,
    /// What is compared with it.
    pub statistic: Statistic,
    /// When it holds.
    pub season: Season,
    /// What a non-detect counts as, where the statistic is an average.
    pub non_detect: NonDetect,
    /// What to do when it is exceeded; may be empty.
    pub action: String,
}

impl Limit {
    /// Whether the limit speaks of this series.
    pub fn covers(&self, series: &Series) -> bool {
        name::same(&self.parameter, &series.parameter)
            && self.outfall.as_deref().is_none_or(|outfall| name::same(outfall, &series.outfall))
            && self.statistic.applies_to(series)
    }

    /// The identity of the rule. A limit with another value is another rule.
    pub fn id(&self) -> String {
        short_digest([
            name::key(&self.parameter),
            self.outfall.as_deref().map(name::key).unwrap_or_default(),
            format!("{} {} {:?} {:?}", self.value, self.unit, self.direction, self.season.months()),
            format!("{} {:?}", self.statistic, self.statistic.is_average().then_some(self.non_detect)),
        ])
    }
}

/// The limits of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    /// All limits.
    pub limits: Vec<Limit>,
}

impl Default for Permit {
    /// The permit of the replaced system: sulfate, arsenic and nickel, each reading and the mean of three.
    fn default() -> Self {
        let limits = [("SO4", 250.0), ("As", 0.01), ("Ni", 0.1)];
        Self {
            limits: limits.into_iter().flat_map(|(parameter, value)| Self::legacy(parameter, value, 3, "")).collect(),
        }
    }
}

impl Permit {
    /// The two limits that one entry of the older JSON form means.
    pub fn legacy(parameter: &str, value: f64, rolling: u32, action: &str) -> [Limit; 2] {
        [Statistic::Instant, Statistic::RollingMean(rolling)].map(|statistic| Limit {
            parameter: parameter.into(),
            outfall: None,
            value,
            unit: Unit::parse("mg/L"),
            direction: Direction::Max,
            statistic,
            season: Season::ALL,
            non_detect: NonDetect::Zero,
            action: action.into(),
        })
    }
}

//! A discharge permit: the limits by which readings are judged.

use super::alert::{AlertKind, WaterInput};
use super::calendar::{Calendar, PeriodKind};
use super::formula::Formula;
use super::name;
use super::reading::{Direction, Series, short_digest};
use super::statistic::Statistic;
use super::unit::Unit;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a mean over more than a day averages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The days' values, each day with one weight.
    Days,
    /// All results alike.
    Results,
}

/// How often results are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// One each day.
    Day,
    /// One each week.
    Week,
    /// One each month.
    Month,
    /// One each quarter.
    Quarter,
    /// One each year.
    Year,
}

impl Every {
    /// The period that must have one.
    pub fn period(self) -> PeriodKind {
        match self {
            Self::Day => PeriodKind::Day,
            Self::Week => PeriodKind::Week,
            Self::Month => PeriodKind::Month,
            Self::Quarter => PeriodKind::Quarter,
            Self::Year => PeriodKind::Year,
        }
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
    /// The value of a non-detect at this detection limit in an average.
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

    /// Whether the limit holds at a moment, in microseconds.
    pub fn holds_at(self, calendar: &Calendar, time: i64) -> bool {
        self.is_all() || self.contains(calendar.month_of(time))
    }

    /// The months, in order; empty for the whole year.
    pub fn months(self) -> Vec<u8> {
        (1..=12).filter(|month| !self.is_all() && self.contains(*month)).collect()
    }
}

/// One limit of a permit.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The parameter.
    pub parameter: String,
    /// The outfall; every one if absent.
    pub outfall: Option<String>,
    /// The limit itself, in `unit`; finite and not negative. 0 where a formula gives it, see [`Self::formula`].
    pub value: f64,
    /// The unit of the value.
    pub unit: Unit,
    /// The side on which values exceed it.
    pub direction: Direction,
    /// The statistic that is compared with it.
    pub statistic: Statistic,
    /// When it holds.
    pub season: Season,
    /// What a non-detect counts as, if the statistic is an average.
    pub non_detect: NonDetect,
    /// What to do when it is exceeded; may be empty.
    pub action: String,
    /// What exceeding it means.
    pub kind: AlertKind,
    /// What a mean averages, if not the statistic's default.
    pub of: Option<Of>,
    /// For values that were reported as statistics: their base, by code or text.
    pub base: Option<String>,
    /// Whether a value that is inconclusive because of its sign counts as a violation.
    pub inconclusive_violates: bool,
    /// Whether a mean of non-detects only follows the rule, instead of being below the largest of their limits.
    pub all_non_detect_by_rule: bool,
    /// The number of decimals to which values are rounded before they are compared.
    pub decimals: Option<u8>,
    /// The first day on which it holds.
    pub from: Option<Date>,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// How often values are expected.
    pub every: Option<Every>,
    /// The day from which on no values are expected.
    pub closed_from: Option<Date>,
    /// The thresholds of watch, warning and critical.
    pub thresholds: Option<[f64; 3]>,
    /// The lower end of a range, of which `value` is the upper one.
    pub low: Option<f64>,
    /// The other series that its values, or the limit, are made of.
    pub with: Option<Other>,
}

/// Other series that values or limits are made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Other {
    /// Loads: flow x concentration x factor.
    Flow {
        /// The parameter of the flow.
        parameter: String,
        /// The factor of lb/d from MGD and mg/L; that of the units if absent.
        factor: Option<f64>,
    },
    /// Removal: the influent.
    Influent {
        /// The parameter of the influent.
        parameter: String,
    },
    /// The water: the limit, or the part of the value that counts, depends on it.
    Water {
        /// How.
        formula: Formula,
        /// The parameters of the formula's inputs, in its order.
        parameters: Vec<String>,
    },
}

impl Other {
    /// The parameters of the other series.
    pub fn parameters(&self) -> &[String] {
        match self {
            Self::Flow { parameter, .. } | Self::Influent { parameter } => std::slice::from_ref(parameter),
            Self::Water { parameters, .. } => parameters,
        }
    }

    /// Its identity, without regard to case. Parts that earlier versions had are kept as they are written, so alerts
    /// keep their ids.
    fn keyed(&self) -> Self {
        match self {
            Self::Water { formula, parameters } => {
                Self::Water { formula: *formula, parameters: parameters.iter().map(|own| name::key(own)).collect() }
            }
            other => other.clone(),
        }
    }

    /// Whether this is the parameter of one of them.
    pub fn names(&self, parameter: &str) -> bool {
        self.parameters().iter().any(|own| name::same(own, parameter))
    }
}

impl Limit {
    /// A plain limit.
    pub fn plain(parameter: &str, value: f64, unit: &str, statistic: Statistic) -> Self {
        Self {
            parameter: parameter.into(),
            outfall: None,
            value,
            unit: Unit::parse(unit),
            direction: Direction::Max,
            statistic,
            season: Season::ALL,
            non_detect: NonDetect::default(),
            action: String::new(),
            kind: AlertKind::Limit,
            of: None,
            base: None,
            inconclusive_violates: false,
            all_non_detect_by_rule: false,
            decimals: None,
            from: None,
            until: None,
            every: None,
            closed_from: None,
            thresholds: None,
            low: None,
            with: None,
        }
    }

    /// The formula that gives the limit in place of a number.
    pub fn formula(&self) -> Option<Formula> {
        match &self.with {
            Some(Other::Water { formula, .. }) if formula.gives_limit() => Some(*formula),
            _ => None,
        }
    }

    /// The named inputs of the limit's formula; empty if it has none.
    pub fn water(&self, numbers: &[f64]) -> Vec<WaterInput> {
        let Some(Other::Water { formula, parameters }) = &self.with else { return Vec::new() };
        let of_needs = std::iter::zip(formula.needs(), parameters);
        std::iter::zip(of_needs, numbers)
            .map(|((need, parameter), value)| WaterInput {
                parameter: parameter.clone(),
                value: *value,
                unit: need.unit.to_owned(),
            })
            .collect()
    }

    /// Whether the limit applies to this series.
    pub fn covers(&self, series: &Series) -> bool {
        name::same(&self.parameter, &series.parameter)
            && self.outfall.as_deref().is_none_or(|outfall| name::same(outfall, &series.outfall))
            && (series.is_raw() || self.statistic.is_of_reported())
            && self.base.as_deref().is_none_or(|base| name::same(base, &series.base))
    }

    /// The identity of the rule. Another value makes another rule; when it holds does not matter.
    pub fn id(&self) -> String {
        let mut parts = vec![
            name::key(&self.parameter),
            self.outfall.as_deref().map(name::key).unwrap_or_default(),
            format!("{} {} {:?} {:?}", self.value, self.unit, self.direction, self.season.months()),
            format!("{} {:?}", self.statistic, self.statistic.is_average().then_some(self.non_detect)),
        ];
        // New parts count only if they are present, so that alerts of earlier versions keep their ids.
        let more = (
            (self.kind == AlertKind::Benchmark, self.of, self.base.as_deref().map(name::key)),
            (self.inconclusive_violates, self.all_non_detect_by_rule, self.decimals),
            (self.low.map(f64::to_bits), &self.with.as_ref().map(Other::keyed)),
        );
        if more != ((false, None, None), (false, false, None), (None, &None)) {
            parts.push(format!("{more:?}"));
        }
        short_digest(parts)
    }
}

/// The limits of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    /// The site's time zone and the first day of its weeks.
    pub calendar: Calendar,
    /// All limits.
    pub limits: Vec<Limit>,
}

impl Default for Permit {
    /// The permit of the replaced system: sulfate, arsenic and nickel, each reading and the mean of three.
    fn default() -> Self {
        let limits = [("SO4", 250.0), ("As", 0.01), ("Ni", 0.1)];
        Self {
            calendar: Calendar::default(),
            limits: limits.into_iter().flat_map(|(parameter, value)| Self::legacy(parameter, value, 3, "")).collect(),
        }
    }
}

impl Permit {
    /// The two limits of one entry in the older JSON form.
    pub fn legacy(parameter: &str, value: f64, rolling: u32, action: &str) -> [Limit; 2] {
        [Statistic::INSTANT, Statistic::rolling_mean(rolling)]
            .map(|statistic| Limit { action: action.into(), ..Limit::plain(parameter, value, "mg/L", statistic) })
    }
}

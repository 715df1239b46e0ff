//! An alert: one exceedance of one limit in one period.

use super::reading::{Direction, Qualifier, short_digest};
use super::time::Shown;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromStr, RoundingStrategy, ToPrimitive};
use serde::{Deserialize, Serialize};

/// How far beyond the limit a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Beyond the limit.
    Info,
    /// At a ratio of 1.25 or more.
    Watch,
    /// At a ratio of 1.5 or more.
    Warning,
    /// At a ratio of 2 or more.
    Critical,
}

impl Severity {
    /// All of them, mildest first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Watch, Self::Warning, Self::Critical];

    /// The severity by the ratio to the limit (limit to value for minima). A limit of zero, or a value of zero or
    /// less under a minimum, has an infinite ratio.
    pub fn of(value: f64, limit: f64, direction: Direction) -> Self {
        match ratio(value, limit, direction) {
            r if r >= 2.0 => Self::Critical,
            r if r >= 1.5 => Self::Warning,
            r if r >= 1.25 => Self::Watch,
            _ => Self::Info,
        }
    }

    /// The name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Watch => "watch",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The ratio that the severity goes by.
pub fn ratio(value: f64, limit: f64, direction: Direction) -> f64 {
    let (above, below) = match direction {
        Direction::Max => (value, limit),
        Direction::Min => (limit, value),
    };
    // 0.15 to 0.1 is 1.4999999999999998 in binary: as in the verdict itself, a millionth of a millionth is nothing.
    if below > 0.0 { above / below * (1.0 + 1e-12) } else { f64::INFINITY }
}

/// The percentage that EPA's ICIS-NPDES exports where there is none to compute, a limit of zero above all.
pub const PERCENT_OF_ZERO_LIMIT: i64 = 2_147_483_650;

/// By how many percent `value` is beyond `limit`, rounded half up.
///
/// Computed in decimal: 0.0215 against 0.02 is 7.5 % and rounds to 8, where binary floating point finds 7.4999...
pub fn percent(value: f64, limit: f64, direction: Direction) -> i64 {
    if limit == 0.0 {
        return PERCENT_OF_ZERO_LIMIT;
    }
    let decimal = || {
        let (value, limit) = (decimal(value)?, decimal(limit)?);
        let beyond = match direction {
            Direction::Max => value.checked_sub(limit)?,
            Direction::Min => limit.checked_sub(value)?,
        };
        let percent = beyond.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(limit)?;
        percent.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
    };
    let binary = || {
        let beyond = if direction == Direction::Max { value - limit } else { limit - value };
        ((beyond / limit * 100.0) + 0.5).floor() as i64
    };
    decimal().unwrap_or_else(binary).min(PERCENT_OF_ZERO_LIMIT)
}

/// The decimal that the shortest text of the number means. Averages have digits beyond what decimal division keeps
/// exact anyway, so that the last of 17 digits is dropped: 4.999999999999999 is 5.
fn decimal(number: f64) -> Option<Decimal> {
    Decimal::from_str(&number.to_string()).ok()?.round_sf(15)
}

/// One exceedance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alert {
    /// The same whenever the same series is found beyond the same limit in the same period.
    pub id: String,
    /// The site.
    pub site: String,
    /// The outfall.
    pub outfall: String,
    /// What was measured.
    pub parameter: String,
    /// The series' id.
    pub series: String,
    /// The statistic of the limit.
    pub statistic: String,
    /// The statistic under which the value was reported, empty for raw readings.
    pub base: String,
    /// The period: a moment, a day, a week, a month.
    pub period: String,
    /// When the period begins.
    #[schema(value_type = Object)]
    pub time: Shown,
    /// The value of the statistic, in `unit`.
    pub value: f64,
    /// The qualifier of the value.
    pub qualifier: Qualifier,
    /// The unit of value and limit.
    pub unit: String,
    /// The limit.
    pub limit: f64,
    /// Which side of it is forbidden.
    pub direction: Direction,
    /// By how many percent the value is beyond the limit, rounded half up.
    pub percent: i64,
    /// How grave it is.
    pub severity: Severity,
    /// What the permit says to do, or else what is usually done first.
    pub action: String,
}

/// The gravest first.
pub fn sort_by_gravity(alerts: &mut [Alert]) {
    alerts.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.percent.cmp(&a.percent)));
}

/// The id of an alert: series, rule and period.
pub fn id(series: &str, rule: &str, period_start: i64) -> String {
    short_digest([series.as_bytes(), rule.as_bytes(), &period_start.to_le_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Max, Min};

    #[test]
    fn percent_is_rounded_half_up_in_decimal() {
        assert_eq!(percent(3.12, 3.0, Max), 4);
        assert_eq!(percent(10.75, 10.0, Max), 8);
        assert_eq!(percent(12.75, 10.0, Max), 28);
        assert_eq!(percent(0.0215, 0.02, Max), 8);
        assert_eq!(percent(201.0, 200.0, Max), 1);
        assert_eq!(percent(200.9, 200.0, Max), 0);
        assert_eq!(percent(3.0, 4.0, Min), 25);
        assert_eq!(percent(1.0, 0.0, Max), PERCENT_OF_ZERO_LIMIT);
        assert_eq!(percent(1e300, 1e-300, Max), PERCENT_OF_ZERO_LIMIT);
        assert_eq!(percent(1e25, 1e24, Max), 900);
    }

    #[test]
    fn severity_on_both_sides_of_every_step() {
        for (ratio, severity) in [
            (1.001, Severity::Info),
            (1.2499, Severity::Info),
            (1.25, Severity::Watch),
            (1.4999, Severity::Watch),
            (1.5, Severity::Warning),
            (1.9999, Severity::Warning),
            (2.0, Severity::Critical),
        ] {
            assert_eq!(Severity::of(ratio * 8.0, 8.0, Max), severity, "{ratio}");
            assert_eq!(Severity::of(8.0, ratio * 8.0, Min), severity, "{ratio}");
        }
        assert_eq!(Severity::of(0.15, 0.1, Max), Severity::Warning);
        assert_eq!(Severity::of(1.0, 0.0, Max), Severity::Critical);
        assert_eq!(Severity::of(0.0, 6.0, Min), Severity::Critical);
    }
}

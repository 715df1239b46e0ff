//! An alert: one exceedance of one limit in one period.

mod measure;

pub use measure::{Excess, Measure, is_percent_removal};

use super::reading::{Direction, Qualifier, short_digest};
use super::time::Shown;
use serde::{Deserialize, Serialize};

/// How far a value exceeds its limit, see [`Measure`]. A limit may have its own thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It exceeds the limit.
    Info,
    /// At a ratio of 1.25 or more; for pH, half a unit.
    Watch,
    /// At a ratio of 1.5 or more; for pH, one unit.
    Warning,
    /// At a ratio of 2 or more; for pH, two units.
    Critical,
}

impl Severity {
    /// All of them, mildest first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Watch, Self::Warning, Self::Critical];

    /// The name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Watch => "watch",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The label for people: to them, a violation is never just information.
    pub fn label(self) -> &'static str {
        match self {
            Self::Info => "Minor",
            Self::Watch => "Watch",
            Self::Warning => "Warning",
            Self::Critical => "Critical",
        }
    }
}

/// The kind of limit of an alert.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A limit: exceeding it is a violation.
    #[default]
    Limit,
    /// A benchmark, as in EPA's storm-water permits: exceeding it is no violation.
    Benchmark,
}

/// One exceedance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alert {
    /// The id: the same whenever the same series exceeds the same limit in the same period.
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
    pub time: Shown,
    /// The value of the statistic, in `unit`.
    pub value: f64,
    /// The qualifier of the value.
    pub qualifier: Qualifier,
    /// The unit of value and limit.
    pub unit: String,
    /// The limit.
    pub limit: f64,
    /// The side of the limit on which values exceed it.
    pub direction: Direction,
    /// By how many percent the value exceeds the limit, rounded half up. Null for pH and turbidity, for limits of zero,
    /// and if the value's sign leaves it open.
    pub percent: Option<i64>,
    /// By how many percent it exceeds the limit at least, if the sign leaves it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_at_least: Option<i64>,
    /// The severity.
    pub severity: Severity,
    /// What the permit says to do, or else the usual first response.
    pub action: String,
    /// Whether a limit or a benchmark was exceeded.
    #[serde(default)]
    pub kind: AlertKind,
    /// The permit version that it was judged by.
    #[serde(default)]
    pub permit_version: u64,
    /// The value is a reported non-detect whose detection limit is above the maximum.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detection_limit_above_limit: bool,
    /// What the water was like, if the limit depends on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub water: Vec<WaterInput>,
}

/// An input of a formula: the mean of the water in the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WaterInput {
    /// What was measured.
    pub parameter: String,
    /// Its mean.
    pub value: f64,
    /// The unit of the mean.
    pub unit: String,
}

/// The most severe first.
pub fn sort_by_gravity(alerts: &mut [Alert]) {
    let percent = |alert: &Alert| alert.percent.or(alert.percent_at_least);
    alerts.sort_by_key(|alert| std::cmp::Reverse((alert.severity, percent(alert))));
}

/// The id of an alert: series, rule and period; of several at one moment, also its place among them, from 0 on.
pub fn id(series: &str, rule: &str, period_start: i64, place: u64) -> String {
    let (start, place_bytes) = (period_start.to_le_bytes(), place.to_le_bytes());
    let parts = [series.as_bytes(), rule.as_bytes(), &start[..], &place_bytes[..]];
    // Without a place if there is none: alerts of earlier versions keep their ids.
    short_digest(if place == 0 { &parts[..3] } else { &parts[..] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json, to_value};

    fn written() -> Value {
        json!({
            "id": "a", "site": "S", "outfall": "001", "parameter": "pH", "series": "s", "statistic": "instant",
            "base": "", "period": "2026-03-01", "time": "2026-03-01T00:00:00Z", "value": 5.0, "qualifier": "=",
            "unit": "SU", "limit": 6.0, "direction": "min", "percent": null, "severity": "warning", "action": "Stop",
        })
    }

    fn alert(severity: Severity, percent: Option<i64>, percent_at_least: Option<i64>) -> Alert {
        Alert { severity, percent, percent_at_least, ..from_value(written()).unwrap() }
    }

    #[test]
    fn an_alert_without_the_newer_fields_is_one_of_a_limit() {
        let alert: Alert = from_value(written()).unwrap();
        assert_eq!((alert.kind, alert.permit_version, alert.detection_limit_above_limit), (AlertKind::Limit, 0, false));
        let mut expected = written();
        expected["kind"] = "limit".into();
        expected["permit_version"] = 0.into();
        assert_eq!(to_value(&alert).unwrap(), expected);
    }

    #[test]
    fn all_of_an_alert_is_read_as_it_is_written() {
        let alert = Alert {
            kind: AlertKind::Benchmark,
            permit_version: 3,
            detection_limit_above_limit: true,
            ..alert(Severity::Watch, None, Some(30))
        };
        let json = to_value(&alert).unwrap();
        assert_eq!(
            (&json["kind"], &json["percent"], &json["percent_at_least"]),
            (&"benchmark".into(), &Value::Null, &30.into())
        );
        assert_eq!(from_value::<Alert>(json).unwrap(), alert);
    }

    #[test]
    fn the_gravest_come_first() {
        use Severity::{Critical, Watch};
        let order = [
            (Critical, Some(300), None),
            (Critical, None, Some(200)),
            (Critical, Some(100), None),
            (Critical, None, None),
            (Watch, Some(900), None),
        ];
        let mut alerts: Vec<_> =
            order.iter().rev().map(|(severity, is, least)| alert(*severity, *is, *least)).collect();
        sort_by_gravity(&mut alerts);
        let found: Vec<_> = alerts.iter().map(|a| (a.severity, a.percent, a.percent_at_least)).collect();
        assert_eq!(found, order);
    }

    #[test]
    fn no_violation_is_called_info() {
        assert_eq!(Severity::ALL.map(Severity::label), ["Minor", "Watch", "Warning", "Critical"]);
    }
}

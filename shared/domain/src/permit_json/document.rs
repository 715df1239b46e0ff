//! The same two forms as the API's documentation shows them. What is read is what [`super::parse`] takes; a test compares
//! the keys.

use crate::alert::AlertKind;
use crate::name::Name;
use crate::permit::{Every, NonDetect, Of};
use crate::reading::Direction;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A permit in either form.
#[derive(Debug, ToSchema)]
#[schema(as = PermitWanted)]
#[serde(untagged)]
pub enum AnyPermit {
    /// Limits one by one.
    Permit(PermitDocument),
    /// The older form: one limit for each parameter, in mg/L.
    Legacy(LegacyPermit),
}

/// A permit as it is put. What `GET` adds may be sent back with it and is ignored.
#[derive(Debug, ToSchema)]
#[schema(as = Permit)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"time_zone": "America/Chicago", "limits": [
    {"parameter": "SO4", "value": 250, "unit": "mg/L", "statistic": "daily_max"},
    {"parameter": "pH", "value": 6.5, "unit": "SU", "direction": "min", "statistic": "instant"},
]}))]
pub struct PermitDocument {
    /// The limits.
    #[schema(max_items = 500)]
    pub limits: Vec<PermitLimit>,
    /// What a non-detect counts as in averages, for limits that do not say it; `zero` if absent.
    pub non_detect: Option<NonDetect>,
    /// The site's time zone, by its IANA name; `UTC` if absent.
    #[schema(format = "time-zone")]
    pub time_zone: Option<String>,
    /// The first day of a week; `sunday` if absent.
    pub week_starts: Option<Weekday>,
    /// Ignored.
    #[schema(required = false)]
    pub site: Value,
    /// Ignored.
    #[schema(required = false)]
    pub default: Value,
    /// Ignored.
    #[schema(required = false)]
    pub version: Value,
    /// Ignored.
    #[schema(required = false)]
    pub updated_at: Value,
    /// Ignored: the query says it.
    #[schema(required = false)]
    pub effective_from: Value,
    /// Ignored.
    #[schema(required = false)]
    pub versions: Value,
}

/// A day of the week.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A limit.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermitLimit {
    /// What is limited. `species`, its older name, is taken as well.
    pub parameter: Name,
    /// At which outfall; at every one if absent.
    pub outfall: Option<Name>,
    /// The limit. Left out where a formula gives it, and required otherwise.
    #[schema(minimum = 0, nullable = false)]
    pub value: Option<f64>,
    /// Its unit; `mg/L` if absent, or that of the formula.
    #[schema(min_length = 1, max_length = 64)]
    pub unit: Option<String>,
    /// Which side is forbidden; `max` if absent.
    pub direction: Option<Direction>,
    /// What is compared with it, by a name of `GET /api/statistics`.
    pub statistic: String,
    /// The number of statistics that take one called so.
    #[schema(nullable = false)]
    pub n: Option<f64>,
    /// The same, of those that call it a window.
    #[schema(nullable = false)]
    pub window: Option<f64>,
    /// The same, of those that call it readings.
    #[schema(nullable = false)]
    pub readings: Option<f64>,
    /// The same, of percentiles.
    #[schema(nullable = false)]
    pub p: Option<f64>,
    /// The months in which it holds, 1 to 12; the whole year if absent.
    #[schema(min_items = 1)]
    pub months: Option<Vec<Month>>,
    /// What a non-detect counts as in an average.
    pub non_detect: Option<NonDetect>,
    /// What to do when it is exceeded, in 600 bytes at most.
    #[schema(max_length = 600)]
    pub action: Option<String>,
    /// As `GET` answers it; taken and ignored.
    #[schema(required = false)]
    pub id: Value,
    /// Whether being beyond it is a violation.
    pub kind: Option<AlertKind>,
    /// What a mean over more than a day is of.
    pub of: Option<Of>,
    /// Of reported statistics: which base it speaks of, by code or text.
    pub base: Option<Name>,
    /// Whether a value that its sign leaves open counts as a violation; `open` if absent.
    pub inconclusive: Option<Inconclusive>,
    /// Whether a mean of non-detects alone is compliant by itself; `open` if absent.
    pub all_non_detect: Option<AllNonDetect>,
    /// `limit`: values are rounded to as many decimals as the limit has.
    pub round_to: Option<RoundTo>,
    /// Values are rounded to so many decimals.
    #[schema(minimum = 0, maximum = 12)]
    pub digits: Option<u8>,
    /// The first local day on which it holds.
    #[schema(format = Date)]
    pub from: Option<String>,
    /// The last one.
    #[schema(format = Date)]
    pub until: Option<String>,
    /// How often results are expected.
    pub every: Option<Every>,
    /// The local day from which nothing is expected any more.
    #[schema(format = Date)]
    pub closed_from: Option<String>,
    /// At which ratios severities begin: watch, warning, critical, each above the one before.
    #[schema(min_items = 3, max_items = 3)]
    pub thresholds: Option<Vec<f64>>,
    /// The lower end, of limits that are a range.
    pub low: Option<f64>,
    /// Of a load: the parameter of the flow.
    pub flow: Option<Name>,
    /// Of a load: what concentration times flow is multiplied by.
    #[schema(exclusive_minimum = 0)]
    pub factor: Option<f64>,
    /// Of a removal: the parameter of what comes in.
    pub influent: Option<Name>,
    /// What gives the limit, by an id of `GET /api/statistics`.
    pub formula: Option<String>,
    /// The parameter of the formula's hardness.
    pub hardness: Option<Name>,
    /// The parameter of the formula's pH.
    pub ph: Option<Name>,
    /// The parameter of the formula's temperature.
    pub temperature: Option<Name>,
}

/// A month, 1 to 12.
#[derive(Debug, ToSchema)]
#[schema(minimum = 1, maximum = 12)]
pub struct Month(pub u8);

/// What a value counts as that its sign leaves open.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    /// It is told as open.
    Open,
    /// As a violation.
    Violation,
}

/// What a mean of non-detects alone is.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllNonDetect {
    /// Below the largest of their detection limits.
    Open,
    /// Compliant.
    Compliant,
}

/// What values are rounded like.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundTo {
    /// Like the limit.
    Limit,
}

/// The older form of a permit: each parameter's daily maximum and rolling mean, in mg/L.
#[derive(Debug, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegacyPermit {
    /// The limits in mg/L, by parameter.
    #[serde(rename = "limits_mgL")]
    pub limits_mgl: BTreeMap<String, LegacyLimit>,
    /// How many readings the rolling mean has; 3 if absent.
    #[schema(minimum = 2)]
    pub rolling_window: Option<u32>,
    /// What to do, by parameter.
    pub actions: Option<BTreeMap<String, String>>,
    /// The site's time zone, by its IANA name; `UTC` if absent.
    pub time_zone: Option<String>,
    /// The first day of a week; `sunday` if absent.
    pub week_starts: Option<Weekday>,
    /// Ignored.
    #[schema(required = false)]
    pub site: Value,
    /// Ignored.
    #[schema(required = false)]
    pub default: Value,
    /// Ignored.
    #[schema(required = false)]
    pub version: Value,
    /// Ignored.
    #[schema(required = false)]
    pub updated_at: Value,
    /// Ignored.
    #[schema(required = false)]
    pub effective_from: Value,
    /// Ignored.
    #[schema(required = false)]
    pub versions: Value,
}

/// A limit in mg/L, which is not negative.
#[derive(Debug, ToSchema)]
#[schema(minimum = 0)]
pub struct LegacyLimit(pub f64);

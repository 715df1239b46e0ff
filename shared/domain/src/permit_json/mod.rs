//! The two JSON forms of a permit.
//!
//! ```json
//! {"limits": [{"parameter": "SO4", "outfall": "001", "value": 250, "unit": "mg/L", "direction": "max",
//!              "statistic": "monthly_avg", "months": [6, 7, 8], "non_detect": "half", "action": "Check dosing"}]}
//! ```
//!
//! and the older `{"limits_mgL": {"SO4": 250.0}, "rolling_window": 3, "actions": {"SO4": "..."}}`. A key that is not
//! known is an error: a misspelt key must not become a permit without limits.

pub mod document;
mod fields;
mod legacy;
mod limit;
#[cfg(test)]
mod tests;
mod water;

pub use fields::MAX_ACTION_BYTES;
pub use limit::limit_to_json;

use crate::calendar::Calendar;
use crate::permit::{Limit, Permit};
use fields::{Errors, error, optional, parse_non_detect, parse_weekday, parse_zone};
use jiff::civil::Weekday;
use legacy::legacy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most limits a permit may have: the permit is one item of the table, 400 KB at most.
pub const MAX_LIMITS: usize = 500;
/// The longest permit as JSON, in bytes: it is one item of the table.
pub const MAX_PERMIT_BYTES: usize = 350 * 1024;
/// An error in one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The path of the field: `limits[2].value`.
    pub field: String,
    /// What was expected.
    pub reason: String,
}

/// Keys that `GET` adds; ignored when the document is put back.
const ANSWER_KEYS: [&str; 6] = ["site", "default", "version", "updated_at", "effective_from", "versions"];
/// Keys of the site's calendar.
const CALENDAR_KEYS: [&str; 2] = ["time_zone", "week_starts"];

/// Parses either form, or reports the fields that are wrong.
pub fn parse(document: &Value) -> Result<Permit, Vec<FieldError>> {
    let mut errors = Errors::default();
    let Some(object) = document.as_object() else {
        return Err(vec![error("", "a permit is a JSON object")]);
    };
    let limits =
        if object.contains_key("limits_mgL") { legacy(object, &mut errors) } else { current(object, &mut errors) };
    let calendar = calendar(object, &mut errors);
    for (index, limit) in limits.iter().enumerate() {
        if let Some(earlier) = limits[..index].iter().position(|other| other.id() == limit.id()) {
            errors.add(format!("limits[{index}]"), format!("repeats limits[{earlier}]"));
        }
    }
    if !errors.0.is_empty() {
        return Err(errors.0);
    }
    let permit = Permit { calendar, limits };
    match to_json(&permit).to_string().len() {
        bytes if bytes > MAX_PERMIT_BYTES => {
            Err(vec![error("limits", &format!("{bytes} bytes in all; at most {MAX_PERMIT_BYTES}"))])
        }
        _ => Ok(permit),
    }
}

/// The permit in the current form.
pub fn to_json(permit: &Permit) -> Value {
    let limits: Vec<Value> = permit.limits.iter().map(limit_to_json).collect();
    let mut out = json!({ "limits": limits });
    if !permit.calendar.is_utc() {
        out["time_zone"] = json!(permit.calendar.zone_name());
    }
    if permit.calendar.week_starts() != Weekday::Sunday {
        out["week_starts"] = json!(format!("{:?}", permit.calendar.week_starts()).to_lowercase());
    }
    out
}

fn calendar(object: &Map<String, Value>, errors: &mut Errors) -> Calendar {
    let zone = optional(object, "time_zone", "", errors, parse_zone).unwrap_or_else(|| "UTC".into());
    let week_starts = optional(object, "week_starts", "", errors, parse_weekday).unwrap_or(Weekday::Sunday);
    Calendar::new(&zone, week_starts).unwrap_or_default()
}

fn current(object: &Map<String, Value>, errors: &mut Errors) -> Vec<Limit> {
    errors.unknown_keys("", object, &[&["limits", "non_detect"][..], &CALENDAR_KEYS, &ANSWER_KEYS].concat());
    let non_detect = optional(object, "non_detect", "", errors, parse_non_detect).unwrap_or_default();
    let Some(list) = object.get("limits").and_then(Value::as_array) else {
        errors.add("limits", "a list of limits is required");
        return Vec::new();
    };
    if list.len() > MAX_LIMITS {
        errors.add("limits", format!("at most {MAX_LIMITS} limits, found {}", list.len()));
        return Vec::new();
    }
    list.iter()
        .enumerate()
        .filter_map(|(index, value)| match value.as_object() {
            Some(limit) => limit::parse(limit, &format!("limits[{index}]."), non_detect, errors),
            None => {
                errors.add(format!("limits[{index}]"), "a limit is a JSON object");
                None
            }
        })
        .collect()
}

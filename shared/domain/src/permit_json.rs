//! The two JSON forms of a permit.
//!
//! ```json
//! {"limits": [{"parameter": "SO4", "outfall": "001", "value": 250, "unit": "mg/L", "direction": "max",
//!              "statistic": "monthly_avg", "months": [6, 7, 8], "non_detect": "half", "action": "Check dosing"}]}
//! ```
//!
//! and the older `{"limits_mgL": {"SO4": 250.0}, "rolling_window": 3, "actions": {"SO4": "..."}}`. A key that is not
//! known is an error: a misspelt key must not become a permit without limits.

use super::name;
use super::permit::{Limit, MAX_ROLLING, NonDetect, Permit, Season, Statistic};
use super::reading::Direction;
use super::unit::{DEFAULT_UNIT, MAX_UNIT_BYTES, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most limits a permit may have: the permit is one item of the table, 400 KB at most.
pub const MAX_LIMITS: usize = 500;
/// The longest permit as JSON, in bytes: it is one item of the table.
pub const MAX_PERMIT_BYTES: usize = 350 * 1024;
/// The longest action text, in bytes.
pub const MAX_ACTION_BYTES: usize = 600;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The path of the field: `limits[2].value`.
    pub field: String,
    /// What was expected.
    pub reason: String,
}

/// Keys that `GET` adds; ignored when the document is put back.
const ANSWER_KEYS: [&str; 4] = ["site", "default", "version", "updated_at"];

const LIMIT_KEYS: [&str; 14] = [
    "parameter",
    "species",
    "outfall",
    "value",
    "unit",
    "direction",
    "statistic",
    "n",
    "window",
    "readings",
    "months",
    "non_detect",
    "action",
    "id",
];

/// Reads either form, or says what is wrong with which fields.
pub fn parse(document: &Value) -> Result<Permit, Vec<FieldError>> {
    let mut errors = Errors::default();
    let Some(object) = document.as_object() else {
        return Err(vec![error("", "a permit is a JSON object")]);
    };
    let limits =
        if object.contains_key("limits_mgL") { legacy(object, &mut errors) } else { current(object, &mut errors) };
    for (index, limit) in limits.iter().enumerate() {
        if let Some(earlier) = limits[..index].iter().position(|other| other.id() == limit.id()) {
            errors.add(format!("limits[{index}]"), format!("repeats limits[{earlier}]"));
        }
    }
    if !errors.0.is_empty() {
        return Err(errors.0);
    }
    let permit = Permit { limits };
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
    json!({ "limits": limits })
}

/// One limit in the current form.
pub fn limit_to_json(limit: &Limit) -> Value {
    let mut out = json!({
        "parameter": limit.parameter,
        "value": limit.value,
        "unit": limit.unit.as_str(),
        "direction": limit.direction,
        "statistic": limit.statistic.to_string(),
    });
    if let Statistic::RollingMean(readings) = limit.statistic {
        out["statistic"] = json!("rolling_mean");
        out["n"] = json!(readings);
    }
    if let Some(outfall) = &limit.outfall {
        out["outfall"] = json!(outfall);
    }
    if !limit.season.is_all() {
        out["months"] = json!(limit.season.months());
    }
    if limit.statistic.is_average() {
        out["non_detect"] = json!(limit.non_detect);
    }
    if !limit.action.is_empty() {
        out["action"] = json!(limit.action);
    }
    out
}

#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), reason: reason.into() });
    }

    /// Keeps the value, or notes the error and returns `None`.
    fn keep<T>(&mut self, field: String, result: Result<T, String>) -> Option<T> {
        result.map_err(|reason| self.add(field, reason)).ok()
    }

    fn unknown_keys(&mut self, path: &str, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.add(format!("{path}{key}"), format!("unknown key; known are {}", known.join(", ")));
        }
    }
}

fn error(field: &str, reason: &str) -> FieldError {
    FieldError { field: field.into(), reason: reason.into() }
}

fn current(object: &Map<String, Value>, errors: &mut Errors) -> Vec<Limit> {
    errors.unknown_keys("", object, &[&["limits", "non_detect"][..], &ANSWER_KEYS].concat());
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
            Some(limit) => parse_limit(limit, &format!("limits[{index}]."), non_detect, errors),
            None => {
                errors.add(format!("limits[{index}]"), "a limit is a JSON object");
                None
            }
        })
        .collect()
}

fn parse_limit(object: &Map<String, Value>, path: &str, non_detect: NonDetect, errors: &mut Errors) -> Option<Limit> {
    errors.unknown_keys(path, object, &LIMIT_KEYS);
    let parameter_key = if object.contains_key("species") { "species" } else { "parameter" };
    let parameter = required(object, parameter_key, path, errors, parse_name);
    let value = required(object, "value", path, errors, parse_limit_value);
    let statistic = parse_statistic(object, path, errors);
    let outfall = optional(object, "outfall", path, errors, parse_name);
    let unit = optional(object, "unit", path, errors, parse_unit).unwrap_or_else(|| Unit::parse(DEFAULT_UNIT));
    let direction = optional(object, "direction", path, errors, parse_direction).unwrap_or(Direction::Max);
    let season = optional(object, "months", path, errors, parse_months).unwrap_or(Season::ALL);
    let non_detect = optional(object, "non_detect", path, errors, parse_non_detect).unwrap_or(non_detect);
    let action = optional(object, "action", path, errors, parse_action).unwrap_or_default();
    Some(Limit {
        parameter: parameter?,
        outfall,
        value: value?,
        unit,
        direction,
        statistic: statistic?,
        season,
        non_detect,
        action,
    })
}

fn legacy(object: &Map<String, Value>, errors: &mut Errors) -> Vec<Limit> {
    errors.unknown_keys("", object, &[&["limits_mgL", "rolling_window", "actions"][..], &ANSWER_KEYS].concat());
    let window = optional(object, "rolling_window", "", errors, parse_window).unwrap_or(3);
    let empty = Map::new();
    let actions = match object.get("actions") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(actions)) => actions,
        Some(_) => {
            errors.add("actions", "an object of parameter and text is expected");
            &empty
        }
    };
    let Some(limits) = object.get("limits_mgL").and_then(Value::as_object) else {
        errors.add("limits_mgL", "an object of parameter and limit is expected");
        return Vec::new();
    };
    if limits.len() > MAX_LIMITS / 2 {
        errors.add("limits_mgL", format!("at most {} limits, found {}", MAX_LIMITS / 2, limits.len()));
        return Vec::new();
    }
    for parameter in actions.keys().filter(|action| !limits.keys().any(|limit| name::same(limit, action))) {
        errors.add(format!("actions.{parameter}"), "no limit for this parameter");
    }
    let mut out = Vec::new();
    for (parameter, value) in limits {
        let field = || format!("limits_mgL.{parameter}");
        let checked = errors.keep(field(), name::check(parameter).map_err(|e| e.to_string()));
        let value = errors.keep(field(), parse_limit_value(value));
        let action = actions.iter().find(|(key, _)| name::same(key, parameter)).map(|(_, text)| text);
        let action =
            action.and_then(|text| errors.keep(format!("actions.{parameter}"), parse_action(text))).unwrap_or_default();
        if let (Some(parameter), Some(value)) = (checked, value) {
            out.extend(Permit::legacy(parameter, value, window, &action));
        }
    }
    out
}

fn required<T>(
    object: &Map<String, Value>,
    key: &str,
    path: &str,
    errors: &mut Errors,
    parse: impl Fn(&Value) -> Result<T, String>,
) -> Option<T> {
    match object.get(key) {
        Some(value) => errors.keep(format!("{path}{key}"), parse(value)),
        None => {
            errors.add(format!("{path}{key}"), "required");
            None
        }
    }
}

fn optional<T>(
    object: &Map<String, Value>,
    key: &str,
    path: &str,
    errors: &mut Errors,
    parse: impl Fn(&Value) -> Result<T, String>,
) -> Option<T> {
    match object.get(key) {
        None | Some(Value::Null) => None,
        Some(value) => errors.keep(format!("{path}{key}"), parse(value)),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("text is expected, found {value}"))
}

fn parse_name(value: &Value) -> Result<String, String> {
    name::check(text(value)?).map(str::to_owned).map_err(|e| e.to_string())
}

fn parse_limit_value(value: &Value) -> Result<f64, String> {
    match value.as_f64() {
        Some(limit) if limit.is_finite() && limit >= 0.0 => Ok(limit),
        _ => Err(format!("a limit is a number that is not negative, found {value}")),
    }
}

fn parse_unit(value: &Value) -> Result<Unit, String> {
    let unit = text(value)?.trim();
    if unit.is_empty() || unit.len() > MAX_UNIT_BYTES || unit.chars().any(char::is_control) {
        return Err(format!("a unit has 1 to {MAX_UNIT_BYTES} bytes"));
    }
    Ok(Unit::parse(unit))
}

fn parse_direction(value: &Value) -> Result<Direction, String> {
    Direction::deserialize(value).map_err(|_| format!("max or min is expected, found {value}"))
}

fn parse_non_detect(value: &Value) -> Result<NonDetect, String> {
    NonDetect::deserialize(value).map_err(|_| format!("zero, half or full is expected, found {value}"))
}

fn parse_action(value: &Value) -> Result<String, String> {
    let action = text(value)?.trim();
    if action.len() > MAX_ACTION_BYTES {
        return Err(format!("an action has at most {MAX_ACTION_BYTES} bytes, found {}", action.len()));
    }
    Ok(action.into())
}

fn parse_months(value: &Value) -> Result<Season, String> {
    let months = Vec::<u8>::deserialize(value).unwrap_or_default();
    if months.is_empty() || months.iter().any(|month| !(1..=12).contains(month)) {
        return Err(format!("a list of months 1 to 12 is expected, found {value}"));
    }
    Ok(Season::of(&months))
}

fn parse_window(value: &Value) -> Result<u32, String> {
    value
        .as_u64()
        .and_then(|window| u32::try_from(window).ok())
        .filter(|window| (2..=MAX_ROLLING).contains(window))
        .ok_or_else(|| format!("a whole number from 2 to {MAX_ROLLING} is expected, found {value}"))
}

/// `"rolling_mean"` with `n` (or `window`, `readings`) beside it, `"rolling_mean(3)"`, or a plain name.
fn parse_statistic(object: &Map<String, Value>, path: &str, errors: &mut Errors) -> Option<Statistic> {
    let named = required(object, "statistic", path, errors, |value| text(value).map(str::to_owned))?;
    let count = ["n", "window", "readings"].into_iter().find(|key| object.get(*key).is_some_and(|v| !v.is_null()));
    let field = format!("{path}statistic");
    if named == "rolling_mean" {
        let key = count.unwrap_or("n");
        return required(object, key, path, errors, parse_window).map(Statistic::RollingMean);
    }
    if let Some(key) = count {
        errors.add(format!("{path}{key}"), "only a rolling_mean has a number of readings");
    }
    if let Some(inner) = named.strip_prefix("rolling_mean(").and_then(|rest| rest.strip_suffix(')')) {
        let window = inner.trim().parse::<u64>().map_or(Value::String(inner.into()), Value::from);
        return errors.keep(field, parse_window(&window)).map(Statistic::RollingMean);
    }
    let plain = Statistic::PLAIN.iter().find(|(name, _)| *name == named).map(|(_, statistic)| *statistic);
    errors.keep(
        field,
        plain.ok_or_else(|| {
            let known: Vec<_> = Statistic::PLAIN.iter().map(|(name, _)| *name).collect();
            format!("one of {}, rolling_mean is expected, found {named:?}", known.join(", "))
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(document: Value) -> Vec<String> {
        parse(&document).unwrap_err().into_iter().map(|e| e.field).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let old = json!({"limits_mgL": {"SO4": 250.0}, "rolling_window": 4, "actions": {"so4": "Stop"}});
        let permit = parse(&old).unwrap();
        let statistics: Vec<_> = permit.limits.iter().map(|l| l.statistic.to_string()).collect();
        assert_eq!(statistics, ["instant", "rolling_mean(4)"]);
        assert!(permit.limits.iter().all(|l| l.action == "Stop" && l.value == 250.0));
        assert_eq!(parse(&to_json(&permit)).unwrap(), permit);
    }

    #[test]
    fn every_part_of_the_current_form_survives() {
        let document = json!({"limits": [
            {"parameter": "pH", "value": 6, "unit": "SU", "direction": "min", "statistic": "daily_min", "outfall": "002"},
            {"parameter": "NH3", "value": 3, "unit": "mg/L", "direction": "max", "statistic": "monthly_avg",
             "months": [6, 7], "non_detect": "half", "action": "Aerate"},
            {"parameter": "E. coli", "value": 126, "unit": "CFU/100mL", "statistic": "rolling_mean(5)"}]});
        let permit = parse(&document).unwrap();
        assert_eq!(parse(&to_json(&permit)).unwrap(), permit);
        assert_eq!(permit.limits[1].season.months(), [6, 7]);
        assert_eq!(permit.limits[2].statistic, Statistic::RollingMean(5));
    }

    #[test]
    fn errors_name_the_field() {
        assert_eq!(fields(json!({"limits_mgl": {"SO4": 1}})), ["limits_mgl", "limits"]);
        assert_eq!(fields(json!({"limits_mgL": {"SO4": -1}})), ["limits_mgL.SO4"]);
        for window in [json!(0), json!(1), json!(-3), json!(2.5), json!("3"), json!(MAX_ROLLING + 1)] {
            assert_eq!(fields(json!({"limits_mgL": {"SO4": 1}, "rolling_window": window})), ["rolling_window"]);
        }
        assert_eq!(
            fields(json!({"limits": [{"parameter": "", "value": "x", "statistic": "mean", "direction": "up"}]})),
            ["limits[0].parameter", "limits[0].value", "limits[0].statistic", "limits[0].direction"]
        );
        assert_eq!(
            fields(json!({"limits": [{"parameter": "A", "value": 1, "statistic": "instant", "vlaue": 2}]})),
            ["limits[0].vlaue"]
        );
        assert_eq!(fields(json!({"limits": null})), ["limits"]);
        assert_eq!(fields(json!([1])), [""]);
        let limit = json!({"parameter": "A", "value": 1, "statistic": "instant"});
        assert_eq!(fields(json!({"limits": [limit, limit]})), ["limits[1]"]);
    }

    #[test]
    fn windows_and_limit_counts_are_limited_on_both_sides() {
        for window in [2, MAX_ROLLING] {
            assert!(parse(&json!({"limits_mgL": {"SO4": 0}, "rolling_window": window})).is_ok());
        }
        let many = |n: usize| -> Vec<Value> {
            (0..n).map(|i| json!({"parameter": format!("p{i}"), "value": 1, "statistic": "instant"})).collect()
        };
        assert!(parse(&json!({"limits": many(MAX_LIMITS)})).is_ok());
        assert!(parse(&json!({"limits": many(MAX_LIMITS + 1)})).is_err());
    }

    #[test]
    fn permits_are_limited_in_bytes_on_both_sides() {
        let action = "x".repeat(MAX_ACTION_BYTES);
        let limit =
            |i| json!({"parameter": format!("{i:0>200}"), "value": 1, "statistic": "instant", "action": action});
        let permit = |limits: usize| json!({"limits": (0..limits).map(limit).collect::<Vec<_>>()});
        let one = to_json(&parse(&permit(1)).unwrap())["limits"][0].to_string().len();
        // Besides the limits, commas between them, and what stands around the list.
        let fitting = (MAX_PERMIT_BYTES - r#"{"limits":[]}"#.len() + 1) / (one + 1);
        assert!(parse(&permit(fitting)).is_ok() && fitting < MAX_LIMITS);
        let error = &parse(&permit(fitting + 1)).unwrap_err()[0];
        assert!(error.field == "limits" && error.reason.contains("bytes"), "{error:?}");
    }
}

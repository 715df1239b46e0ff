//! Reads single fields, and reports what is wrong with them.

use super::FieldError;
use crate::alert::AlertKind;
use crate::calendar::{self, Calendar};
use crate::name;
use crate::permit::{NonDetect, Season};
use crate::reading::Direction;
use crate::statistic::MAX_ROLLING;
use crate::unit::{MAX_UNIT_BYTES, Unit};
use jiff::civil::{Date, Weekday};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest action text, in bytes.
pub const MAX_ACTION_BYTES: usize = 600;

#[derive(Default)]
pub(super) struct Errors(pub(super) Vec<FieldError>);

impl Errors {
    pub(super) fn add(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), reason: reason.into() });
    }

    /// Keeps the value, or notes the error and returns `None`.
    pub(super) fn keep<T>(&mut self, field: String, result: Result<T, String>) -> Option<T> {
        result.map_err(|reason| self.add(field, reason)).ok()
    }

    pub(super) fn unknown_keys(&mut self, path: &str, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.add(format!("{path}{key}"), format!("unknown key; known are {}", known.join(", ")));
        }
    }
}

pub(super) fn error(field: &str, reason: &str) -> FieldError {
    FieldError { field: field.into(), reason: reason.into() }
}

pub(super) fn required<T>(
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

pub(super) fn optional<T>(
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

pub(super) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("text is expected, found {value}"))
}

pub(super) fn parse_name(value: &Value) -> Result<String, String> {
    name::check(text(value)?).map(str::to_owned).map_err(|e| e.to_string())
}

pub(super) fn parse_limit_value(value: &Value) -> Result<f64, String> {
    match value.as_f64() {
        Some(limit) if limit.is_finite() && limit >= 0.0 => Ok(limit),
        _ => Err(format!("a limit is a number that is not negative, found {value}")),
    }
}

pub(super) fn parse_unit(value: &Value) -> Result<Unit, String> {
    let unit = text(value)?.trim();
    if unit.is_empty() || unit.len() > MAX_UNIT_BYTES || unit.chars().any(char::is_control) {
        return Err(format!("a unit has 1 to {MAX_UNIT_BYTES} bytes"));
    }
    Ok(Unit::parse(unit))
}

pub(super) fn parse_direction(value: &Value) -> Result<Direction, String> {
    Direction::deserialize(value).map_err(|_| format!("max or min is expected, found {value}"))
}

pub(super) fn parse_non_detect(value: &Value) -> Result<NonDetect, String> {
    NonDetect::deserialize(value).map_err(|_| format!("zero, half or full is expected, found {value}"))
}

pub(super) fn parse_action(value: &Value) -> Result<String, String> {
    let action = text(value)?.trim();
    if action.len() > MAX_ACTION_BYTES {
        return Err(format!("an action has at most {MAX_ACTION_BYTES} bytes, found {}", action.len()));
    }
    Ok(action.into())
}

pub(super) fn parse_months(value: &Value) -> Result<Season, String> {
    let months = Vec::<u8>::deserialize(value).unwrap_or_default();
    if months.is_empty() || months.iter().any(|month| !(1..=12).contains(month)) {
        return Err(format!("a list of months 1 to 12 is expected, found {value}"));
    }
    Ok(Season::of(&months))
}

pub(super) fn parse_window(value: &Value) -> Result<u32, String> {
    value
        .as_u64()
        .and_then(|window| u32::try_from(window).ok())
        .filter(|window| (2..=MAX_ROLLING).contains(window))
        .ok_or_else(|| format!("a whole number from 2 to {MAX_ROLLING} is expected, found {value}"))
}

pub(super) fn parse_kind(value: &Value) -> Result<AlertKind, String> {
    AlertKind::deserialize(value).map_err(|_| format!("limit or benchmark is expected, found {value}"))
}

pub(super) fn parse_number(value: &Value) -> Result<f64, String> {
    value.as_f64().filter(|number| number.is_finite()).ok_or_else(|| format!("a number is expected, found {value}"))
}

pub(super) fn parse_positive(value: &Value) -> Result<f64, String> {
    parse_number(value).and_then(|number| {
        if number > 0.0 { Ok(number) } else { Err(format!("a number above 0 is expected, found {value}")) }
    })
}

pub(super) fn parse_date(value: &Value) -> Result<Date, String> {
    calendar::date_from_text(text(value)?).map_err(|_| format!("a date such as 2026-07-01 is expected, found {value}"))
}

pub(super) fn parse_zone(value: &Value) -> Result<String, String> {
    let name = text(value)?.trim();
    Calendar::new(name, Weekday::Sunday).map_err(|error| error.to_string())?;
    Ok(name.to_owned())
}

pub(super) fn parse_weekday(value: &Value) -> Result<Weekday, String> {
    calendar::weekday(text(value)?).ok_or_else(|| format!("a day such as sunday is expected, found {value}"))
}

/// One of a few words.
pub(super) fn parse_word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("{} is expected, found {value}", known.join(" or "))
        })
    }
}

pub(super) fn parse_thresholds(value: &Value) -> Result<[f64; 3], String> {
    let list = <[f64; 3]>::deserialize(value).ok().filter(|[watch, warning, critical]| {
        0.0 < *watch && watch < warning && warning < critical && critical.is_finite()
    });
    list.ok_or_else(|| format!("three numbers, each above the one before, are expected, found {value}"))
}

pub(super) fn parse_digits(value: &Value) -> Result<u8, String> {
    let digits = value.as_u64().and_then(|digits| u8::try_from(digits).ok()).filter(|digits| *digits <= 12);
    digits.ok_or_else(|| format!("a whole number from 0 to 12 is expected, found {value}"))
}

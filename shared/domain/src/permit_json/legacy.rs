//! The older form of a permit: one limit for each parameter, in mg/L.

use super::fields::{Errors, optional, parse_action, parse_limit_value, parse_window};
use super::{ANSWER_KEYS, CALENDAR_KEYS, MAX_LIMITS};
use crate::name;
use crate::permit::{Limit, Permit};
use serde_json::{Map, Value};

pub(super) fn legacy(object: &Map<String, Value>, errors: &mut Errors) -> Vec<Limit> {
    errors.unknown_keys(
        "",
        object,
        &[&["limits_mgL", "rolling_window", "actions"][..], &CALENDAR_KEYS, &ANSWER_KEYS].concat(),
    );
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

//! Limits that depend on the water: a formula, and the series of its inputs.

use super::fields::{Errors, optional, parse_name};
use crate::formula::{Formula, NEEDS};
use crate::permit::Other;
use crate::statistic::{Reach, Statistic};
use crate::unit::Unit;
use serde_json::{Map, Value};

/// A formula gives the limit.
pub(super) fn no_value(object: &Map<String, Value>, path: &str, errors: &mut Errors) -> Option<f64> {
    for key in ["value", "low", "round_to"] {
        if object.get(key).is_some_and(|value| !value.is_null()) {
            errors.add(format!("{path}{key}"), "the formula gives the limit: leave this out");
        }
    }
    Some(0.0)
}

/// Inputs that the formula of a limit does not need, or that need a formula.
pub(super) fn unneeded(object: &Map<String, Value>, path: &str, formula: Option<Formula>, errors: &mut Errors) {
    let needs = formula.map_or(&[][..], Formula::needs);
    for key in NEEDS.iter().filter(|need| !needs.contains(need)).map(|need| need.key) {
        if object.get(key).is_some_and(|value| !value.is_null()) {
            errors.add(format!("{path}{key}"), "only a formula that needs it names it");
        }
    }
}

pub(super) fn parse(
    object: &Map<String, Value>,
    path: &str,
    (formula, statistic, unit): (Formula, Option<Statistic>, &Unit),
    errors: &mut Errors,
) -> Option<Other> {
    for key in ["flow", "factor", "influent"] {
        if object.get(key).is_some_and(|value| !value.is_null()) {
            errors.add(format!("{path}{key}"), "a limit has this or a formula, not both");
        }
    }
    if object.get("direction").is_some_and(|direction| direction == "min") {
        errors.add(format!("{path}direction"), "what a formula is about is a maximum");
    }
    if formula.usual_unit().conversion_to(unit).is_none() {
        errors.add(format!("{path}unit"), format!("{} cannot be given in {unit}", formula.label()));
    }
    if statistic.is_some_and(|statistic| !goes_with_formulas(statistic)) {
        errors.add(
            format!("{path}statistic"),
            "a formula goes with each result, and with means and extremes of a period alone",
        );
    }
    let mut parameters = Vec::new();
    for need in formula.needs() {
        let named = optional(object, need.key, path, errors, parse_name);
        parameters.push(named.unwrap_or_else(|| need.parameter.to_owned()));
    }
    unneeded(object, path, Some(formula), errors);
    Some(Other::Water { formula, parameters })
}

/// The water is known for a period, so a value must be of that period alone. It says nothing about a total.
fn goes_with_formulas(statistic: Statistic) -> bool {
    let is_own = statistic.unit().is_none() && !statistic.is_of_reported();
    let is_of_one = matches!(statistic.reach(), Reach::Result | Reach::Period);
    let is_of_another = ["percent_removal", "monthly_total", "annual_total"].contains(&statistic.name());
    is_own && is_of_one && !is_of_another
}

//! One limit in the current form.

use super::fields::{
    Errors, optional, parse_action, parse_date, parse_digits, parse_direction, parse_kind, parse_limit_value,
    parse_months, parse_name, parse_non_detect, parse_number, parse_positive, parse_thresholds, parse_unit, parse_word,
    required, text,
};
use super::water;
use crate::alert::AlertKind;
use crate::formula::Formula;
use crate::number;
use crate::permit::{Every, Limit, NonDetect, Of, Other, Season};
use crate::reading::Direction;
use crate::statistic::Statistic;
use crate::unit::{DEFAULT_UNIT, Unit};
use serde_json::{Map, Value, json};

const KEYS: [&str; 29] = [
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
    "p",
    "months",
    "non_detect",
    "action",
    "id",
    "kind",
    "of",
    "base",
    "inconclusive",
    "all_non_detect",
    "round_to",
    "digits",
    "from",
    "until",
    "every",
    "closed_from",
    "thresholds",
    "low",
    "flow",
];
const MORE_KEYS: [&str; 6] = ["factor", "influent", "formula", "hardness", "ph", "temperature"];

const OF: [(&str, Of); 2] = [("days", Of::Days), ("results", Of::Results)];
const EVERY: [(&str, Every); 5] = [
    ("day", Every::Day),
    ("week", Every::Week),
    ("month", Every::Month),
    ("quarter", Every::Quarter),
    ("year", Every::Year),
];

pub(super) fn parse(
    object: &Map<String, Value>,
    path: &str,
    non_detect: NonDetect,
    errors: &mut Errors,
) -> Option<Limit> {
    errors.unknown_keys(path, object, &[&KEYS[..], &MORE_KEYS].concat());
    let parameter_key = if object.contains_key("species") { "species" } else { "parameter" };
    let parameter = required(object, parameter_key, path, errors, parse_name);
    let formula = optional(object, "formula", path, errors, |value| Formula::named(text(value)?));
    let has_formula = object.get("formula").is_some_and(|formula| !formula.is_null());
    let value = match formula {
        Some(formula) if formula.gives_limit() => water::no_value(object, path, errors),
        // The error has been reported.
        None if has_formula => None,
        _ => required(object, "value", path, errors, parse_limit_value),
    };
    let statistic = parse_statistic(object, path, errors);
    let unit = optional(object, "unit", path, errors, parse_unit);
    let unit = unit.unwrap_or_else(|| formula.map_or_else(|| Unit::parse(DEFAULT_UNIT), Formula::usual_unit));
    let decimals = parse_decimals(object, path, value, errors);
    let with = match formula {
        Some(formula) => water::parse(object, path, (formula, statistic, &unit), errors),
        None if has_formula => None,
        None => parse_other(object, path, statistic, errors),
    };
    let limit = Limit {
        outfall: optional(object, "outfall", path, errors, parse_name),
        unit,
        direction: optional(object, "direction", path, errors, parse_direction).unwrap_or(Direction::Max),
        season: optional(object, "months", path, errors, parse_months).unwrap_or(Season::ALL),
        non_detect: optional(object, "non_detect", path, errors, parse_non_detect).unwrap_or(non_detect),
        action: optional(object, "action", path, errors, parse_action).unwrap_or_default(),
        kind: optional(object, "kind", path, errors, parse_kind).unwrap_or_default(),
        of: optional(object, "of", path, errors, parse_word(&OF)),
        base: optional(object, "base", path, errors, parse_name),
        inconclusive_violates: optional(
            object,
            "inconclusive",
            path,
            errors,
            parse_word(&[("open", false), ("violation", true)]),
        )
        .unwrap_or_default(),
        all_non_detect_by_rule: optional(
            object,
            "all_non_detect",
            path,
            errors,
            parse_word(&[("open", false), ("compliant", true)]),
        )
        .unwrap_or_default(),
        decimals,
        from: optional(object, "from", path, errors, parse_date),
        until: optional(object, "until", path, errors, parse_date),
        every: optional(object, "every", path, errors, parse_word(&EVERY)),
        closed_from: optional(object, "closed_from", path, errors, parse_date),
        thresholds: optional(object, "thresholds", path, errors, parse_thresholds),
        low: optional(object, "low", path, errors, parse_number),
        with,
        ..Limit::plain(&parameter?, value?, "", statistic?)
    };
    if limit.from.zip(limit.until).is_some_and(|(from, until)| until < from) {
        errors.add(format!("{path}until"), "is before from");
    }
    Some(limit)
}

/// One limit as JSON.
pub fn limit_to_json(limit: &Limit) -> Value {
    let mut out = json!({
        "parameter": limit.parameter,
        "unit": limit.unit.as_str(),
        "direction": limit.direction,
        "statistic": limit.statistic.name(),
    });
    if let Some((key, argument)) = limit.statistic.argument() {
        out[key] = whole(argument);
    }
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out[key] = value;
        }
    };
    put("value", limit.formula().is_none().then(|| json!(limit.value)));
    put("outfall", limit.outfall.as_ref().map(|outfall| json!(outfall)));
    put("months", (!limit.season.is_all()).then(|| json!(limit.season.months())));
    // Loads and removals average too, whatever their statistic is.
    let has_rule = limit.statistic.is_average() || limit.non_detect != NonDetect::default();
    put("non_detect", has_rule.then(|| json!(limit.non_detect)));
    put("action", (!limit.action.is_empty()).then(|| json!(limit.action)));
    put("kind", (limit.kind != AlertKind::Limit).then(|| json!(limit.kind)));
    put("of", limit.of.map(|of| json!(of)));
    put("base", limit.base.as_ref().map(|base| json!(base)));
    put("inconclusive", limit.inconclusive_violates.then(|| json!("violation")));
    put("all_non_detect", limit.all_non_detect_by_rule.then(|| json!("compliant")));
    put("digits", limit.decimals.map(|digits| json!(digits)));
    put("from", limit.from.map(|day| json!(day.to_string())));
    put("until", limit.until.map(|day| json!(day.to_string())));
    put("every", limit.every.map(|every| json!(every)));
    put("closed_from", limit.closed_from.map(|day| json!(day.to_string())));
    put("thresholds", limit.thresholds.map(|thresholds| json!(thresholds.map(whole))));
    put("low", limit.low.map(whole));
    match &limit.with {
        Some(Other::Water { formula, parameters }) => {
            put("formula", Some(json!(formula.id())));
            for (need, parameter) in formula.needs().iter().zip(parameters) {
                put(need.key, Some(json!(parameter)));
            }
        }
        Some(Other::Flow { parameter, factor }) => {
            put("flow", Some(json!(parameter)));
            put("factor", factor.map(whole));
        }
        Some(Other::Influent { parameter }) => put("influent", Some(json!(parameter))),
        None => {}
    }
    out
}

/// A number, without decimals if it has none.
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}

/// The number of decimals to round to: those of the limit, or a given number.
fn parse_decimals(object: &Map<String, Value>, path: &str, value: Option<f64>, errors: &mut Errors) -> Option<u8> {
    let digits = optional(object, "digits", path, errors, parse_digits);
    let by_limit = optional(object, "round_to", path, errors, parse_word(&[("limit", ())]));
    digits.or_else(|| by_limit.and(value).map(number::decimals))
}

fn parse_other(
    object: &Map<String, Value>,
    path: &str,
    statistic: Option<Statistic>,
    errors: &mut Errors,
) -> Option<Other> {
    let flow = optional(object, "flow", path, errors, parse_name);
    let factor = optional(object, "factor", path, errors, parse_positive);
    let influent = optional(object, "influent", path, errors, parse_name);
    water::unneeded(object, path, None, errors);
    let is_removal = statistic.is_some_and(|statistic| statistic.name() == "percent_removal");
    match (flow, influent) {
        (Some(_), Some(_)) => {
            errors.add(format!("{path}influent"), "a limit has a flow or an influent, not both");
            None
        }
        (Some(parameter), None) => Some(Other::Flow { parameter, factor }),
        (None, influent) => {
            if factor.is_some() {
                errors.add(format!("{path}factor"), "only a load, which names its flow, has a factor");
            }
            if is_removal != influent.is_some() {
                errors.add(format!("{path}influent"), "percent_removal, and nothing else, names what comes in");
            }
            influent.map(|parameter| Other::Influent { parameter })
        }
    }
}

/// A name with its number beside it (`n`, or `window`, `readings`), or in parentheses after it.
fn parse_statistic(object: &Map<String, Value>, path: &str, errors: &mut Errors) -> Option<Statistic> {
    let named = required(object, "statistic", path, errors, |value| text(value).map(str::to_owned))?;
    // Null is no number: it would be read as one that was left out.
    let mut beside = ["n", "window", "readings", "p"].into_iter().filter(|key| object.contains_key(*key));
    let key = beside.next();
    let number = key.map(|key| required(object, key, path, errors, parse_number));
    if let Some(other) = beside.next().or(key.filter(|_| named.contains('('))) {
        errors.add(format!("{path}{other}"), "a statistic has one number");
        return None;
    }
    if named.contains('(') {
        return errors.keep(format!("{path}statistic"), named.parse());
    }
    let is_known = Statistic::all().iter().find(|known| known.name() == named);
    let wanted = is_known.and_then(|known| known.argument()).map(|argument| argument.key);
    let field = match (key, wanted) {
        (Some(key), _) | (None, Some(key)) if is_known.is_some() => format!("{path}{key}"),
        _ => format!("{path}statistic"),
    };
    match number {
        // What is wrong with it has been said.
        Some(None) => None,
        number => errors.keep(field, Statistic::named(&named, number.flatten())),
    }
}

use super::*;
use crate::statistic::{MAX_ROLLING, Statistic};

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
    assert_eq!(permit.limits[2].statistic, Statistic::rolling_mean(5));
}

/// The daily load is worked out of means, in which a non-detect counts as the permit says.
#[test]
fn a_rule_for_non_detects_survives_with_every_statistic() {
    for statistic in ["daily_max", "instant", "as_excursion", "monthly_avg"] {
        for non_detect in ["zero", "half"] {
            let permit = parse(&json!({"non_detect": non_detect, "limits": [
                {"parameter": "TSS", "value": 250, "unit": "lb/d", "statistic": statistic}]}))
            .unwrap();
            assert_eq!(parse(&to_json(&permit)).unwrap(), permit, "{statistic}, {non_detect}");
        }
    }
    let load = json!({"parameter": "TSS", "value": 250, "unit": "lb/d", "statistic": "daily_max", "flow": "Flow",
                      "non_detect": "half"});
    let permit = parse(&json!({"limits": [load]})).unwrap();
    assert_eq!(to_json(&permit)["limits"][0]["non_detect"], "half");
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
    let limit = |i| json!({"parameter": format!("{i:0>200}"), "value": 1, "statistic": "instant", "action": action});
    let permit = |limits: usize| json!({"limits": (0..limits).map(limit).collect::<Vec<_>>()});
    let one = to_json(&parse(&permit(1)).unwrap())["limits"][0].to_string().len();
    // Besides the limits, commas between them, and what stands around the list.
    let fitting = (MAX_PERMIT_BYTES - r#"{"limits":[]}"#.len() + 1) / (one + 1);
    assert!(parse(&permit(fitting)).is_ok() && fitting < MAX_LIMITS);
    let error = &parse(&permit(fitting + 1)).unwrap_err()[0];
    assert!(error.field == "limits" && error.reason.contains("bytes"), "{error:?}");
}

#[test]
fn a_limit_has_what_engineers_write_into_permits() {
    let document = json!({"time_zone": "America/Chicago", "week_starts": "monday", "limits": [
        {"parameter": "TSS", "value": 250, "unit": "lb/d", "statistic": "daily_avg", "flow": "Flow", "factor": 8.345404},
        {"parameter": "BOD", "value": 85, "unit": "%", "direction": "min", "statistic": "percent_removal", "influent": "BOD in"},
        {"parameter": "Cu", "value": 0.5, "statistic": "monthly_avg", "of": "results", "kind": "benchmark", "round_to": "limit",
         "inconclusive": "violation", "all_non_detect": "compliant", "every": "week", "closed_from": "2026-05-01",
         "from": "2026-01-01", "until": "2026-12-31", "thresholds": [1.1, 1.2, 1.3]},
        {"parameter": "E. coli", "value": 235, "unit": "MPN/100mL", "statistic": "percent_of_results", "p": 10},
        {"parameter": "pH", "value": 9, "low": 6, "unit": "SU", "statistic": "as_excursion"},
        {"parameter": "Hg", "value": 0.1, "statistic": "as_reported", "base": "MO AVG", "digits": 3},
        {"parameter": "Pb", "formula": "pb_chronic_hardness", "hardness": "Hardness, total", "statistic": "monthly_avg"},
        {"parameter": "Ammonia", "value": 0.02, "unit": "mg/L", "formula": "unionised_ammonia_fraction",
         "ph": "pH", "temperature": "Temp", "statistic": "daily_max"}]});
    let permit = parse(&document).unwrap();
    assert_eq!(parse(&to_json(&permit)).unwrap(), permit);
    assert_eq!((permit.calendar.zone_name(), permit.limits[2].decimals), ("America/Chicago", Some(1)));
    let given = &document["limits"];
    let written = &to_json(&permit)["limits"];
    for (index, key) in [
        (0, "flow"),
        (0, "factor"),
        (1, "influent"),
        (2, "of"),
        (2, "thresholds"),
        (2, "until"),
        (3, "p"),
        (4, "low"),
        (6, "formula"),
        (6, "hardness"),
        (7, "value"),
        (7, "ph"),
        (7, "temperature"),
    ] {
        assert_eq!(written[index][key], given[index][key], "{key}");
    }
    assert_eq!(fields(json!({"time_zone": "Mars", "week_starts": "x", "limits": []})), ["time_zone", "week_starts"]);
    let one = |more: Value| {
        let mut limit = json!({"parameter": "A", "value": 1, "statistic": "instant"});
        limit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields(json!({"limits": [limit]}))
    };
    assert_eq!(one(json!({"n": 3})), ["limits[0].n"]);
    assert_eq!(one(json!({"from": "2026-02-30"})), ["limits[0].from"]);
    assert_eq!(one(json!({"from": "2026-02-02", "until": "2026-02-01"})), ["limits[0].until"]);
    assert_eq!(one(json!({"thresholds": [2, 1, 3]})), ["limits[0].thresholds"]);
    assert_eq!(one(json!({"flow": "Flow", "influent": "In"})), ["limits[0].influent"]);
    assert_eq!(one(json!({"factor": 8.34})), ["limits[0].factor"]);
    assert_eq!(one(json!({"statistic": "percent_removal"})), ["limits[0].influent"]);
    assert_eq!(one(json!({"statistic": "percent_of_results", "p": 101})), ["limits[0].p"]);
}

#[test]
fn a_limit_with_a_formula_names_what_it_needs_and_nothing_else() {
    let copper = |more: Value| {
        let mut limit = json!({"parameter": "Cu", "formula": "cu_acute_hardness", "statistic": "daily_max"});
        limit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"limits": [limit]})
    };
    let written = &to_json(&parse(&copper(json!({}))).unwrap())["limits"][0];
    assert_eq!(
        *written,
        json!({"parameter": "Cu", "formula": "cu_acute_hardness", "hardness": "Hardness", "unit": "ug/L",
               "direction": "max", "statistic": "daily_max"})
    );
    assert!(parse(&copper(json!({"unit": "mg/L", "digits": 4}))).is_ok());
    for (more, field) in [
        (json!({"formula": "cu"}), "formula"),
        (json!({"value": 13}), "value"),
        (json!({"low": 1}), "low"),
        (json!({"round_to": "limit"}), "round_to"),
        (json!({"statistic": "monthly_total"}), "statistic"),
        (json!({"ph": "pH"}), "ph"),
        (json!({"flow": "Flow"}), "flow"),
        (json!({"direction": "min"}), "direction"),
        (json!({"unit": "SU"}), "unit"),
        (json!({"statistic": "rolling_mean", "n": 4}), "statistic"),
        (json!({"statistic": "percent_of_results", "p": 10}), "statistic"),
        (json!({"statistic": "as_reported"}), "statistic"),
    ] {
        let found = fields(copper(more.clone()));
        assert!(found.contains(&format!("limits[0].{field}")), "{more}: {found:?}");
    }
    assert_eq!(
        fields(copper(json!({"formula": "cu", "hardness": "H"}))),
        ["limits[0].formula"],
        "what is wrong is said once"
    );
    let id = |hardness: &str| parse(&copper(json!({"hardness": hardness}))).unwrap().limits[0].id();
    assert_eq!((id("hardness") == id("Hardness"), id("TH") == id("Hardness")), (true, false));
    let plain = json!({"limits": [{"parameter": "Cu", "value": 1, "statistic": "instant", "hardness": "Hardness"}]});
    assert_eq!(fields(plain), ["limits[0].hardness"]);
    let ammonia =
        json!({"limits": [{"parameter": "NH3", "formula": "unionised_ammonia_fraction", "statistic": "instant"}]});
    assert_eq!(fields(ammonia), ["limits[0].value"]);
}

#[test]
fn a_statistic_has_one_number_which_is_a_number() {
    let field = |limit: Value| fields(json!({"limits": [limit]}));
    let rolling = |extra: Value| {
        let mut limit = json!({"parameter": "Ni", "value": 1, "statistic": "rolling_mean"});
        limit.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        limit
    };
    assert!(parse(&json!({"limits": [rolling(json!({"n": 3}))]})).is_ok());
    assert!(parse(&json!({"limits": [rolling(json!({"window": 3}))]})).is_ok());
    for wrong in [json!({"n": null}), json!({"n": "3"}), json!({"n": []}), json!({})] {
        assert_eq!(field(rolling(wrong.clone())), ["limits[0].n"], "{wrong}");
    }
    assert_eq!(field(rolling(json!({"n": 3, "window": 4}))), ["limits[0].window"]);
    let plain = |key: &str| json!({"parameter": "Ni", "value": 1, "statistic": "daily_max", key: null});
    assert_eq!(field(plain("n")), ["limits[0].n"]);
    assert_eq!(field(json!({"parameter": "Ni", "value": 1, "statistic": "rolling_mean(3)", "n": 3})), ["limits[0].n"]);
}

/// What the documentation names is what is read.
#[test]
fn the_documentation_has_the_keys_that_are_read() {
    use std::collections::BTreeSet;
    use utoipa::PartialSchema;
    let keys = |schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>| {
        let schema = serde_json::to_value(schema).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        schema["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()
    };
    let known = |document: Value, field: &str| -> BTreeSet<String> {
        let errors = parse(&document).unwrap_err();
        let error = errors.iter().find(|error| error.field == field).unwrap();
        let list = error.reason.strip_prefix("unknown key; known are ").unwrap();
        list.split(", ").map(str::to_owned).collect()
    };
    let mut limit = known(json!({"limits": [{"": 1}]}), "limits[0].");
    // The older name of `parameter`, which the description tells.
    assert!(limit.remove("species"));
    assert_eq!(keys(document::PermitLimit::schema()), limit);
    assert_eq!(keys(document::PermitDocument::schema()), known(json!({"limits": [], "": 1}), ""));
    assert_eq!(keys(document::LegacyPermit::schema()), known(json!({"limits_mgL": {}, "": 1}), ""));
}

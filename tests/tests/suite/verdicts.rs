//! Verdicts: what exceeds, what does not, and what must be reported besides.

use crate::support::{alerts, numbers, permitted, served, taken, texts, tidy};
use serde_json::{Value, json};
use tests::Api;

/// Puts one limit on X, in mg/L unless changed, for a site of its own, and posts readings: the alerts.
async fn judged(api: &Api, site: &str, limit: Value, rows: &[&str]) -> anyhow::Result<Vec<Value>> {
    permitted(api, site, &json!({ "limits": [with_defaults(limit)] })).await?;
    taken(api, &format!("?site={site}"), tidy(rows)).await?;
    alerts(api, site).await
}

fn with_defaults(mut limit: Value) -> Value {
    for (key, value) in [("parameter", json!("X")), ("value", json!(10)), ("unit", json!("mg/L"))] {
        if limit.get(key).is_none() {
            limit[key] = value;
        }
    }
    limit
}

/// The alerts of every case, as `period value`.
async fn statistic(statistic: Value, limit: f64, rows: &[&str]) -> anyhow::Result<Vec<String>> {
    let (_server, api) = served().await?;
    let mut permit = statistic;
    permit["value"] = json!(limit);
    let found = judged(&api, "s", permit, rows).await?;
    let rounded = |alert: &Value| (alert["value"].as_f64().unwrap_or(f64::NAN) * 1e6).round() / 1e6;
    Ok(found.iter().map(|alert| format!("{} {}", alert["period"].as_str().unwrap_or("?"), rounded(alert))).collect())
}

#[tokio::test]
async fn fault_1_every_reading_and_every_window_is_judged_not_only_the_last() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = ["1,SO4,200", "2,SO4,900", "3,SO4,5000", "4,SO4,900", "5,SO4,200", "6,SO4,200", "7,SO4,200"];
    taken(&api, "", tidy(&rows)).await?;
    let all = alerts(&api, "default").await?;
    let of = |statistic: &str| -> Vec<Value> { all.iter().filter(|a| a["statistic"] == statistic).cloned().collect() };
    assert_eq!(numbers(&of("instant"), "value"), [900.0, 5000.0, 900.0]);
    assert_eq!(numbers(&of("rolling_mean(3)"), "time"), [3.0, 4.0, 5.0, 6.0]);
    Ok(())
}

#[tokio::test]
async fn fault_2_a_missing_value_at_the_end_hides_nothing() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for (site, file) in [
        ("tidy", tidy(&["1,SO4,900", "2,SO4,900", "3,SO4,900", "4,SO4,"])),
        ("wide", "time,SO4_mgL,As_mgL\n1,900,\n2,900,\n3,900,\n4,,0.001\n".to_owned()),
        ("bad", tidy(&["1,SO4,900", "2,SO4,900", "3,SO4,900", "4,SO4,nan"])),
    ] {
        taken(&api, &format!("?site={site}"), file).await?;
        assert_eq!(numbers(&alerts(&api, site).await?, "value"), [900.0; 4], "{site}: three readings and their mean");
    }
    Ok(())
}

#[tokio::test]
async fn fault_3_readings_are_judged_in_time_order_not_in_file_order() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = ["1,SO4,700", "2,SO4,10", "3,SO4,10", "4,SO4,700", "5,SO4,10", "6,SO4,10"];
    let mut shuffled = rows;
    shuffled.sort_by_key(|row| row.len());
    shuffled.reverse();
    assert_ne!(rows, shuffled);
    taken(&api, "?site=a", tidy(&rows)).await?;
    taken(&api, "?site=b", tidy(&shuffled)).await?;
    let (a, b) = (alerts(&api, "a").await?, alerts(&api, "b").await?);
    // 700, 10, 10 has a mean of 240: in file order, 700 beside 700 would have exceeded.
    assert_eq!(texts(&a, "statistic"), ["instant", "instant"]);
    assert_eq!((numbers(&a, "time"), numbers(&a, "value")), (numbers(&b, "time"), numbers(&b, "value")));
    assert_eq!(texts(&a, "statistic"), texts(&b, "statistic"));
    Ok(())
}

#[tokio::test]
async fn fault_4_nothing_is_compliant_by_mismatch() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let answer = taken(&api, "", tidy(&["1,Sulfate,9000", "2,Ni,0.05"])).await?;
    assert_eq!((&answer["readings"], &answer["readings_judged"]), (&json!(2), &json!(1)));
    assert_eq!(answer["parameters_without_limit"], json!(["Sulfate"]));
    let unmet = answer["limits_without_reading"].as_array().cloned().unwrap_or_default();
    assert_eq!(texts(&unmet, "parameter"), ["As", "As", "SO4", "SO4"]);
    assert_eq!(texts(&unmet, "statistic"), ["instant", "rolling_mean(3)", "instant", "rolling_mean(3)"]);
    let (status, body) = api.put("/api/permits/default", &json!({"limits_mgl": {"SO4": 250}})).await?;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (422, &json!("invalid")));
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("limits_mgl")));
    assert_eq!(api.json("/api/permits/default").await?["default"], true);
    Ok(())
}

#[tokio::test]
async fn fault_5_limits_on_rows_hold_on_the_path_that_people_use() -> anyhow::Result<()> {
    let (_server, api) = crate::support::serve(tests::Server::options().env("OW_SC_MAX_CSV_ROWS", "1")).await?;
    let (status, _) = api.ingest("", tidy(&["1,SO4,1", "2,SO4,1"])).await?;
    assert_eq!(status, 413);
    Ok(())
}

#[tokio::test]
async fn instants() -> anyhow::Result<()> {
    let rows = ["1,X,10", "2,X,10.000001", "3,X,<11", "4,X,>9", "5,X,>10", "6,X,>11"];
    assert_eq!(statistic(json!({"statistic": "instant"}), 10.0, &rows).await?, ["2 h 10.000001", "5 h 10", "6 h 11"]);
    let minima = ["1,X,6", "2,X,5.9", "3,X,<5", "4,X,>5", "5,X,<7"];
    let minimum = json!({"statistic": "instant", "direction": "min"});
    assert_eq!(statistic(minimum, 6.0, &minima).await?, ["2 h 5.9", "3 h 5"]);
    Ok(())
}

/// Two days of one week, the first day of the next one, and one of the next month.
const DAYS: [&str; 6] = [
    "2026-03-06T01:00:00Z,X,10",
    "2026-03-06T23:00:00Z,X,30",
    "2026-03-07T12:00:00Z,X,5",
    "2026-03-08T00:00:00Z,X,100",
    "2026-03-31T23:59:59Z,X,15",
    "2026-04-01T00:00:00Z,X,7",
];

#[tokio::test]
async fn days_weeks_and_months() -> anyhow::Result<()> {
    for (name, limit, expected) in [
        ("daily_max", 14.0, vec!["2026-03-06 30", "2026-03-08 100", "2026-03-31 15"]),
        ("daily_avg", 19.0, vec!["2026-03-06 20", "2026-03-08 100"]),
        ("weekly_avg", 12.4, vec!["2026-03-01/2026-03-07 12.5", "2026-03-08/2026-03-14 100"]),
        ("monthly_avg", 34.9, vec!["2026-03 35"]),
    ] {
        assert_eq!(statistic(json!({ "statistic": name }), limit, &DAYS).await?, expected, "{name}");
    }
    let lows = statistic(json!({"statistic": "daily_min", "direction": "min"}), 8.0, &DAYS).await?;
    assert_eq!(lows, ["2026-03-07 5", "2026-04-01 7"]);
    let low_months = statistic(json!({"statistic": "monthly_avg", "direction": "min"}), 31.9, &DAYS).await?;
    assert_eq!(low_months, ["2026-04 7"]);
    Ok(())
}

#[tokio::test]
async fn rolling_means_reach_over_ingests_and_gaps() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit = with_defaults(json!({"statistic": "rolling_mean", "n": 3, "value": 20}));
    permitted(&api, "default", &json!({ "limits": [limit] })).await?;
    for row in ["1,X,10", "200,X,10", "4000,X,40", "4001,X,20", "5000,X,0"] {
        taken(&api, "", tidy(&[row])).await?;
    }
    let found = alerts(&api, "default").await?;
    let mean = 70.0 / 3.0;
    assert_eq!((numbers(&found, "time"), numbers(&found, "value")), (vec![4001.0], vec![mean]));
    // A late reading changes the windows after it: 10, 40, 30 | 40, 30, 20 | 30, 20, 0.
    let late = taken(&api, "", tidy(&["4000.5,X,30"])).await?;
    assert_eq!(late["alerts"]["new"], 2);
    let found = alerts(&api, "default").await?;
    assert_eq!(numbers(&found, "time"), [4000.5, 4001.0]);
    assert_eq!(numbers(&found, "value"), [80.0 / 3.0, 30.0]);
    Ok(())
}

#[tokio::test]
async fn geometric_means_look_thirty_days_back() -> anyhow::Result<()> {
    let rows = ["2026-01-01,X,10", "2026-01-30,X,1000", "2026-01-31,X,10", "2026-03-15,X,10"];
    let found = statistic(json!({"statistic": "geomean_30d"}), 15.0, &rows).await?;
    assert_eq!(found, ["2026-01-30 100", "2026-01-31 100"]);
    Ok(())
}

#[tokio::test]
async fn non_detects_enter_averages_by_the_permits_rule() -> anyhow::Result<()> {
    let rows = ["1,X,<4", "2,X,6"];
    for (rule, mean) in [(json!(null), 3), (json!("zero"), 3), (json!("half"), 4), (json!("full"), 5)] {
        for name in ["daily_avg", "weekly_avg", "monthly_avg", "rolling_mean(2)"] {
            let found = statistic(json!({"statistic": name, "non_detect": rule}), 1.0, &rows).await?;
            assert_eq!(found.len(), 1);
            assert!(found[0].ends_with(&format!(" {mean}")), "{name} {rule}: {found:?}");
        }
    }
    assert_eq!(statistic(json!({"statistic": "daily_max"}), 1.0, &["1,X,<40", "2,X,6"]).await?, ["0-24 h 6"]);
    Ok(())
}

#[tokio::test]
async fn a_seasons_limit_holds_in_its_months_only() -> anyhow::Result<()> {
    let rows = ["2026-05-31T23:59:59Z,X,20", "2026-06-01,X,20", "2026-07-31,X,20", "2026-08-01,X,20"];
    for (name, expected) in [
        ("instant", vec!["2026-06-01 20", "2026-07-31 20"]),
        ("daily_max", vec!["2026-06-01 20", "2026-07-31 20"]),
        ("monthly_avg", vec!["2026-06 20", "2026-07 20"]),
    ] {
        let found = statistic(json!({"statistic": name, "months": [6, 7]}), 10.0, &rows).await?;
        assert_eq!(found, expected, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn severity_and_percent_on_both_sides_of_every_step() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = ["1,X,10.1", "2,X,12.49", "3,X,12.5", "4,X,14.99", "5,X,15", "6,X,19.99", "7,X,20", "8,X,1e6"];
    let found = judged(&api, "max", json!({"statistic": "instant"}), &rows).await?;
    let severities = ["info", "info", "watch", "watch", "warning", "warning", "critical", "critical"];
    assert_eq!(texts(&found, "severity"), severities);
    assert_eq!(numbers(&found, "percent"), [1.0, 25.0, 25.0, 50.0, 50.0, 100.0, 100.0, 9_999_900.0]);
    let rows = ["1,X,9.9", "2,X,8.01", "3,X,8", "4,X,6.67", "5,X,6.6", "6,X,5.01", "7,X,5", "8,X,0"];
    let found = judged(&api, "min", json!({"statistic": "instant", "direction": "min"}), &rows).await?;
    assert_eq!(texts(&found, "severity"), severities);
    assert_eq!(numbers(&found, "percent"), [1.0, 20.0, 20.0, 33.0, 34.0, 50.0, 50.0, 100.0]);
    Ok(())
}

#[tokio::test]
async fn fault_7_answer_list_feed_and_status_agree_on_severity() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let answer = taken(&api, "", tidy(&["1,SO4,260", "2,SO4,330", "3,Ni,0.15", "4,As,5"])).await?;
    let mut listed = alerts(&api, "default").await?;
    let mut answered = answer["alerts"]["items"].as_array().cloned().unwrap_or_default();
    let events = api.json("/api/streams").await?;
    let events = events["data"].as_array().into_iter().flatten();
    let mut pushed: Vec<_> =
        events.flat_map(|event| event["alerts"].as_array().into_iter().flatten()).cloned().collect();
    for list in [&mut listed, &mut answered, &mut pushed] {
        list.sort_by_key(|alert| alert["id"].to_string());
    }
    assert_eq!((&listed, &listed), (&answered, &pushed));
    let by_severity = json!({"info": 1, "watch": 1, "warning": 1, "critical": 1});
    let sorted = |value: &Value| {
        value
            .as_object()
            .map(|o| o.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<std::collections::BTreeMap<_, _>>())
    };
    assert_eq!(sorted(&answer["alerts"]["by_severity"]), sorted(&by_severity));
    let status = api.json("/api/status?site=default").await?;
    assert_eq!(sorted(&status["sites"][0]["alerts_by_severity"]), sorted(&by_severity));
    Ok(())
}

#[tokio::test]
async fn fault_8_what_is_not_finite_never_comes_out() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    // A day's sum is beyond the range of numbers, and so is a reading in another unit, or a ratio.
    let limit = |name: &str| with_defaults(json!({"statistic": name, "value": 1e-300}));
    let mut limits: Vec<_> = ["instant", "daily_avg", "rolling_mean(2)", "geomean_30d"].map(limit).into();
    limits.push(with_defaults(json!({"statistic": "daily_max", "unit": "ng/L"})));
    permitted(&api, "default", &json!({ "limits": limits })).await?;
    taken(&api, "", tidy(&["1,X,1.7e308", "2,X,1.7e308", "3,X,-1.7e308"])).await?;
    let found = alerts(&api, "default").await?;
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found.iter().all(|alert| alert["value"].is_f64() && alert["percent"].is_i64()), "{found:#?}");
    for path in ["/api/streams", "/api/status", "/api/series"] {
        assert!(!api.json(path).await?.to_string().contains("\":null,\"qualifier\""), "{path}");
    }
    let (status, _) = api.ingest("", tidy(&["1,X,inf", "2,X,1e400"])).await?;
    assert_eq!(status, 422);
    Ok(())
}

#[tokio::test]
async fn units_convert_or_are_reported() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit =
        |value: f64, unit: &str| json!({"parameter": "X", "value": value, "unit": unit, "statistic": "instant"});
    permitted(&api, "default", &json!({"limits": [limit(1.0, "mg/L"), limit(5.0, "lb/d")]})).await?;
    let head = "time,species,concentration,unit\n";
    let rows = [
        "1,X,1500,ug/L",
        "2,X,1500,ppb",
        "3,X,1.5,ppm",
        "4,X,1500000,ng/L",
        "5,X,1.5,",
        "6,X,1000,ug/L",
        "7,X,9,LB/D",
        "8,X,9,kg/d",
        "9,X,7,SU",
        "10,X,8,SU",
    ];
    let answer = taken(&api, "", format!("{head}{}\n", rows.join("\n"))).await?;
    let found = alerts(&api, "default").await?;
    assert_eq!(numbers(&found, "time"), [1.0, 2.0, 3.0, 4.0, 7.0, 8.0]);
    let values = [1.5, 1.5, 1.5, 1.5, 9.0, 9.0 / 0.453_592_37];
    assert_eq!(numbers(&found, "value"), values, "in the unit of the limit");
    assert_eq!(texts(&found, "unit")[5], "lb/d");
    // The meaning of a blank unit cell is unknown if the others differ.
    assert_eq!((&answer["rows_refused"], &answer["errors"][0]["column"]), (&json!(1), &json!("unit")));
    let incomparable = answer["incomparable_units"].as_array().cloned().unwrap_or_default();
    let of = |limit: &str| -> Vec<(String, f64)> {
        let of_limit = incomparable.iter().filter(|entry| entry["limit_unit"] == limit);
        of_limit
            .map(|e| (e["reading_unit"].as_str().unwrap_or("?").to_owned(), e["readings"].as_f64().unwrap_or(-1.0)))
            .collect()
    };
    assert_eq!(of("mg/L"), [("SU".to_owned(), 2.0), ("kg/d".to_owned(), 1.0), ("lb/d".to_owned(), 1.0)]);
    assert!(of("lb/d").contains(&("ug/L".to_owned(), 2.0)));
    Ok(())
}

#[tokio::test]
async fn limits_of_one_outfall_leave_others_alone_and_are_reported_if_unmet() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit = |outfall: &str| with_defaults(json!({"outfall": outfall, "statistic": "instant"}));
    permitted(&api, "default", &json!({"limits": [limit("A"), limit("B")]})).await?;
    let answer = taken(&api, "", "time,species,value,outfall\n1,X,50,a\n1,X,50,C\n").await?;
    assert_eq!(texts(&alerts(&api, "default").await?, "outfall"), ["a"]);
    assert_eq!((&answer["readings_judged"], &answer["parameters_without_limit"]), (&json!(1), &json!(["X"])));
    let unmet = answer["limits_without_reading"].as_array().cloned().unwrap_or_default();
    assert_eq!((texts(&unmet, "outfall"), texts(&unmet, "site")), (vec!["B"], vec!["default"]));
    Ok(())
}

#[tokio::test]
async fn alert_ids_depend_on_what_is_judged_and_on_nothing_else() -> anyhow::Result<()> {
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (_server, api) = served().await?;
        taken(&api, "?site=x", tidy(&["1,SO4,300", "2,SO4,400", "3,Ni,1"])).await?;
        let found = alerts(&api, "x").await?;
        ids.push(texts(&found, "id").join(" "));
        assert_eq!(found.len(), 3);
        for field in [
            "id",
            "site",
            "outfall",
            "parameter",
            "statistic",
            "period",
            "unit",
            "direction",
            "severity",
            "qualifier",
            "action",
        ] {
            assert!(found[0][field].is_string(), "{field}");
        }
    }
    assert_eq!(ids[0], ids[1]);
    Ok(())
}

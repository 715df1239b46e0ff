//! Permits: both JSON forms, what is wrong with one, and what a new one changes.

use crate::support::{alerts, numbers, permitted, served, taken, texts, tidy};
use serde_json::{Value, json};
use tests::Api;

#[tokio::test]
async fn fault_6_windows_below_two_and_negative_limits_are_refused_by_name() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit = |change: Value| {
        let mut limit = json!({"parameter": "X", "value": 1, "statistic": "rolling_mean", "n": 3});
        change.as_object().into_iter().flatten().for_each(|(key, value)| limit[key] = value.clone());
        json!({ "limits": [limit] })
    };
    for window in [json!(0), json!(1), json!(-3), json!(2.5), json!("3"), json!(10_001), json!([3]), json!(null)] {
        refused(&api, &limit(json!({"n": window})), "limits[0].n").await?;
    }
    for window in [json!(0), json!(1), json!(-3)] {
        refused(&api, &json!({"limits_mgL": {"X": 1}, "rolling_window": window}), "rolling_window").await?;
        let named = format!("rolling_mean({window})");
        refused(&api, &limit(json!({"statistic": named, "n": null})), "limits[0].statistic").await?;
    }
    for value in [json!(-1), json!(-0.001), json!("1"), json!(null), json!([1])] {
        refused(&api, &limit(json!({"value": value})), "limits[0].value").await?;
        refused(&api, &json!({"limits_mgL": {"X": value}}), "limits_mgL.X").await?;
    }
    for window in [2, 10_000] {
        permitted(&api, "default", &limit(json!({"n": window}))).await?;
    }
    Ok(())
}

async fn refused(api: &Api, permit: &Value, field: &str) -> anyhow::Result<()> {
    let (status, body) = api.put("/api/permits/default", permit).await?;
    anyhow::ensure!(status == 422, "{permit}: {status} {body}");
    let fields = body["error"]["details"]["fields"].as_array().cloned().unwrap_or_default();
    anyhow::ensure!(texts(&fields, "field").contains(&field), "{permit}: {field} is not named in {body}");
    anyhow::ensure!(body["error"]["request_id"].is_string(), "no request id");
    Ok(())
}

#[tokio::test]
async fn permits_that_are_not_as_they_should_be_name_the_field() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit = |key: &str, value: Value| {
        let mut limit = json!({"parameter": "X", "value": 1, "statistic": "instant"});
        limit[key] = value;
        json!({ "limits": [limit] })
    };
    for (permit, field) in [
        (json!(null), ""),
        (json!(5), ""),
        (json!([]), ""),
        (json!({}), "limits"),
        (json!({"limits": null}), "limits"),
        (json!({"limits": {}}), "limits"),
        (json!({"limits": [null]}), "limits[0]"),
        (json!({"limits": [], "limit": []}), "limit"),
        (json!({"limits": [{}]}), "limits[0].parameter"),
        (limit("parameter", json!(null)), "limits[0].parameter"),
        (limit("parameter", json!("  ")), "limits[0].parameter"),
        (limit("parameter", json!("x".repeat(257))), "limits[0].parameter"),
        (limit("statistic", json!("mean")), "limits[0].statistic"),
        (limit("statistic", json!(3)), "limits[0].statistic"),
        (limit("direction", json!("up")), "limits[0].direction"),
        (limit("months", json!([0])), "limits[0].months"),
        (limit("months", json!([13])), "limits[0].months"),
        (limit("months", json!([])), "limits[0].months"),
        (limit("months", json!("june")), "limits[0].months"),
        (limit("non_detect", json!("none")), "limits[0].non_detect"),
        (limit("unit", json!("")), "limits[0].unit"),
        (limit("unit", json!(5)), "limits[0].unit"),
        (limit("action", json!("x".repeat(601))), "limits[0].action"),
        (limit("vlaue", json!(1)), "limits[0].vlaue"),
        (limit("n", json!(3)), "limits[0].n"),
        (json!({"limits_mgL": null}), "limits_mgL"),
        (json!({"limits_mgL": {"X": 1}, "actions": []}), "actions"),
        (json!({"limits_mgL": {"X": 1}, "actions": {"Y": "?"}}), "actions.Y"),
        (json!({"limits_mgL": {"X": 1}, "actions": {"X": 5}}), "actions.X"),
        (json!({"limits_mgL": {"X": 1}, "window": 3}), "window"),
    ] {
        refused(&api, &permit, field).await?;
    }
    let permit = api.json("/api/permits/default").await?;
    assert_eq!((&permit["default"], &permit["version"]), (&json!(true), &json!(0)), "none of them is in force");
    Ok(())
}

#[tokio::test]
async fn both_forms_of_a_permit_judge_alike() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let old = json!({"limits_mgL": {"X": 10.0}, "rolling_window": 2, "actions": {"x": "Stop the pump"}});
    let limit = |statistic: &str| json!({"parameter": "X", "value": 10, "unit": "mg/L", "statistic": statistic, "action": "Stop the pump"});
    let new = json!({"limits": [limit("instant"), limit("rolling_mean(2)")]});
    for (site, permit) in [("old", &old), ("new", &new)] {
        let answer = permitted(&api, site, permit).await?;
        assert_eq!((&answer["version"], &answer["default"]), (&json!(1), &json!(false)));
        taken(&api, &format!("?site={site}"), tidy(&["1,X,9", "2,X,12", "3,X,9"])).await?;
        let found = alerts(&api, site).await?;
        let mut values = numbers(&found, "value");
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [10.5, 10.5, 12.0], "{site}: {found:?}");
        assert!(found.iter().all(|alert| alert["action"] == "Stop the pump"));
        let shown = api.json(&format!("/api/permits/{site}")).await?;
        assert_eq!(shown["limits"].as_array().map(Vec::len), Some(2));
        // What is shown can be put back.
        let (status, again) = api.put(&format!("/api/permits/{site}"), &shown).await?;
        assert_eq!(
            (status.as_u16(), &again["limits"], &again["alerts"]),
            (200, &shown["limits"], &json!({"new": 0, "withdrawn": 0}))
        );
    }
    assert_eq!(api.json("/api/permits/old").await?["limits"], api.json("/api/permits/new").await?["limits"]);
    Ok(())
}

#[tokio::test]
async fn a_new_permit_judges_what_is_stored_anew() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", tidy(&["1,SO4,100", "2,SO4,300", "3,SO4,600"])).await?;
    let before = alerts(&api, "default").await?;
    assert_eq!(before.len(), 3, "300, 600 and the mean of all");
    let stricter = permitted(&api, "default", &json!({"limits_mgL": {"SO4": 90}})).await?;
    assert_eq!(stricter["alerts"], json!({"new": 4, "withdrawn": 3}));
    assert_eq!(alerts(&api, "default").await?.len(), 4);
    let none = permitted(&api, "default", &json!({"limits": []})).await?;
    assert_eq!(none["alerts"], json!({"new": 0, "withdrawn": 4}));
    assert_eq!(alerts(&api, "default").await?, [] as [Value; 0]);
    // The built-in limits put in force by name give the very same alerts.
    permitted(&api, "default", &json!({"limits_mgL": {"SO4": 250}})).await?;
    assert_eq!(alerts(&api, "default").await?, before);
    let events = api.json("/api/streams").await?;
    let told: Vec<_> =
        events["data"].as_array().into_iter().flatten().filter(|event| event["type"] == "alerts").collect();
    assert_eq!(told.len(), 4, "each change is announced");
    // A new text alone is no new alert, and is shown with the old ones.
    permitted(&api, "default", &json!({"limits_mgL": {"SO4": 250}, "actions": {"SO4": "Divert"}})).await?;
    assert!(alerts(&api, "default").await?.iter().all(|alert| alert["action"] == "Divert"));
    Ok(())
}

#[tokio::test]
async fn a_permit_that_is_too_long_for_the_table_is_refused_in_words() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit = |number| json!({"parameter": format!("{number:0>256}"), "value": 1, "statistic": "instant", "action": "x".repeat(600)});
    let permit = |limits: u32| json!({"limits": (0..limits).map(limit).collect::<Vec<_>>()});
    refused(&api, &permit(500), "limits").await?;
    permitted(&api, "default", &permit(300)).await?;
    Ok(())
}

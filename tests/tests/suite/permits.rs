//! Permits: both JSON forms, their errors, and what a new one changes.

use crate::support::{alerts, numbers, permitted, served, taken, texts, tidy};
use futures_util::future::try_join_all;
use reqwest::{Method, header};
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
        let mut named = limit(json!({"statistic": named}));
        named["limits"][0].as_object_mut().map(|limit| limit.remove("n"));
        refused(&api, &named, "limits[0].statistic").await?;
        refused(&api, &limit(json!({"n": null})), "limits[0].n").await?;
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

/// The alerts, without their permit's version.
async fn unversioned(api: &Api) -> anyhow::Result<Vec<Value>> {
    let mut all = alerts(api, "default").await?;
    all.iter_mut().for_each(|alert| drop(alert["permit_version"].take()));
    Ok(all)
}

#[tokio::test]
async fn a_new_permit_judges_what_is_stored_anew() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", tidy(&["1,SO4,100", "2,SO4,300", "3,SO4,600"])).await?;
    let before = unversioned(&api).await?;
    assert_eq!(before.len(), 3, "300, 600 and the mean of all");
    let stricter = permitted(&api, "default", &json!({"limits_mgL": {"SO4": 90}})).await?;
    assert_eq!(stricter["alerts"], json!({"new": 4, "withdrawn": 3}));
    assert_eq!(alerts(&api, "default").await?.len(), 4);
    let none = permitted(&api, "default", &json!({"limits": []})).await?;
    assert_eq!(none["alerts"], json!({"new": 0, "withdrawn": 4}));
    assert_eq!(alerts(&api, "default").await?, [] as [Value; 0]);
    // The built-in limits, put in force by name, give the very same alerts.
    permitted(&api, "default", &json!({"limits_mgL": {"SO4": 250}})).await?;
    assert_eq!(unversioned(&api).await?, before);
    let events = api.json("/api/streams").await?;
    let told: Vec<_> =
        events["data"].as_array().into_iter().flatten().filter(|event| event["type"] == "alerts").collect();
    assert_eq!(told.len(), 4, "each change is announced");
    // A new text alone does not make a new alert, and is shown with the old ones.
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

/// Puts a permit with one limit of this value; with the given lines of `If-Match`. Status, `ETag`, body.
async fn put(api: &Api, site: &str, value: u32, if_match: &[&str]) -> anyhow::Result<(u16, Option<String>, Value)> {
    let limit = json!({"parameter": "X", "value": value, "statistic": "instant"});
    let request = api.request(Method::PUT, &format!("/api/permits/{site}")).json(&json!({ "limits": [limit] }));
    let response = if_match.iter().fold(request, |request, line| request.header("if-match", *line)).send().await?;
    let tag = response.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap_or("?").to_owned());
    Ok((response.status().as_u16(), tag, response.json().await?))
}

/// The permit of a site, whose `ETag` must be its version.
async fn tagged(api: &Api, site: &str) -> anyhow::Result<Value> {
    let response = api.get(&format!("/api/permits/{site}")).await?;
    let tag = response.headers().get(header::ETAG).cloned();
    let permit: Value = response.json().await?;
    anyhow::ensure!(tag.is_some_and(|tag| tag == format!("\"{}\"", permit["version"])), "the tag of {permit}");
    Ok(permit)
}

#[tokio::test]
async fn a_permit_takes_the_place_of_the_version_that_was_edited() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    assert_eq!(tagged(&api, "default").await?["version"], 0);
    let (status, tag, _) = put(&api, "default", 1, &["\"0\""]).await?;
    assert_eq!((status, tag.as_deref()), (200, Some("\"1\"")));
    let first = tagged(&api, "default").await?;
    assert_eq!((&first["version"], &first["limits"][0]["value"]), (&json!(1), &json!(1.0)));

    // Any of a list, in one line or several; the star; and no condition at all.
    let right: [&[&str]; 6] = [&["\"1\""], &["\"7\", \"2\""], &["\"7\"", "\"3\""], &["W/\"4\",\"4\""], &["*"], &[]];
    for (version, if_match) in (2..).zip(right) {
        let (status, tag, body) = put(&api, "default", version, if_match).await?;
        assert_eq!((status, tag), (200, Some(format!("\"{version}\""))), "{if_match:?}: {body}");
        assert_eq!((&body["version"], &body["pending"]), (&json!(version), &Value::Null));
    }

    let in_force = tagged(&api, "default").await?;
    assert_eq!(in_force["version"], 7);
    let wrong: [&[&str]; 7] =
        [&["\"6\""], &["\"8\""], &["W/\"7\""], &["\"5\", \"6\""], &["\"07\""], &["\"seven\""], &["\"7,\""]];
    for if_match in wrong {
        let (status, _, body) = put(&api, "default", 99, if_match).await?;
        let error = &body["error"];
        assert_eq!((status, &error["code"]), (409, &json!("conflict")), "{if_match:?}: {body}");
        assert_eq!(error["details"], json!({"version": 7, "permit": in_force}), "{if_match:?}");
    }
    let malformed: [&[&str]; 7] =
        [&["7"], &["\"7"], &["*, \"7\""], &["\"7\" \"8\""], &["w/\"7\""], &["*", "\"7\""], &[" , "]];
    for if_match in malformed {
        let (status, _, body) = put(&api, "default", 99, if_match).await?;
        assert_eq!((status, &body["error"]["code"]), (400, &json!("bad_request")), "{if_match:?}: {body}");
    }
    assert_eq!(tagged(&api, "default").await?, in_force, "none of them changed anything");
    Ok(())
}

#[tokio::test]
async fn who_meets_another_version_is_told_which_and_since_when() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for value in 1..=5 {
        put(&api, "default", value, &[]).await?;
    }
    let updated_at = tagged(&api, "default").await?["updated_at"].as_str().unwrap_or_default().to_owned();
    let second = updated_at.get(..19).unwrap_or_default();
    let (_, _, body) = put(&api, "default", 6, &["\"4\""]).await?;
    let expected = format!("The permit was changed to version 5 at {second}Z while you were editing version 4.");
    assert_eq!(body["error"]["message"], expected);
    // An invalid permit is reported as invalid, whichever version it was for.
    let request = api.request(Method::PUT, "/api/permits/default").header("if-match", "\"4\"");
    assert_eq!(request.json(&json!({"limits": 5})).send().await?.status(), 422);
    // The site has no version of its own: the built-in permit is in force, and `*` matches it.
    let (status, _, body) = put(&api, "another", 1, &["\"4\""]).await?;
    assert_eq!((status, &body["error"]["details"]["permit"]["default"]), (409, &json!(true)), "{body}");
    assert_eq!(put(&api, "another", 1, &["*"]).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn of_two_who_put_a_permit_at_once_one_is_told_of_the_other() -> anyhow::Result<()> {
    const ROUNDS: u32 = 20;
    let (_server, api) = served().await?;
    for round in 0..ROUNDS {
        let version = format!("\"{round}\"");
        let if_match = [version.as_str()];
        let two = [10 * round + 1, 10 * round + 2];
        let answers = try_join_all(two.map(|value| put(&api, "default", value, &if_match))).await?;
        let (won, lost) = if answers[0].0 == 200 { (0, 1) } else { (1, 0) };
        assert_eq!((answers[won].0, answers[lost].0), (200, 409), "round {round}: {answers:?}");
        let in_force = tagged(&api, "default").await?;
        assert_eq!(in_force["limits"][0]["value"], f64::from(two[won]), "what was acknowledged is in force");
        assert_eq!(answers[lost].2["error"]["details"]["permit"], in_force);
    }
    Ok(())
}

#[tokio::test]
async fn without_a_condition_no_permit_is_lost_that_was_put_at_the_same_moment() -> anyhow::Result<()> {
    const WRITERS: u32 = 8;
    const ROUNDS: u32 = 50;
    let (_server, api) = served().await?;
    let (mut versions, mut refused) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let answers = try_join_all((1..=WRITERS).map(|value| put(&api, "default", value, &[]))).await?;
        for (status, _, body) in answers {
            match status {
                200 => versions.extend(body["version"].as_u64()),
                _ => assert_eq!((status, &body["error"]["code"]), (409, &json!("conflict")), "{body}"),
            }
            refused += u32::from(status == 409);
        }
        if refused > 0 {
            break;
        }
    }
    assert!(refused > 0, "no two of them have met");
    versions.sort_unstable();
    // Each acknowledged one has got its own version.
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
    assert_eq!(tagged(&api, "default").await?["version"].as_u64(), versions.last().copied());
    Ok(())
}

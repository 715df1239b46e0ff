//! How stored data is shown: thinned readings, ranges, pages.

use crate::support::{numbers, readings, served, taken, tidy};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::Api;

async fn posted(api: &Api, values: impl Iterator<Item = (u32, f64)>) -> anyhow::Result<()> {
    let rows: Vec<_> = values.map(|(hour, value)| format!("{hour},Zn,{value}")).collect();
    taken(api, "", tidy(&rows.iter().map(String::as_str).collect::<Vec<_>>())).await?;
    Ok(())
}

fn points(answer: &Value, field: &str) -> Vec<f64> {
    numbers(answer["readings"].as_array().map_or(&[], Vec::as_slice), field)
}

#[tokio::test]
async fn thinned_readings_keep_their_peaks_on_both_sides() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let value = |hour| match hour {
        7000 => 999.0,
        12_345 => -5.0,
        _ => f64::from(hour % 10),
    };
    posted(&api, (0..20_000).map(|hour| (hour, value(hour)))).await?;
    for max_points in [2, 3, 10, 100, 1000] {
        let answer = readings(&api, "default", "Zn", &format!("&max_points={max_points}")).await?;
        let values = points(&answer, "value");
        assert!(values.len() <= max_points, "{} for {max_points}", values.len());
        assert!(values.contains(&999.0) && values.contains(&-5.0), "{max_points}");
        assert!(points(&answer, "time").is_sorted());
        assert_eq!((&answer["total"], &answer["downsampled"]), (&json!(20_000), &json!(true)));
    }
    let all = readings(&api, "default", "Zn", "&max_points=20000").await?;
    assert_eq!((all["readings"].as_array().map(Vec::len), &all["downsampled"]), (Some(20_000), &json!(false)));
    assert_eq!(points(&readings(&api, "default", "Zn", "").await?, "value").len(), 1000);
    for bad in ["&max_points=1", "&max_points=100001", "&max_points=x", "&from=noon"] {
        assert!(readings(&api, "default", "Zn", bad).await.is_err(), "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn ranges_include_both_ends() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    posted(&api, (0..10).map(|hour| (hour, f64::from(hour)))).await?;
    for (range, times) in [
        ("&from=3&to=5", vec![3.0, 4.0, 5.0]),
        ("&from=8", vec![8.0, 9.0]),
        ("&to=1", vec![0.0, 1.0]),
        ("&from=3.5&to=3.9", vec![]),
        ("&from=5&to=3", vec![]),
        ("&from=100", vec![]),
        ("&from=1970-01-01T08:00:00Z", vec![8.0, 9.0]),
    ] {
        let answer = readings(&api, "default", "Zn", range).await?;
        assert_eq!(points(&answer, "time"), times, "{range}");
        assert_eq!(answer["total"], times.len(), "{range}");
    }
    assert_eq!(api.get("/api/readings?site=default&series=none").await?.status(), 404);
    Ok(())
}

/// Pages of every size contain the same as a single page, each entry once.
async fn pages_agree(api: &Api, path: &str, name: &str, count: usize) -> anyhow::Result<()> {
    let whole = api.json(&format!("{path}&limit=1000")).await?;
    assert_eq!((whole[name].as_array().map(Vec::len), &whole["next"]), (Some(count), &Value::Null));
    for limit in [1, 7, count - 1, count] {
        let paged = api.list(&format!("{path}&limit={limit}"), name).await?;
        assert_eq!(Value::from(paged), whole[name], "{limit} a page");
        let first = api.json(&format!("{path}&limit={limit}")).await?;
        assert_eq!(first[name].as_array().map(Vec::len), Some(limit));
        assert_eq!(first["next"].is_null(), limit == count, "{limit} a page");
    }
    Ok(())
}

#[tokio::test]
async fn series_and_alerts_come_in_pages_of_every_size() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let mut file = "time,species,concentration,outfall\n".to_owned();
    for hour in 0..10 {
        // Many at the same time, so that a page ends between alerts of the same time.
        for outfall in 1..=5 {
            file += &format!("{hour},SO4,900,{outfall}\n{hour},Zn,1,{outfall}\n");
        }
    }
    taken(&api, "?site=pages", file).await?;
    pages_agree(&api, "/api/series?site=pages", "series", 10).await?;
    // Ten readings and eight means of three for each outfall.
    pages_agree(&api, "/api/alerts?site=pages", "alerts", 5 * 18).await?;
    let alerts = api.list("/api/alerts?site=pages", "alerts").await?;
    assert!(numbers(&alerts, "time").is_sorted_by(|a, b| a >= b), "the latest first");
    let ids: BTreeSet<_> = alerts.iter().map(|alert| alert["id"].as_str()).collect();
    assert_eq!(ids.len(), alerts.len());
    Ok(())
}

#[tokio::test]
async fn alerts_are_filtered_by_place_severity_and_time() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = ["0,SO4,260,1", "1,SO4,320,1", "2,SO4,400,2", "3,SO4,600,2", "4,Ni,0.15,1"].join("\n");
    taken(&api, "", format!("time,species,concentration,outfall\n{rows}\n")).await?;
    for (filter, values) in [
        ("", vec![0.15, 600.0, 400.0, 320.0, 260.0]),
        ("&severity=warning", vec![0.15, 600.0, 400.0]),
        ("&severity=critical", vec![600.0]),
        ("&outfall=2", vec![600.0, 400.0]),
        ("&parameter=ni", vec![0.15]),
        ("&from=1&to=2", vec![400.0, 320.0]),
        ("&from=5", vec![]),
        ("&series=none", vec![]),
    ] {
        let found = api.list(&format!("/api/alerts?site=default{filter}"), "alerts").await?;
        assert_eq!(numbers(&found, "value"), values, "{filter}");
    }
    assert_eq!(api.list("/api/alerts?site=elsewhere", "alerts").await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn status_and_streams_tell_how_things_stand() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "?site=b", tidy(&["1,SO4,600", "2,Zn,1"])).await?;
    taken(&api, "?site=a", tidy(&["2026-01-01,SO4,1"])).await?;
    let status = api.json("/api/status?site=b").await?;
    let site = &status["sites"][0];
    assert_eq!((&site["series"], &site["latest"], &site["alerts"]), (&json!(2), &json!(2.0), &json!(1)));
    assert_eq!((&site["alerts_by_severity"], &site["permit_version"]), (&json!({"critical": 1}), &json!(0)));
    assert_eq!(api.json("/api/status").await?["sites"].as_array().map(Vec::len), Some(2));
    let streams = api.json("/api/streams?site=b").await?;
    let events = streams["data"].as_array().cloned().unwrap_or_default();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap_or("?")).collect();
    assert_eq!(kinds, ["readings", "alerts", "ingest"]);
    assert_eq!(numbers(&events, "seq"), [1.0, 2.0, 3.0]);
    assert_eq!((&streams["count"], &site["seq"]), (&json!(3), &json!(3)));
    assert_eq!((&events[2]["rows"], &events[2]["alerts_new"]), (&json!(2), &json!(1)));
    let latest = api.json("/api/streams?site=b&limit=1").await?;
    assert_eq!((&latest["count"], &latest["data"][0]["type"]), (&json!(1), &json!("ingest")));
    Ok(())
}

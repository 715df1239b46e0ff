//! The same file again, the same reading again, another value, another spelling.

use crate::support::{alerts, everything, readings, served, stored, taken, texts, tidy};
use serde_json::{Value, json};
use tests::Api;

#[tokio::test]
async fn the_same_file_again_is_known_and_changes_nothing() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = tidy(&["1,SO4,200", "2,SO4,900", "3,SO4,x", "4,As,0.5"]);
    let first = taken(&api, "?site=a&source=march.csv", file.clone()).await?;
    let before = everything(&api, "a").await?;
    let again = taken(&api, "?site=A&source=other.csv", file.clone()).await?;
    assert_eq!((&again["status"], &again["id"]), (&json!("known"), &first["id"]));
    for field in ["digest", "rows", "rows_refused", "errors", "readings_judged", "alerts", "parameters_without_limit"] {
        assert_eq!(again[field], first[field], "{field}");
    }
    assert_eq!(everything(&api, "a").await?, before);
    // For another site it is another ingest.
    assert_eq!(taken(&api, "?site=b", file).await?["status"], "stored");
    let id = first["id"].as_str().unwrap_or_default();
    let record = api.json(&format!("/api/ingests/{id}")).await?;
    assert_eq!(
        (&record["state"], &record["source"], &record["site"]),
        (&json!("done"), &json!("march.csv"), &json!("a"))
    );
    assert_eq!(
        (&record["digest"], &record["who"], &record["sites"]),
        (&first["digest"], &json!("127.0.0.1"), &json!(["a"]))
    );
    assert_eq!((&record["answer"]["alerts"], &record["code_version"]), (&first["alerts"], &json!("0.1.0")));
    assert!(record["received_at"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(api.get("/api/ingests/none").await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn the_same_reading_in_another_file_changes_no_verdict() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", tidy(&["1,SO4,900", "2,SO4,100"])).await?;
    let before = alerts(&api, "default").await?;
    let second = taken(&api, "", tidy(&["2,SO4,100", "1,SO4,900"])).await?;
    assert_eq!((&second["status"], &second["alerts"]["new"]), (&json!("stored"), &json!(0)));
    assert_eq!(alerts(&api, "default").await?, before);
    assert_eq!(readings(&api, "default", "SO4", "").await?["total"], 2);
    Ok(())
}

#[tokio::test]
async fn a_corrected_value_replaces_the_old_one_and_withdraws_its_alert() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", tidy(&["1,SO4,900", "2,SO4,900"])).await?;
    let before = alerts(&api, "default").await?;
    assert_eq!(before.len(), 2);
    let corrected = taken(&api, "", tidy(&["1,SO4,90"])).await?;
    assert_eq!((&corrected["alerts"]["total"], &corrected["alerts"]["withdrawn"]), (&json!(0), &json!(1)));
    assert_eq!(stored(&api, "default", "SO4").await?, ["1.0 90.0 mg/L =", "2.0 900.0 mg/L ="]);
    assert_eq!(alerts(&api, "default").await?, before[1..]);
    let streams = api.json("/api/streams").await?;
    let gone: Vec<_> = streams["data"].as_array().into_iter().flatten().filter(|e| e["type"] == "alerts").collect();
    assert_eq!(gone.last().map(|event| &event["withdrawn"]), Some(&json!([before[0]["id"]])));
    // Restored, with a worse value: the same alert with another value.
    let worse = taken(&api, "", tidy(&["1,SO4,1000"])).await?;
    assert_eq!(worse["alerts"]["new"], 1);
    let after = alerts(&api, "default").await?;
    assert_eq!((&after[0]["id"], &after[0]["value"]), (&before[0]["id"], &json!(1000.0)));
    // Two results of one time in a file are both judged, and replace everything that was there.
    let twice = taken(&api, "", tidy(&["1,SO4,1001", "1,SO4,1"])).await?;
    assert_eq!((&twice["readings"], &twice["readings_replaced"]), (&json!(2), &json!(1)), "{twice}");
    assert_eq!(stored(&api, "default", "SO4").await?[..2], ["1.0 1001.0 mg/L =", "1.0 1.0 mg/L ="]);
    Ok(())
}

#[tokio::test]
async fn names_are_trimmed_and_compared_without_case_and_shown_as_first_seen() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let head = "time,species,concentration,site,outfall\n";
    taken(&api, "", format!("{head}1,SO4,300,Plant A,Outfall 1\n")).await?;
    taken(&api, "", format!("{head}2, so4 ,300,PLANT A, outfall 1\n3,So4,300,plant a ,OUTFALL 1\n")).await?;
    let series = api.list("/api/series", "series").await?;
    assert_eq!(series.len(), 1, "{series:?}");
    let names = ["site", "outfall", "parameter"].map(|field| series[0][field].as_str().unwrap_or("?"));
    assert_eq!(names, ["Plant A", "Outfall 1", "SO4"]);
    assert_eq!(readings(&api, "pLANT%20a", "SO4", "").await?["total"], 3);
    let found = api.list("/api/alerts?site=plant%20a&outfall=OUTFALL%201&parameter=so4", "alerts").await?;
    // Three readings, and the mean of three.
    assert_eq!(found.len(), 4);
    assert_eq!(api.json("/api/status").await?["sites"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn the_same_file_twice_at_once_is_taken_once() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = tidy(&["1,SO4,900", "2,SO4,1"]);
    let posts = (0..4).map(|_| taken(&api, "", file.clone()));
    let answers = futures_util::future::try_join_all(posts).await?;
    let mut statuses = texts(&answers, "status");
    statuses.sort_unstable();
    assert_eq!(statuses, ["known", "known", "known", "stored"]);
    assert_eq!(api.json("/api/status").await?["sites"][0]["seq"], 3, "announced once");
    Ok(())
}

/// One reading an hour; every third exceeds.
fn hourly(hours: impl Iterator<Item = u32>) -> String {
    let rows: Vec<_> = hours.map(|hour| format!("{hour},SO4,{}", 100 + hour * 7919 % 225)).collect();
    tidy(&rows.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The readings and alerts of a site, without fields that depend on its name.
async fn judged(api: &Api, site: &str) -> anyhow::Result<(Value, Vec<Value>)> {
    let readings = readings(api, site, "SO4", "&max_points=100000").await?["readings"].take();
    let mut alerts = alerts(api, site).await?;
    for alert in &mut alerts {
        for field in ["id", "site", "series"] {
            alert[field] = Value::Null;
        }
    }
    // A reading's alert and a mean's may have the same time; their order depends on their ids.
    alerts.sort_by_key(|alert| (alert["time"].as_f64().map(f64::to_bits), alert["statistic"].to_string()));
    Ok((readings, alerts))
}

#[tokio::test]
async fn a_long_file_backwards_or_in_parts_at_once_leaves_what_it_leaves_forwards() -> anyhow::Result<()> {
    const HOURS: u32 = 40_000;
    let (_server, api) = served().await?;
    taken(&api, "?site=forwards", hourly(0..HOURS)).await?;
    let expected = judged(&api, "forwards").await?;
    assert!(expected.1.len() > 10_000, "{}", expected.1.len());
    taken(&api, "?site=backwards", hourly((0..HOURS).rev())).await?;
    assert!(judged(&api, "backwards").await? == expected, "backwards");
    // Every part covers the whole time, so that all verdicts interact.
    let part = |part: u32| hourly((0..HOURS).filter(move |hour| hour % 5 == part));
    let posts = (0..5).map(|number| taken(&api, "?site=parts", part(number)));
    futures_util::future::try_join_all(posts).await?;
    assert!(judged(&api, "parts").await? == expected, "in parts");
    Ok(())
}

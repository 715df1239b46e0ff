//! The dashboard's requests: the state of series, the readings of a chart, and a permit's preview.

use crate::support::{alerts, permitted, readings, series_id, served, taken, tidy};
use serde_json::{Value, json};
use tests::{Api, ECHO};

async fn standing(api: &Api, parameter: &str) -> anyhow::Result<Value> {
    let overview = api.json("/api/overview").await?;
    let series = overview["series"].as_array().cloned().unwrap_or_default();
    let found = series.into_iter().find(|series| series["parameter"] == parameter);
    found.ok_or_else(|| anyhow::anyhow!("{parameter} is not in {overview}"))
}

#[tokio::test]
async fn a_series_stands_by_its_latest_readings_and_remembers_its_exceedances() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let permit = json!({"limits": [
        {"parameter": "SO4", "value": 250, "statistic": "instant"},
        {"parameter": "SO4", "value": 400, "statistic": "rolling_mean", "n": 3},
        {"parameter": "As", "value": 10, "unit": "ug/L", "statistic": "daily_max"},
        {"parameter": "pH", "value": 6, "unit": "SU", "direction": "min", "statistic": "instant"}]});
    permitted(&api, "default", &permit).await?;
    let rows = ["1,SO4,900", "2,SO4,200", "3,SO4,200", "1,As,0.005", "30,As,0.004", "5,Zn,3"];
    taken(&api, "", tidy(&rows)).await?;
    let sulfate = standing(&api, "SO4").await?;
    // The mean of 900, 200 and 200 is 433, above 400, while the latest reading itself is within 250.
    assert_eq!((&sulfate["state"], &sulfate["exceedances"]), (&json!("info"), &json!(2)), "{sulfate}");
    assert_eq!(sulfate["headroom"], -8.3);
    let limits: Vec<_> =
        sulfate["standings"].as_array().into_iter().flatten().map(|one| one["headroom"].clone()).collect();
    assert_eq!(limits, [json!(-8.3), json!(20.0)]);
    assert_eq!(sulfate["last_exceedance"], 3.0);
    let arsenic = standing(&api, "As").await?;
    assert_eq!((&arsenic["state"], &arsenic["headroom"]), (&json!("ok"), &json!(60.0)), "{arsenic}");
    assert_eq!(arsenic["standings"][0]["limit_in_unit_of_readings"], 0.01);
    assert_eq!(arsenic["spark"], json!([[1.0, 0.005, "="], [30.0, 0.004, "="]]));
    assert_eq!(standing(&api, "Zn").await?["state"], "none");
    Ok(())
}

#[tokio::test]
async fn a_day_of_non_detects_is_within_its_maximum() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    permitted(&api, "default", &json!({"limits": [{"parameter": "As", "value": 1, "statistic": "daily_max"}]})).await?;
    taken(&api, "", "time,species,concentration,qualifier\n1,As,5,=\n30,As,0.5,<\n").await?;
    let arsenic = standing(&api, "As").await?;
    assert_eq!((&arsenic["state"], &arsenic["qualifier"]), (&json!("ok"), &json!("<")), "{arsenic}");
    let against = &arsenic["standings"][0];
    assert_eq!((&against["value"], &against["is_inconclusive"]), (&json!(0.5), &json!(false)));
    // Below 2 may be above 1.
    taken(&api, "", "time,species,concentration,qualifier\n60,As,2,<\n").await?;
    assert_eq!(standing(&api, "As").await?["standings"][0]["is_inconclusive"], true);
    Ok(())
}

#[tokio::test]
async fn a_chart_marks_exactly_what_epa_says_exceeds() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "?site=demo", ECHO).await?;
    let overview = api.json("/api/overview?site=demo").await?;
    assert_eq!((&overview["alerts"], &overview["next"]), (&json!(8), &Value::Null));
    let mut marked = Vec::new();
    for series in overview["series"].as_array().into_iter().flatten() {
        let id = series["id"].as_str().unwrap_or_default();
        let chart = api.json(&format!("/api/readings?site=demo&series={id}")).await?;
        let points = chart["readings"].as_array().cloned().unwrap_or_default();
        marked.extend(
            points
                .into_iter()
                .filter(|point| point["severity"].is_string())
                .map(|point| format!("{id} {} {} {}", point["time"], point["value"], point["severity"])),
        );
    }
    let all = alerts(&api, "demo").await?.into_iter();
    let mut told: Vec<_> = all
        .map(|alert| {
            format!(
                "{} {} {} {}",
                alert["series"].as_str().unwrap_or_default(),
                alert["time"],
                alert["value"],
                alert["severity"]
            )
        })
        .collect();
    marked.sort();
    told.sort();
    assert_eq!((marked.len(), &marked), (8, &told));
    Ok(())
}

#[tokio::test]
async fn every_reading_can_be_had_page_by_page() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows: Vec<_> = (0..25).map(|hour| format!("{hour},Zn,{}", hour * 2)).collect();
    taken(&api, "", tidy(&rows.iter().map(String::as_str).collect::<Vec<_>>())).await?;
    // A second segment over the same stretch.
    taken(&api, "", tidy(&["3.5,Zn,7", "4,Zn,800"])).await?;
    let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = readings(&api, "default", "Zn", &format!("&every=true&max_points=7&from=2&to=22{cursor}")).await?;
        let points = page["readings"].as_array().cloned().unwrap_or_default();
        assert_eq!(page["total"].as_u64(), Some(22 - found.len() as u64));
        found.extend(points.iter().map(|point| (point["time"].as_f64(), point["value"].as_f64())));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let value = |hour: f64| if hour == 4.0 { 800.0 } else { hour * 2.0 };
    let mut hours: Vec<f64> = (2..=22).map(f64::from).chain([3.5]).collect();
    hours.sort_by(f64::total_cmp);
    let expected: Vec<_> = hours.into_iter().map(|hour| (Some(hour), Some(value(hour)))).collect();
    assert_eq!((pages, found), (4, expected));
    let id = series_id(&api, "default", "Zn").await?;
    let path = format!("/api/readings?site=default&series={id}&every=true&cursor=bm9uc2Vuc2U");
    assert_eq!(api.get(&path).await?.status(), 400);
    Ok(())
}

#[tokio::test]
async fn a_preview_says_what_a_permit_would_change_and_changes_nothing() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", tidy(&["1,SO4,200", "2,SO4,900", "3,SO4,210"])).await?;
    let before = (alerts(&api, "default").await?, api.json("/api/permits/default").await?, seq(&api).await?);
    let permit = json!({"limits": [{"parameter": "SO4", "value": 205, "statistic": "instant"}]});
    let (status, preview) = api.post("/api/permits/default/preview", &permit).await?;
    assert_eq!(status, 200, "{preview}");
    // One value, twice the old limit of 250; the means of three readings are no longer limited.
    assert_eq!((&preview["total"], &preview["new"], &preview["withdrawn"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!(preview["by_severity"], json!({"info": 1, "critical": 1}));
    assert_eq!(
        (preview["items"][0]["value"].as_f64(), preview["items"][0]["percent"].as_f64()),
        (Some(900.0), Some(339.0))
    );
    assert_eq!(before, (alerts(&api, "default").await?, api.json("/api/permits/default").await?, seq(&api).await?));
    let saved = permitted(&api, "default", &permit).await?;
    assert_eq!(saved["alerts"], json!({"new": preview["new"], "withdrawn": preview["withdrawn"]}));
    let wrong = json!({"limits": [{"parameter": "SO4", "value": -1, "statistic": "instant"}]});
    let (status, body) = api.post("/api/permits/default/preview", &wrong).await?;
    assert_eq!((status.as_u16(), &body["error"]["details"]["fields"][0]["field"]), (422, &json!("limits[0].value")));
    Ok(())
}

async fn seq(api: &Api) -> anyhow::Result<Value> {
    Ok(api.json("/api/overview").await?["seq"].clone())
}

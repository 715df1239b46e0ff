//! Limits made of several series: limits that depend on the water, and loads. In files, in readings, and on a
//! certificate.

use crate::support::{alerts, permitted, served, taken};
use anyhow::Context;
use serde_json::{Value, json};
use tests::{Api, Socket};

const SITE: &str = "plant";
/// EPA's acute criterion of dissolved copper at 100, 50 and 200 mg/L.
const AT_100: f64 = 13.4391;
const AT_50: f64 = 6.9942;
const AT_200: f64 = 25.8227;

fn permit() -> Value {
    json!({"limits": [
        {"parameter": "Copper", "formula": "cu_acute_hardness", "hardness": "Hardness, total", "statistic": "daily_max"},
        {"parameter": "Ammonia", "formula": "unionised_ammonia_fraction", "value": 0.02, "unit": "mg/L", "statistic": "instant"},
    ]})
}

fn file(rows: &[(&str, &str, f64, &str)]) -> String {
    let rows = rows.iter().map(|(time, name, value, unit)| format!("{time},\"{name}\",{value},{unit}\n"));
    format!("time,parameter,value,unit\n{}", rows.collect::<String>())
}

/// The time, value, limit and water of each alert.
fn told(alerts: &[Value]) -> Vec<(String, f64, f64, Value)> {
    let number = |alert: &Value, field: &str| (alert[field].as_f64().unwrap_or(f64::NAN) * 1e4).round() / 1e4;
    let of = |alert: &Value| {
        let time = alert["time"].as_str().unwrap_or_default().to_owned();
        (time, number(alert, "value"), number(alert, "limit"), alert["water"].clone())
    };
    alerts.iter().map(of).collect()
}

fn hardness(value: f64) -> Value {
    json!([{"parameter": "Hardness, total", "value": value, "unit": "mg/L as CaCO3"}])
}

/// The text of a certificate, without its elements.
async fn certificate(api: &Api, range: &str) -> anyhow::Result<String> {
    let page = api.get(&format!("/api/certificate?site={SITE}{range}")).await?.text().await?;
    let (_, page) = page.split_once("</head>").context("no page")?;
    Ok(page.split('<').filter_map(|rest| rest.split_once('>')).map(|(_, text)| text).collect())
}

#[tokio::test]
async fn copper_is_judged_by_the_hardness_of_its_day() -> anyhow::Result<()> {
    let (server, api) = served().await?;
    permitted(&api, SITE, &permit()).await?;
    let copper = file(&[
        ("2026-03-01T08:00:00Z", "Copper", 10.0, "ug/L"),
        ("2026-03-02T08:00:00Z", "Copper", 20.0, "ug/L"),
        ("2026-03-03T08:00:00Z", "Copper", 10.0, "ug/L"),
    ]);
    let answer = taken(&api, &format!("?site={SITE}"), copper).await?;
    assert_eq!(answer["alerts"]["total"], 0, "nothing is known of the water: {answer}");
    let page = certificate(&api, "").await?;
    assert!(page.contains("INSUFFICIENT DATA"), "{page}");
    assert!(page.contains("as Hardness, total is not known there"), "{page}");

    let mut subscriber = Socket::ready(&server.ws_url(&format!("/ws/effluent?site={SITE}"))).await?;
    let water = file(&[
        ("2026-03-01T09:00:00Z", "Hardness, total", 100.0, "mg/L"),
        ("2026-03-02T09:00:00Z", "Hardness, total", 80.0, "mg/L"),
        ("2026-03-02T19:00:00Z", "Hardness, total", 120.0, "mg/L"),
        ("2026-03-03T09:00:00Z", "Hardness, total", 50.0, "mg/L"),
    ]);
    let answer = taken(&api, &format!("?site={SITE}"), water).await?;
    let expected = vec![
        ("2026-03-02T00:00:00Z".to_owned(), 20.0, AT_100, hardness(100.0)),
        ("2026-03-03T00:00:00Z".to_owned(), 10.0, AT_50, hardness(50.0)),
    ];
    assert_eq!(told(&alerts(&api, SITE).await?), expected);
    let mut items = answer["alerts"]["items"].as_array().context("no items")?.clone();
    items.sort_by_key(|alert| alert["time"].to_string());
    assert_eq!(told(&items), expected, "{answer}");
    let event = subscriber.next_of("alerts").await?;
    let mut named = event["alerts"].as_array().context("no alerts")?.clone();
    named.sort_by_key(|alert| alert["time"].to_string());
    assert_eq!(told(&named), expected, "{event}");

    let page = certificate(&api, "").await?;
    assert!(
        page.contains("NON-COMPLIANT") && page.contains("≤ 13.43911 ug/Lat Hardness, total 100 mg/L as CaCO3"),
        "{page}"
    );
    assert!(
        page.contains("Copper, acute, dissolved") && !page.contains("≤ 0 ") && !page.contains("maximum 0"),
        "{page}"
    );
    Ok(())
}

/// Judging everything again finds what is stored.
async fn is_settled(api: &Api) -> anyhow::Result<()> {
    let path = format!("/api/permits/{SITE}");
    let limits = json!({"limits": api.json(&path).await?["limits"]});
    let (_, preview) = api.post(&format!("{path}/preview"), &limits).await?;
    assert_eq!((&preview["new"], &preview["withdrawn"]), (&json!(0), &json!(0)), "{preview}");
    Ok(())
}

async fn copper(api: &Api, rows: &[(&str, f64)]) -> anyhow::Result<Value> {
    let rows: Vec<_> = rows.iter().map(|(time, value)| (*time, "Copper", *value, "ug/L")).collect();
    taken(api, &format!("?site={SITE}"), file(&rows)).await
}

async fn hardness_at(api: &Api, outfall: &str, rows: &[(&str, f64)]) -> anyhow::Result<Value> {
    let rows = rows.iter().map(|(time, value)| format!("{time},\"Hardness, total\",{value},mg/L,{outfall}\n"));
    let csv = format!("time,parameter,value,unit,outfall\n{}", rows.collect::<String>());
    taken(api, &format!("?site={SITE}"), csv).await
}

/// A certificate is COMPLIANT once the water is known for every period with results, and only counts the limit's own
/// periods.
#[tokio::test]
async fn no_certificate_is_compliant_over_water_that_nobody_knows() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let number = json!({"limits": [{"parameter": "Copper", "value": 50, "unit": "ug/L", "statistic": "daily_max"}]});
    permitted(&api, SITE, &number).await?;
    let limits = json!({"limits": [permit()["limits"][0]]});
    let (status, answer) = api.put(&format!("/api/permits/{SITE}?effective_from=2026-03-01"), &limits).await?;
    assert_eq!(status, 200, "{answer}");
    let february = copper(&api, &[("2026-02-10T08:00:00Z", 5.0)]).await?;
    assert_eq!(february["periods_without_water"], 0, "the formula is not in force yet: {february}");
    let march = copper(&api, &[("2026-03-01T08:00:00Z", 5.0), ("2026-03-02T08:00:00Z", 5.0)]).await?;
    assert_eq!((&march["periods_without_water"], &march["readings_judged"]), (&json!(2), &json!(0)), "{march}");
    hardness_at(&api, "001", &[("2026-03-01T09:00:00Z", 100.0)]).await?;
    for (range, expected) in
        [("&from=2026-02-01&to=2026-02-28", "COMPLIANT"), ("&from=2026-03-01&to=2026-03-31", "INSUFFICIENT")]
    {
        let status = api.json(&format!("/api/certificate?format=json&site={SITE}{range}")).await?["status"].clone();
        assert_eq!(status.as_str().unwrap_or_default().to_uppercase(), expected, "{range}");
    }
    hardness_at(&api, "001", &[("2026-03-02T09:00:00Z", 100.0)]).await?;
    let march = api.json(&format!("/api/certificate?format=json&site={SITE}&from=2026-03-01&to=2026-03-31")).await?;
    assert_eq!(march["status"], "compliant", "{march}");
    is_settled(&api).await
}

/// The hardness that counts is decided for each day: a series that appears or disappears later changes nothing before
/// it.
#[tokio::test]
async fn another_series_of_the_water_changes_verdicts_on_its_own_days_alone() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    permitted(&api, SITE, &permit()).await?;
    copper(&api, &[("2026-03-01T08:00:00Z", 20.0), ("2026-05-01T08:00:00Z", 20.0)]).await?;
    let days = ["2026-03-01T09:00:00Z", "2026-05-01T09:00:00Z"];
    hardness_at(&api, "receiving", &days.map(|day| (day, 100.0))).await?;
    let limits = async || {
        Ok::<_, anyhow::Error>(told(&alerts(&api, SITE).await?).iter().map(|alert| alert.2).collect::<Vec<_>>())
    };
    assert_eq!(limits().await?, [AT_100, AT_100], "the only one of the site");
    let other = hardness_at(&api, "002", &[(days[1], 50.0)]).await?;
    assert_eq!(limits().await?, [AT_100], "in May there are two");
    is_settled(&api).await?;
    let own = hardness_at(&api, "001", &[(days[1], 50.0)]).await?;
    assert_eq!(limits().await?, [AT_100, AT_50], "that of the outfall itself");
    is_settled(&api).await?;
    for (file, expected) in [(own, vec![AT_100]), (other, vec![AT_100, AT_100])] {
        let id = file["id"].as_str().context("an id")?;
        let (status, _) = api.delete(&format!("/api/ingests/{id}?reason=wrong%20outfall")).await?;
        assert!(status.is_success());
        assert_eq!(limits().await?, expected);
        is_settled(&api).await?;
    }
    Ok(())
}

/// A reading of the hardness changes verdicts on copper, and a correction changes them back.
#[tokio::test]
async fn a_reading_of_the_water_changes_verdicts() -> anyhow::Result<()> {
    let (server, api) = served().await?;
    permitted(&api, SITE, &permit()).await?;
    let rows = file(&[
        ("2026-03-01T08:00:00Z", "Copper", 20.0, "ug/L"),
        ("2026-03-01T09:00:00Z", "Hardness, total", 100.0, "mg/L"),
    ]);
    taken(&api, &format!("?site={SITE}"), rows).await?;
    assert_eq!(told(&alerts(&api, SITE).await?)[0].2, AT_100);
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent?site=elsewhere")).await?;
    let reading = |value: f64| {
        json!({"time": "2026-03-01T09:00:00Z", "species": "Hardness, total", "concentration": value, "unit": "mg/L",
               "site": SITE, "replaces": true})
    };
    publisher.send(&reading(200.0)).await?;
    let none = crate::support::until(async || alerts(&api, SITE).await, Vec::is_empty).await?;
    assert!(none.is_empty(), "20 is within {AT_200}: {none:?}");
    publisher.send(&reading(50.0)).await?;
    let found = crate::support::until(async || alerts(&api, SITE).await, |found| !found.is_empty()).await?;
    assert_eq!(told(&found), [("2026-03-01T00:00:00Z".to_owned(), 20.0, AT_50, hardness(50.0))]);
    is_settled(&api).await
}

/// The same holds for loads, whose rolling means include days that were not touched.
#[tokio::test]
async fn a_flow_that_is_corrected_or_comes_late_leaves_what_judging_all_anew_finds() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit =
        json!({"parameter": "TSS", "value": 300, "unit": "lb/d", "statistic": "rolling_mean", "n": 4, "flow": "Flow"});
    permitted(&api, SITE, &json!({"limits": [limit]})).await?;
    let day = |day: u32| format!("2026-03-{day:02}T08:00:00Z");
    let flow = |outfall: &'static str, days: std::ops::RangeInclusive<u32>, value: f64| {
        days.map(move |number| format!("{},Flow,{value},MGD,{outfall}\n", day(number))).collect::<String>()
    };
    let solids: String = (1..=10).map(|number| format!("{},TSS,30,mg/L,001\n", day(number))).collect();
    let send = async |rows: String| {
        taken(&api, &format!("?site={SITE}"), format!("time,parameter,value,unit,outfall\n{rows}")).await
    };
    send(solids + &flow("river", 1..=10, 1.3)).await?;
    assert_eq!(alerts(&api, SITE).await?.len(), 7, "30 x 1.3 x 8.34 = 325 lb/d");
    send(flow("river", 5..=5, 0.1)).await?;
    is_settled(&api).await?;
    assert_eq!(alerts(&api, SITE).await?.len(), 3, "four means include the corrected day");
    send(flow("002", 10..=10, 1.3)).await?;
    is_settled(&api).await?;
    assert_eq!(alerts(&api, SITE).await?.len(), 2, "on the tenth nobody knows which flow it is");
    send(flow("001", 1..=1, 1.3)).await?;
    is_settled(&api).await?;
    assert_eq!(alerts(&api, SITE).await?.len(), 0, "a flow is that of its outfall, if it has one: there is one load");
    Ok(())
}

#[tokio::test]
async fn of_ammonia_counts_what_is_un_ionised() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = file(&[
        ("2026-03-01T08:00:00Z", "Ammonia", 1.0, "mg/L"),
        ("2026-03-02T08:00:00Z", "Ammonia", 0.1, "mg/L"),
        ("2026-03-01T09:00:00Z", "pH", 8.0, "SU"),
        ("2026-03-02T09:00:00Z", "pH", 8.0, "SU"),
        ("2026-03-01T09:00:00Z", "Temperature", 20.0, "deg C"),
        ("2026-03-02T09:00:00Z", "Temperature", 20.0, "deg C"),
    ]);
    taken(&api, &format!("?site={SITE}"), rows).await?;
    let (status, preview) = api.post(&format!("/api/permits/{SITE}/preview"), &permit()).await?;
    assert_eq!((status.as_u16(), &preview["total"]), (200, &json!(1)), "{preview}");
    permitted(&api, SITE, &permit()).await?;
    let water = json!([
        {"parameter": "pH", "value": 8.0, "unit": "SU"}, {"parameter": "Temperature", "value": 20.0, "unit": "deg C"},
    ]);
    // Emerson 1975: 3.807 % at pH 8 and 20 degrees.
    assert_eq!(told(&alerts(&api, SITE).await?), [("2026-03-01T08:00:00Z".to_owned(), 0.0381, 0.02, water)]);
    // Put back as it was given, it is the same permit.
    let mut permit = api.json(&format!("/api/permits/{SITE}")).await?;
    assert_eq!((&permit["limits"][0]["value"], &permit["limits"][1]["ph"]), (&Value::Null, &json!("pH")));
    let again = permitted(&api, SITE, &permit.take()).await?;
    assert_eq!(again["alerts"], json!({"new": 0, "withdrawn": 0}));
    // At pH 7 nothing exceeds, although nothing else has changed.
    let corrected = file(&[("2026-03-01T09:00:00Z", "pH", 7.0, "SU")]);
    assert_eq!(taken(&api, &format!("?site={SITE}"), corrected).await?["alerts"]["withdrawn"], 1);
    is_settled(&api).await
}

#[tokio::test]
async fn formulas_are_listed_with_what_they_need() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let formulas = api.list("/api/statistics", "formulas").await?;
    let copper = formulas.iter().find(|formula| formula["id"] == "cu_acute_hardness").context("no copper")?;
    assert_eq!(copper["needs"], json!([{"key": "hardness", "parameter": "Hardness"}]));
    assert_eq!((&copper["gives_limit"], &copper["unit"]), (&json!(true), &json!("ug/L")));
    assert!(formulas.iter().any(|formula| formula["gives_limit"] == false));
    Ok(())
}

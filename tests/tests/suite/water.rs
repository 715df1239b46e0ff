//! Limits that depend on the water: what a formula takes of other series, in files, in readings, and on a certificate.

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
    json!([{"parameter": "Hardness, total", "value": value, "unit": "mg/L"}])
}

/// What a certificate says, without its elements.
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
    assert!(page.contains("NON-COMPLIANT") && page.contains("≤ 13.43911 ug/Lat Hardness, total 100 mg/L"), "{page}");
    assert!(page.contains("Copper, acute, dissolved") && !page.contains("≤ 0 "), "{page}");
    // In the months before nothing exceeds, and nothing is compared.
    let page = certificate(&api, "&from=2026-01-01&to=2026-01-31").await?;
    assert!(page.contains("INSUFFICIENT DATA"), "{page}");
    Ok(())
}

/// A reading of the hardness changes verdicts on copper at once, and a correction changes them back.
#[tokio::test]
async fn a_reading_of_the_water_changes_verdicts_at_once() -> anyhow::Result<()> {
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
    Ok(())
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

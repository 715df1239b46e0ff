//! Databases of earlier versions: they open, keep their data, and are judged once by today's rules.

use crate::support::{alerts, readings, until};
use anyhow::Context;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use tests::{Api, Server};

/// A server on a copy of a database.
async fn opened(name: &str) -> anyhow::Result<(Server, Api, tempfile::TempDir)> {
    let directory = tempfile::tempdir()?;
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/databases").join(name);
    let mut unpacked = File::create(directory.path().join("owsc.sqlite"))?;
    std::io::copy(&mut GzDecoder::new(File::open(packed)?), &mut unpacked)?;
    let server = Server::options().data(directory.path()).start().await?;
    let api = Api::new(&server);
    Ok((server, api, directory))
}

async fn settled(api: &Api, site: &str) -> anyhow::Result<Value> {
    let status = async || Ok(api.json(&format!("/api/status?site={site}")).await?["sites"][0].take());
    let is_judged = |status: &Value| status["pending"] == 0 && status["permit_version"].as_u64() > Some(0);
    let status = until(status, is_judged).await?;
    let path = format!("/api/permits/{site}");
    let limits = json!({"limits": api.json(&path).await?["limits"]});
    let (_, preview) = api.post(&format!("{path}/preview"), &limits).await?;
    assert_eq!((&preview["new"], &preview["withdrawn"]), (&json!(0), &json!(0)), "{site}: {preview}");
    Ok(status)
}

#[tokio::test]
async fn the_database_of_november_2026_opens_and_is_judged_anew() -> anyhow::Result<()> {
    let (_server, api, _directory) = opened("november-2026.sqlite.gz").await?;
    let plant = settled(&api, "plant").await?;
    let tss = readings(&api, "plant", "TSS", "").await?;
    assert_eq!((&plant["series"], &tss["total"]), (&json!(3), &json!(8)));
    let found = alerts(&api, "plant").await?;
    let month = found.iter().find(|alert| alert["statistic"] == "monthly_avg").context("no monthly average")?;
    // The means of the days are 10, 60 and (50 + 20 + 46) / 3; the mean of all results is 27.
    let mean = (10.0 + 60.0 + 116.0 / 3.0) / 3.0;
    assert!(month["value"].as_f64().is_some_and(|value| (value - mean).abs() < 1e-9), "{month}");
    assert_eq!(month["action"], "Check the clarifier");
    // 60, 50 and 46 over 45, and pH 5.5 below 6.
    assert_eq!((found.len(), &plant["alerts"]), (5, &json!(5)));

    assert_eq!(settled(&api, "hours").await?["alerts"], 4);
    let hours = readings(&api, "hours", "SO4", "").await?;
    assert_eq!(hours["readings"][3], json!({"time": 3.0, "value": 250.0, "unit": "mg/L", "qualifier": "="}));
    assert_eq!(settled(&api, "chart").await?["alerts"], 8, "EPA's eight exceedances");
    Ok(())
}

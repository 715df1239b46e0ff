//! EPA's own verdicts: each row for which EPA records a violation (E90) is an exceedance, and no other row is.
//!
//! The rows exceed their limit in standard units, so that they also show fairly what EPA does *not* record.

use crate::support::{served, taken};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tests::Api;

/// The most permits of one file, which may have 300 sites.
const SITES: usize = 250;
/// State permits that EPA does not track, so that there are no verdicts to compare.
const UNTRACKED: &str = "ALP";

type Record = BTreeMap<String, String>;
type ByPermit = BTreeMap<String, Vec<Record>>;

/// The header and the rows of a file.
fn records(name: &str) -> anyhow::Result<(Vec<String>, ByPermit)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/epa").join(name);
    let mut csv = csv::Reader::from_path(path)?;
    let header: Vec<String> = csv.headers()?.iter().map(str::to_owned).collect();
    let mut permits = ByPermit::new();
    for row in csv.records() {
        let row = row?;
        let record: Record = std::iter::zip(&header, &row).map(|(k, v)| (k.to_lowercase(), v.to_owned())).collect();
        let permit = record.get("npdes_id").or(record.get("external_permit_nmbr")).context("no permit")?.clone();
        permits.entry(permit).or_default().push(record);
    }
    Ok((header, permits))
}

async fn send(api: &Api, header: &[String], permits: &[(&String, &Vec<Record>)]) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(header)?;
    for record in permits.iter().flat_map(|(_, records)| *records) {
        csv.write_record(header.iter().map(|name| record[&name.to_lowercase()].as_str()))?;
    }
    let answer = taken(api, "", csv.into_inner()?).await?;
    ensure!(answer["rows_refused"] == 0, "{answer}");
    Ok(())
}

/// EPA's results for a permit: the values with a violation, and their percentages.
fn expected(records: &[Record]) -> (usize, Vec<i64>) {
    let violations = records.iter().filter(|record| record["violation_code"] == "E90");
    // A value that was reported late has two rows.
    let values: BTreeMap<&str, &Record> = violations.map(|record| (record["dmr_value_id"].as_str(), record)).collect();
    let percent = |record: &&Record| record["exceedence_pct"].parse().ok().filter(|percent| *percent != 99_999);
    let mut percentages: Vec<i64> = values.values().filter_map(percent).collect();
    percentages.sort_unstable();
    (values.len(), percentages)
}

async fn found(api: &Api, permit: &str) -> anyhow::Result<(usize, Vec<i64>)> {
    let alerts = api.list(&format!("/api/alerts?limit=1000&site={permit}"), "alerts").await?;
    let limits: Vec<&Value> = alerts.iter().filter(|alert| alert["kind"] == "limit").collect();
    let mut percentages: Vec<i64> = limits.iter().filter_map(|alert| alert["percent"].as_i64()).collect();
    percentages.sort_unstable();
    Ok((limits.len(), percentages))
}

async fn agrees(name: &str) -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    agrees_at(&api, name).await
}

async fn agrees_at(api: &Api, name: &str) -> anyhow::Result<()> {
    let (header, permits) = records(name)?;
    let tracked: Vec<_> = permits.iter().filter(|(permit, _)| !permit.starts_with(UNTRACKED)).collect();
    for some in tracked.chunks(SITES) {
        send(api, &header, some).await?;
    }
    let mut wrong = BTreeSet::new();
    for (permit, records) in &tracked {
        let (expected, found) = (expected(records), found(api, permit).await?);
        // At exact halves EPA rounds either way: its standard units are single-precision.
        let near = std::iter::zip(&expected.1, &found.1).all(|(epa, own)| (epa - own).abs() <= 1);
        if expected.0 != found.0 || expected.1.len() != found.1.len() || !near {
            wrong.insert(format!("{permit}: {expected:?} {found:?}"));
        }
    }
    ensure!(tracked.len() > 50, "{} permits show nothing", tracked.len());
    ensure!(wrong.is_empty(), "{} of {} permits: {wrong:?}", wrong.len(), tracked.len());
    Ok(())
}

#[tokio::test]
async fn alabama() -> anyhow::Result<()> {
    agrees("chart_fy2026_AL.csv").await
}

#[tokio::test]
async fn connecticut() -> anyhow::Result<()> {
    agrees("chart_fy2026_CT.csv").await
}

/// Both layouts contain the same values.
#[tokio::test]
async fn florida_as_the_bulk_file_has_it_before_and_after_the_chart() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for name in ["npdes_dmrs_fy2026_FL.csv", "chart_fy2026_FL.csv", "npdes_dmrs_fy2026_FL.csv"] {
        agrees_at(&api, name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn kansas() -> anyhow::Result<()> {
    agrees("chart_fy2026_KS.csv").await
}

#[tokio::test]
async fn texas() -> anyhow::Result<()> {
    agrees("chart_fy2026_TX.csv").await
}

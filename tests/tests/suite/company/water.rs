//! Limits that depend on the water, under concurrency: results, water and limit arrive in any order, and all at once.

use super::{Plant, SITE, a_moment};
use crate::support::permitted;
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write;
use std::pin::pin;
use std::time::Duration;
use tests::faults::{Chances, Kind};

const DAYS: u32 = 28;
/// EPA's acute limit of copper is 13.4 ug/L at 100 mg/L, and 25.8 at 200: 20 ug/L exceed only the first.
const HARD: f64 = 200.0;
const SOFT: f64 = 100.0;
/// How long the two may overlap.
const MEETING: Duration = Duration::from_secs(2);

fn formula() -> Value {
    json!({"limits": [{"parameter": "Copper", "formula": "cu_acute_hardness", "statistic": "daily_max"}]})
}

fn number() -> Value {
    json!({"limits": [{"parameter": "Copper", "value": 50, "unit": "ug/L", "statistic": "daily_max"}]})
}

fn daily(parameter: &str, unit: &str, value: f64) -> String {
    let mut file = "time,parameter,value,unit\n".to_owned();
    for day in 1..=DAYS {
        writeln!(file, "2026-02-{day:02}T08:00:00Z,{parameter},{value},{unit}").expect("a string takes every text");
    }
    file
}

fn copper() -> String {
    daily("Copper", "ug/L", 20.0)
}

fn hardness(value: f64) -> String {
    daily("Hardness", "mg/L", value)
}

impl Plant {
    /// A plant whose only limit is a formula.
    async fn by_formula() -> anyhow::Result<Self> {
        let plant = Self::start().await?;
        permitted(&plant.api, SITE, &formula()).await?;
        Ok(plant)
    }
}

/// Where a file is held: its readings are about to be stored, its series to be entered into the directory, its verdicts
/// to be written.
const WINDOWS: [(&str, &[&str]); 3] = [
    ("BatchWriteItem", &["\"SERIES#", "\"S#"]),
    ("TransactWriteItems", &["\"SITE#", "\"SERIES#"]),
    ("TransactWriteItems", &["\"Delete\"", "\"M#"]),
];

/// Whichever is held, and wherever, each day has its limit in the end.
#[tokio::test]
async fn results_and_their_water_that_meet_are_judged_with_each_other() -> anyhow::Result<()> {
    for is_copper_first in [true, false] {
        for (operation, texts) in WINDOWS {
            let plant = Plant::by_formula().await?;
            let [first, second] = if is_copper_first { [copper(), hardness(SOFT)] } else { [hardness(SOFT), copper()] };
            let held = plant.hold(operation, texts);
            let meeting = async {
                held.reached().await?;
                let path = format!("?site={SITE}");
                let mut posting = pin!(plant.api.ingest(&path, second));
                // A server's second file waits for a transaction of the first that is in progress.
                let early = tokio::time::timeout(MEETING, &mut posting).await;
                held.release();
                let met = match early {
                    Ok(met) => met?,
                    Err(_) => posting.await?,
                };
                ensure!(met.0.is_success(), "{met:?}");
                Ok(())
            };
            tokio::try_join!(plant.file(SITE, first), meeting)?;
            assert_eq!(plant.rested(SITE).await?.alerts, u64::from(DAYS), "{is_copper_first} {operation} {texts:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn water_whose_client_has_gone_changes_verdicts_all_the_same() -> anyhow::Result<()> {
    let plant = Plant::by_formula().await?;
    plant.file(SITE, copper()).await?;
    let path = format!("/api/ingest?site={SITE}");
    // A different value each time; otherwise, the file is known.
    for (round, value) in (2..).zip([SOFT, HARD, SOFT + 1.0]) {
        let held = plant.hold("BatchWriteItem", &["\"SERIES#", "\"S#"]);
        plant.leave((Method::POST, &path, "text/csv"), &hardness(value), held.reached()).await?;
        // Gives the host time to notice that nobody waits any more.
        a_moment(100).await;
        drop(held);
        plant.files_are("done", round).await?;
        let expected = if value < HARD { DAYS } else { 0 };
        assert_eq!(plant.rested(SITE).await?.alerts, u64::from(expected), "{value}");
    }
    Ok(())
}

/// The stored part of the water counts, and the rest once the file is sent again.
#[tokio::test]
async fn a_process_that_dies_in_the_middle_of_the_water_leaves_verdicts_that_hold() -> anyhow::Result<()> {
    for texts in [&["\"MARKS#", "\"M#"][..], &["\"SERIES#", "\"S#"]] {
        let mut plant = Plant::by_formula().await?;
        plant.file(SITE, copper()).await?;
        let held = plant.hold("BatchWriteItem", texts);
        let api = plant.api.clone();
        let sending = tokio::spawn(async move { api.ingest(&format!("?site={SITE}"), hardness(SOFT)).await });
        held.reached().await?;
        plant.kill("ingest").await?;
        held.release();
        // Its client gets no answer, or a failure.
        let _ = sending.await?;
        plant.rested(SITE).await?;
        let again = async || plant.api.ingest(&format!("?site={SITE}"), hardness(SOFT)).await;
        let taken = crate::support::until(again, |(status, _)| status.is_success()).await?;
        ensure!(taken.0.is_success(), "{taken:?}");
        plant.files_are("done", 2).await?;
        assert_eq!(plant.rested(SITE).await?.alerts, u64::from(DAYS), "{texts:?}");
    }
    Ok(())
}

/// A permit, results, their water, its correction and its withdrawal at once, on a table that fails.
#[tokio::test]
async fn a_table_that_fails_loses_no_verdict_on_what_depends_on_the_water() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    permitted(&plant.api, SITE, &number()).await?;
    let kinds = [Kind::Cancelled, Kind::Conflict, Kind::Lost, Kind::Throttled];
    for round in 0..3 {
        plant.faults.set(kinds.into_iter().fold(Chances::default(), |chances, kind| chances.with(kind, 0.15)));
        plant.faults.on();
        let sent = async |csv: String| {
            let post = async || plant.api.ingest(&format!("?site={SITE}"), csv.clone()).await;
            crate::support::until(post, |(status, _)| status.is_success()).await
        };
        let permit = async {
            let put = async || plant.api.put(&format!("/api/permits/{SITE}"), &formula()).await;
            crate::support::until(put, |(status, _)| status.is_success()).await
        };
        // A different value each time; otherwise, the file is known.
        let (_, _, water) = tokio::try_join!(
            permit,
            sent(copper() + &format!("2026-03-01,Zinc,{round},ug/L\n")),
            sent(hardness(SOFT + f64::from(round)))
        )?;
        let id = water.1["id"].as_str().context("an id")?;
        plant.files_are("done", 2 * (round as usize + 1)).await?;
        let withdrawing = async || plant.api.delete(&format!("/api/ingests/{id}?reason=wrong")).await;
        let withdrawing = crate::support::until(withdrawing, |(status, _)| status.is_success());
        tokio::try_join!(withdrawing, sent(hardness(HARD + f64::from(round))))?;
        plant.faults.off();
        plant.files_are("done", 2 * (round as usize + 1)).await?;
        assert_eq!(plant.rested(SITE).await?.alerts, 0, "the water is harder now: {}", plant.faults.report());
        // The next round begins with softer water.
        permitted(&plant.api, SITE, &number()).await?;
    }
    ensure!(kinds.iter().all(|kind| plant.faults.count(*kind) > 0), "{}", plant.faults.report());
    Ok(())
}

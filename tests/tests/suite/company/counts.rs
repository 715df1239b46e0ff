//! Counts: alerts in answers, events and metrics, and the latest values.

use super::{Plant, SITE, hourly};
use crate::support::{readings, until};
use anyhow::ensure;
use serde_json::{Value, json};
use tests::faults::{Chances, Kind};
use tests::host::{Host, under_test};

fn count(answer: &Value, field: &str) -> u64 {
    answer["alerts"][field].as_u64().unwrap_or(u64::MAX)
}

/// A7: if a publisher or the database interrupts a transaction, everything is judged again but counted once.
#[tokio::test]
async fn attempts_that_end_in_a_conflict_are_not_added_up() -> anyhow::Result<()> {
    const EXCEEDING: u32 = 20_000;
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    let before = plant.counted().await?;
    plant.faults.set(Chances::default().with(Kind::Cancelled, 0.4).with(Kind::Conflict, 0.3).with(Kind::Lost, 0.1));
    plant.faults.on();
    let (answer, published) = plant.in_a_crowd(100_000, plant.file(SITE, hourly(0..EXCEEDING, |_| 900.0))).await?;
    plant.faults.off();
    ensure!(plant.faults.count(Kind::Cancelled) > 2, "{}", plant.faults.report());
    let rest = plant.rested(SITE).await?;
    assert_eq!((count(&answer, "new"), count(&answer, "total")), (u64::from(EXCEEDING), u64::from(EXCEEDING)));
    let own = rest.told.by_file.get(answer["id"].as_str().unwrap_or_default()).copied().unwrap_or_default();
    assert_eq!(own.raised, u64::from(EXCEEDING));
    // Each publisher begins with an exceedance.
    ensure!(rest.alerts > u64::from(EXCEEDING) && published.len() > 3, "{} of {published:?}", rest.alerts);
    assert_eq!((rest.told.told.raised, rest.told.told.withdrawn), (rest.alerts, 0));
    let counted = match under_test() {
        Host::Server => until(|| plant.counted(), |counted| counted - before >= rest.alerts).await?,
        // Counts that a function could not add are added at its next invocation.
        Host::Functions => plant.counted().await?,
    };
    let is_right = match under_test() {
        Host::Server => counted - before == rest.alerts,
        // If the answer to an addition is lost, it is repeated.
        Host::Functions => counted - before < 2 * rest.alerts,
    };
    ensure!(is_right, "{} of {}", counted - before, rest.alerts);
    Ok(())
}

/// A12: more alerts than events list, for one rule of a series, for a file, and for a permit.
#[tokio::test]
async fn every_withdrawn_alert_is_counted_in_an_event() -> anyhow::Result<()> {
    const OUTFALLS: u32 = 8;
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    let file = |hours: u32, value: u32| {
        let row = |row: u32| format!("{},SO4,{value},{}\n", row / OUTFALLS, row % OUTFALLS);
        format!("time,species,concentration,outfall\n{}", (0..hours * OUTFALLS).map(row).collect::<String>())
    };
    plant.file(SITE, file(400, 900)).await?;
    let answer = plant.file(SITE, file(250, 100)).await?;
    assert_eq!(count(&answer, "withdrawn"), 2000);
    let rest = plant.rested(SITE).await?;
    let (own, omitted) = (rest.told.by_file[answer["id"].as_str().unwrap_or_default()], rest.told.omitted.withdrawn);
    assert_eq!((own.raised, own.withdrawn, rest.alerts), (0, 2000, 1200));
    let changed = plant.permit(SITE, &[("instant", 5000.0)]).await?;
    assert_eq!(changed["alerts"], json!({"new": 0, "withdrawn": 1200}));
    let rest = plant.rested(SITE).await?;
    assert_eq!((rest.alerts, rest.told.told.withdrawn), (0, 3200));
    ensure!(omitted > 0 && rest.told.omitted.withdrawn > omitted, "all are named");
    Ok(())
}

/// A12: the later correction is in the directory when the earlier one arrives.
#[tokio::test]
async fn of_two_corrections_the_one_that_counts_is_the_latest() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    plant.file(SITE, hourly(0..10, |_| 100.0)).await?;
    let correction = |value: f64| hourly([9], move |_| value);
    for (low, high) in [(300.0, 400.0), (500.0, 200.0), (100.0, 600.0)] {
        let held = plant.hold("TransactWriteItems", &["\"SITE#", "\"SERIES#"]);
        let overtaking = async {
            held.reached().await?;
            let answer = plant.file(SITE, correction(high)).await?;
            held.release();
            Ok(answer)
        };
        tokio::try_join!(plant.file(SITE, correction(low)), overtaking)?;
        let rest = plant.rested(SITE).await?;
        let series = plant.api.list(&format!("/api/series?site={SITE}"), "series").await?;
        let stored = readings(&plant.api, SITE, "SO4", "").await?;
        let last = stored["readings"].as_array().and_then(|list| list.last()).cloned().unwrap_or_default();
        assert_eq!((&series[0]["latest"], &last["value"]), (&json!(high), &json!(high)), "{series:?}");
        assert_eq!(rest.alerts, u64::from(high > 250.0));
    }
    Ok(())
}

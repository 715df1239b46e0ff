//! Files that meet in one series.

use super::{Plant, SITE, a_moment, hourly};
use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;

/// More exceedances than are changed in place: 32 blocks of 4,096.
const ROWS: u32 = 140_000;

/// A1: two at once, the second of which arrives while the first one's alerts are half written; then a correction.
async fn two_large_files(apart: u32) -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    let half_written = plant.hold_answer("BatchWriteItem", &["\"ALERTS#"]);
    let first = plant.file(SITE, hourly(0..ROWS, |_| 900.0));
    let second = async {
        half_written.reached().await?;
        // Its own alerts are not in place before the first one's are.
        let second = plant.file(SITE, hourly(apart..apart + ROWS, |hour| 900.0 + f64::from(hour % 3)));
        let meeting = async {
            plant.files_are("judging", 2).await?;
            half_written.release();
            anyhow::Ok(())
        };
        anyhow::Ok(tokio::try_join!(second, meeting)?.0)
    };
    let (first, second) = tokio::try_join!(first, second)?;
    let times = u64::from(ROWS + apart.min(ROWS));
    assert_eq!(plant.rested(SITE).await?.alerts, times, "{} {}", first["alerts"], second["alerts"]);

    let corrected: Vec<_> = (0..apart + ROWS).step_by(7).collect();
    let answer = plant.file(SITE, hourly(corrected.iter().copied(), |_| 9.0)).await?;
    let withdrawn = corrected.len() as u64;
    assert_eq!((&answer["alerts"]["new"], &answer["alerts"]["withdrawn"]), (&json!(0), &json!(withdrawn)));
    assert_eq!(plant.rested(SITE).await?.alerts, times - withdrawn);
    Ok(())
}

#[tokio::test]
async fn two_large_files_that_overlap_leave_one_alert_for_each_time() -> anyhow::Result<()> {
    two_large_files(ROWS / 2).await
}

#[tokio::test]
async fn two_large_files_side_by_side_leave_one_alert_for_each_time() -> anyhow::Result<()> {
    two_large_files(ROWS).await
}

/// A10: every third reading is in a unit that does not compare with the limit's, and is no neighbour of the others.
#[tokio::test]
async fn means_do_not_depend_on_how_files_were_split_and_when_the_parts_came() -> anyhow::Result<()> {
    const HOURS: u32 = 240;
    let plant = Plant::start().await?;
    let limits = [("rolling_mean(2)", 140.0), ("rolling_mean(5)", 120.0)];
    let part = |is_part: &dyn Fn(u32) -> bool| {
        let unit = |hour: u32| if hour.is_multiple_of(3) || hour % 7 < 2 { "NTU" } else { "mg/L" };
        let row = |hour: u32| format!("{hour},SO4,{},{}\n", hour * 7919 % 225, unit(hour));
        let rows: String = (0..HOURS).filter(|hour| is_part(*hour)).map(row).collect();
        format!("time,species,concentration,unit\n{rows}")
    };
    let mut whole = Vec::new();
    for parts in [1, 2, 3, 5] {
        for is_in_turn in [false, true] {
            let site = format!("{parts}-{is_in_turn}");
            plant.permit(&site, &limits).await?;
            let number = |hour: u32| if is_in_turn { hour % parts } else { hour * parts / HOURS };
            let (plant, of) = (&plant, &site);
            let posts = (0..parts).map(|index| async move {
                a_moment(20).await;
                plant.file(of, part(&|hour| number(hour) == index)).await
            });
            try_join_all(posts).await?;
            let rest = plant.rested(&site).await?;
            let mut alerts: Vec<_> = rest
                .listed
                .iter()
                .map(|alert| ["statistic", "time", "value"].map(|field| alert[field].to_string()).join(" "))
                .collect();
            alerts.sort_unstable();
            if whole.is_empty() {
                ensure!(alerts.len() > 50, "too few means to see anything: {alerts:?}");
                whole.clone_from(&alerts);
            }
            assert_eq!(alerts, whole, "in {parts} parts, in turn: {is_in_turn}");
        }
    }
    Ok(())
}

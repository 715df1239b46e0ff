//! A4: clients that disconnect. What they began continues by itself.

use super::{Plant, SITE, a_moment, hourly, permit};
use reqwest::Method;
use std::fmt::Write;
use tests::faults::Hold;

const SERIES: u32 = 40;

/// Enough series that they are not all judged in one transaction.
fn file(salt: u32) -> String {
    let mut file = "time,species,concentration,outfall\n".to_owned();
    for row in 0..SERIES * 10 {
        let (hour, outfall) = (salt + row / SERIES, row % SERIES);
        writeln!(file, "{hour},SO4,{},{outfall}", row * 7919 % 301).expect("a string takes every text");
    }
    file
}

/// Wherever the permit is when its client disconnects, it is applied.
#[tokio::test]
async fn a_permit_is_judged_by_though_its_client_has_gone() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 50.0)]).await?;
    plant.file(SITE, file(0)).await?;
    let path = format!("/api/permits/{SITE}");
    let windows: [&dyn Fn() -> Hold; 3] = [
        &|| plant.hold_answer("TransactWriteItems", &["\"document\"", "\"K#"]),
        &|| plant.hold("TransactWriteItems", &["\"Delete\"", "\"K#"]),
        &|| plant.hold("TransactWriteItems", &["\"Delete\"", "\"M#", "\"PERMIT#"]),
    ];
    let mut version = 1;
    for (hold, limit) in windows.into_iter().zip([100.0, 150.0, 200.0]) {
        let held = hold();
        let body = permit(&[("instant", limit)]).to_string();
        plant.leave((Method::PUT, &path, "application/json"), &body, held.reached()).await?;
        // Gives the host time to notice that nobody waits any more.
        a_moment(100).await;
        drop(held);
        version += 1;
        plant.in_force(SITE, version).await?;
        let rest = plant.rested(SITE).await?;
        assert!(rest.alerts > 20 && rest.listed.iter().all(|alert| alert["limit"] == limit), "{:?}", rest.listed[0]);
    }
    Ok(())
}

#[tokio::test]
async fn a_file_is_judged_though_its_client_has_gone() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 50.0)]).await?;
    let path = format!("/api/ingest?site={SITE}");
    let windows: [&dyn Fn() -> Hold; 4] = [
        &|| plant.hold("PutItem", &["\"INGEST#", "\"RECORD"]),
        &|| plant.hold("BatchWriteItem", &["\"SERIES#", "\"S#"]),
        &|| plant.hold_answer("TransactWriteItems", &["\"F#", "SET seq"]),
        &|| plant.hold("TransactWriteItems", &["\"Delete\"", "\"M#", "\"PERMIT#"]),
    ];
    for (salt, hold) in (0..).zip(windows) {
        let held = hold();
        plant.leave((Method::POST, &path, "text/csv"), &file(salt * 100), held.reached()).await?;
        a_moment(100).await;
        drop(held);
        plant.files_are("done", salt as usize + 1).await?;
        assert!(plant.rested(SITE).await?.alerts > 100 * u64::from(salt + 1));
    }
    Ok(())
}

/// At a random point.
#[tokio::test]
async fn clients_that_go_at_any_time_leave_nothing_half_judged() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 50.0)]).await?;
    let (permits, ingest) = (format!("/api/permits/{SITE}"), format!("/api/ingest?site={SITE}"));
    for round in 0..6 {
        let gone = || async {
            a_moment(80).await;
            Ok(())
        };
        let document = permit(&[("instant", 60.0 + f64::from(round))]).to_string();
        let file = hourly(round * 100..round * 150, |hour| f64::from(hour * 7919 % 301));
        tokio::try_join!(
            plant.leave((Method::PUT, &permits, "application/json"), &document, gone()),
            plant.leave((Method::POST, &ingest, "text/csv"), &file, gone()),
        )?;
    }
    plant.rested(SITE).await?;
    let unfinished = plant.api.list("/api/ingests", "ingests").await?;
    for record in unfinished {
        plant.done(record["id"].as_str().unwrap_or_default()).await?;
    }
    // What arrived before the last of them was done is judged, too.
    plant.rested(SITE).await?;
    Ok(())
}

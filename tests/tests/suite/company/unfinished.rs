//! A5: while a file is half taken in, nothing is said to be in order.

use super::{LOOK, Plant, REST, SITE, hourly};
use anyhow::ensure;
use std::time::Instant;
use tests::host::{Host, under_test};

const COMPLIANT: &str = "COMPLIANT";
const OPEN: &str = "INSUFFICIENT DATA";
const VIOLATION: &str = "NON-COMPLIANT";
/// Two years, in hours: what is held is about the second one.
const YEAR: u32 = 8760;

/// A plant that is in order so far.
async fn in_order() -> anyhow::Result<Plant> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    plant.file(SITE, hourly(0..100, |_| 100.0)).await?;
    assert_eq!(plant.certificate(SITE, "").await?, COMPLIANT);
    Ok(plant)
}

/// Exceedances at the end of it.
fn exceeding() -> String {
    hourly(YEAR..YEAR + 100, |hour| if hour > YEAR + 90 { 900.0 } else { 100.0 })
}

#[tokio::test]
async fn nothing_is_compliant_over_a_file_that_is_half_taken_in() -> anyhow::Result<()> {
    let windows: [(&'static str, &'static [&'static str]); 6] = [
        // The marks, the readings, the directory, the end of recording, the verdicts, the account.
        ("BatchWriteItem", &["\"MARKS#", "\"M#"]),
        ("BatchWriteItem", &["\"SERIES#", "\"S#"]),
        ("TransactWriteItems", &["\"SITE#", "\"SERIES#"]),
        ("TransactWriteItems", &["\"F#", "attribute_exists"]),
        ("TransactWriteItems", &["\"Delete\"", "\"M#", "\"PERMIT#"]),
        ("PutItem", &["\"INGEST#", "judging"]),
    ];
    for (operation, texts) in windows {
        for carried_out in [false, true] {
            let plant = in_order().await?;
            let held = if carried_out { plant.hold_answer(operation, texts) } else { plant.hold(operation, texts) };
            let looking = async {
                held.reached().await?;
                let overview = plant.api.json(&format!("/api/overview?site={SITE}")).await?;
                let status = plant.certificate(SITE, "").await?;
                held.release();
                let pending = overview["pending"].as_u64();
                // With its verdicts there, everything is said of it but the account.
                let is_judged = status == VIOLATION && operation != "BatchWriteItem";
                ensure!(
                    is_judged || status == OPEN && pending > Some(0),
                    "{operation} {texts:?} {carried_out}: {status} with {pending:?} pending"
                );
                Ok(())
            };
            tokio::try_join!(plant.file(SITE, exceeding()), looking)?;
            assert_eq!(plant.certificate(SITE, "").await?, VIOLATION);
            assert_eq!(plant.rested(SITE).await?.alerts, 9);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_file_whose_process_was_killed_is_not_compliant_until_it_is_sent_again() -> anyhow::Result<()> {
    // The killed file would have been in order.
    let file = || hourly(YEAR..YEAR + 100, |_| 100.0);
    let windows: [&'static [&'static str]; 2] = [&["\"MARKS#", "\"M#"], &["\"SERIES#", "\"S#"]];
    for texts in windows {
        let mut plant = in_order().await?;
        let held = plant.hold("BatchWriteItem", texts);
        let api = plant.api.clone();
        let sending = tokio::spawn(async move { api.ingest(&format!("?site={SITE}"), file()).await });
        held.reached().await?;
        match under_test() {
            Host::Server => plant.restart().await?,
            Host::Functions => {
                for process in plant.server.environments("ingest")? {
                    tokio::process::Command::new("kill").args(["-9", &process.to_string()]).status().await?;
                }
            }
        }
        drop(held);
        // Whether it was answered before the end does not matter.
        drop(sending.await?);
        assert_eq!(plant.certificate(SITE, "").await?, OPEN, "{texts:?}");
        // The functions' schedule comes once a minute.
        let until = Instant::now() + REST;
        while under_test() == Host::Server {
            let status = plant.status(SITE).await?;
            assert_eq!(plant.certificate(SITE, "").await?, OPEN, "{texts:?} {status}");
            if status["interrupted"].as_array().is_some_and(|list| list.len() == 1) && status["pending"] == 0 {
                break;
            }
            ensure!(Instant::now() < until, "nobody says that it was interrupted: {texts:?} {status}");
            tokio::time::sleep(LOOK).await;
        }
        plant.file(SITE, file()).await?;
        plant.rested(SITE).await?;
        assert_eq!(plant.certificate(SITE, "").await?, COMPLIANT, "{texts:?}");
    }
    Ok(())
}

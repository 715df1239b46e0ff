//! A5: while a file is half ingested, nothing is reported as compliant.

use super::{LOOK, Plant, REST, hourly};
use anyhow::ensure;
use std::time::Instant;

const COMPLIANT: &str = "COMPLIANT";
const OPEN: &str = "INSUFFICIENT DATA";
const VIOLATION: &str = "NON-COMPLIANT";
/// Two years, in hours: the held call concerns the second.
const YEAR: u32 = 8760;

impl Plant {
    /// The site is compliant so far: each month has a value.
    async fn in_order(&self, site: &str) -> anyhow::Result<()> {
        self.permit(site, &[("instant", 250.0)]).await?;
        self.file(site, hourly((0..YEAR).step_by(24 * 28), |_| 100.0)).await?;
        assert_eq!(self.certificate(site, "").await?, COMPLIANT);
        Ok(())
    }

    /// Waits until the interruption is reported, and the stored part is judged. Until then, and also when nothing is
    /// left to judge, the site is not compliant.
    async fn interrupted(&self, site: &str) -> anyhow::Result<()> {
        let until = Instant::now() + REST;
        loop {
            let status = self.status(site).await?;
            ensure!(self.certificate(site, "").await? != COMPLIANT, "{status}");
            if status["interrupted"].as_array().is_some_and(|list| list.len() == 1) && status["pending"] == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "the interruption is not reported: {status}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Exceedances at the end of it.
fn exceeding() -> String {
    hourly(YEAR..YEAR + 100, |hour| if hour > YEAR + 90 { 900.0 } else { 100.0 })
}

#[tokio::test]
async fn nothing_is_compliant_over_a_file_that_is_half_taken_in() -> anyhow::Result<()> {
    let windows: [(&'static str, &'static [&'static str]); 6] = [
        // The marks, the readings, the directory, the end of recording, the verdicts, the record.
        ("BatchWriteItem", &["\"MARKS#", "\"M#"]),
        ("BatchWriteItem", &["\"SERIES#", "\"S#"]),
        ("TransactWriteItems", &["\"SITE#", "\"SERIES#"]),
        ("TransactWriteItems", &["\"F#", "SET seq"]),
        ("TransactWriteItems", &["\"Delete\"", "\"M#", "\"PERMIT#"]),
        ("PutItem", &["\"INGEST#", "judging"]),
    ];
    let plant = Plant::start().await?;
    for ((operation, texts), number) in windows.into_iter().zip(1..) {
        for carried_out in [false, true] {
            let site = format!("{number}-{carried_out}");
            plant.in_order(&site).await?;
            let held = if carried_out { plant.hold_answer(operation, texts) } else { plant.hold(operation, texts) };
            let looking = async {
                held.reached().await?;
                let pending = plant.api.json(&format!("/api/overview?site={site}")).await?["pending"].as_u64();
                let status = plant.certificate(&site, "").await?;
                held.release();
                // From the fourth window on, the exceedances can be found through readings and directory.
                let is_known = status == VIOLATION && number >= 3;
                ensure!(is_known || status == OPEN && pending > Some(0), "{site}: {status} with {pending:?} pending");
                Ok(())
            };
            tokio::try_join!(plant.file(&site, exceeding()), looking)?;
            assert_eq!(plant.certificate(&site, "").await?, VIOLATION);
            assert_eq!(plant.rested(&site).await?.alerts, 9);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_file_whose_process_was_killed_is_not_compliant_until_it_is_sent_again() -> anyhow::Result<()> {
    // The killed file would have been compliant.
    let file = || hourly(YEAR..YEAR + 100, |_| 100.0);
    let windows: [&'static [&'static str]; 2] = [&["\"MARKS#", "\"M#"], &["\"SERIES#", "\"S#"]];
    let mut plant = Plant::start().await?;
    for (texts, site) in windows.into_iter().zip(["marked", "stored"]) {
        plant.in_order(site).await?;
        let held = plant.hold("BatchWriteItem", texts);
        let api = plant.api.clone();
        let sending = tokio::spawn(async move { api.ingest(&format!("?site={site}"), file()).await });
        held.reached().await?;
        plant.kill("ingest").await?;
        drop(held);
        // Whether it was answered before the end does not matter.
        drop(sending.await?);
        assert_eq!(plant.certificate(site, "").await?, OPEN, "{site}");
        plant.interrupted(site).await?;
        plant.file(site, file()).await?;
        plant.rested(site).await?;
        assert_eq!(plant.certificate(site, "").await?, COMPLIANT, "{site}");
    }
    Ok(())
}

/// The readings of a killed file are in the table. A later file that reaches beyond them finds them judged.
#[tokio::test]
async fn what_a_killed_file_has_stored_is_judged_whoever_comes_after_it() -> anyhow::Result<()> {
    let mut plant = Plant::start().await?;
    for (site, is_known) in [("known", true), ("new", false)] {
        plant.permit(site, &[("instant", 250.0), ("daily_avg", 200.0)]).await?;
        if is_known {
            plant.file(site, hourly((0..YEAR).step_by(24), |_| 100.0)).await?;
        }
        let held = plant.hold_answer("BatchWriteItem", &["\"SERIES#", "\"S#"]);
        let api = plant.api.clone();
        let sending = tokio::spawn(async move { api.ingest(&format!("?site={site}"), exceeding()).await });
        held.reached().await?;
        plant.kill("ingest").await?;
        drop(held);
        drop(sending.await?);
        plant.interrupted(site).await?;
        plant.rested(site).await?;
        // Of about the same length: each length class has its own segments.
        plant.file(site, hourly(YEAR + 2000..YEAR + 2100, |_| 100.0)).await?;
        plant.rested(site).await?;
        plant.file(site, exceeding()).await?;
        // The hours, and the averages of two days.
        assert_eq!(plant.rested(site).await?.alerts, 9 + 2, "{site}");
    }
    Ok(())
}

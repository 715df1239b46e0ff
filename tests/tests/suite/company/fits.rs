//! Fits under adverse conditions: cancelling, taking over, a failing table, concurrent files and a client that
//! disconnects.

use super::{Plant, hourly};
use crate::fits::{FIT, asked, decaying, over};
use crate::support::until;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::time::Duration;
use table::leases::LEASE;
use tests::faults::{Chances, Kind};
use tests::host::{Host, under_test};
use tests::{Api, Server};
use tokio::process::Command;

impl Plant {
    /// Finished fits have left nothing but their results.
    async fn no_fit_is_open(&self, ids: &[String]) -> anyhow::Result<()> {
        let store = self.table.store();
        let open = until(async || Ok(store.open_fits().await?), Vec::is_empty).await?;
        ensure!(open.is_empty(), "{open:?} are open");
        for id in ids {
            ensure!(
                until(async || Ok(store.fit_points(id).await?), Vec::is_empty).await?.is_empty(),
                "{id} has points"
            );
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_fit_that_is_cancelled_while_it_is_worked_on_stays_cancelled() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    // While its points are read, and just before its result is written.
    let windows: [(&'static str, &'static [&'static str]); 2] =
        [("Query", &["FIT#", "P#"]), ("TransactWriteItems", &["FIT#", "outcome"])];
    for (operation, texts) in windows {
        let held = plant.hold(operation, texts);
        let id = asked(&plant.api, &decaying(1000)).await?;
        held.reached().await?;
        assert_eq!(plant.api.json(&format!("{FIT}/{id}")).await?["state"], "running");
        // Another query for its points is not held.
        assert_eq!(plant.api.delete(&format!("{FIT}/{id}")).await?.1["state"], "cancelled");
        held.release();
        plant.no_fit_is_open(std::slice::from_ref(&id)).await?;
        // The next one starts only once this one is released.
        let next = asked(&plant.api, &decaying(1000)).await?;
        assert_eq!(over(&plant.api, &next).await?["state"], "done");
        assert_eq!(plant.api.json(&format!("{FIT}/{id}")).await?["state"], "cancelled", "{operation}");
    }
    Ok(())
}

/// A process is suspended, taken for dead, and resumed when another one has its work.
#[tokio::test]
async fn a_fit_that_was_taken_over_is_said_by_who_has_it() -> anyhow::Result<()> {
    if under_test() == Host::Functions {
        // Each fit is an invocation of its own there; `fits` kills one.
        return Ok(());
    }
    let plant = Plant::start().await?;
    let stop = async |signal: &str| {
        let pid = plant.server.pid().to_string();
        ensure!(Command::new("kill").args([signal, &pid]).status().await?.success(), "no {signal}");
        Ok(())
    };
    let held = plant.hold("Query", &["FIT#", "P#"]);
    let id = asked(&plant.api, &decaying(1000)).await?;
    held.reached().await?;
    stop("-STOP").await?;
    let options = Server::options().table(plant.table.endpoint(), plant.table.name());
    let begun = std::time::Instant::now();
    let other = options.env("OW_SC_SWEEP_EVERY", "1").start().await?;
    let api = Api::new(&other);
    let job = over(&api, &id).await?;
    assert_eq!(job["state"], "done", "{job}");
    assert!(begun.elapsed() >= LEASE, "nobody takes over before the lease is over");
    drop(other);
    held.release();
    stop("-CONT").await?;
    // It notices, and takes other work.
    let next = asked(&plant.api, &decaying(1000)).await?;
    assert_eq!(over(&plant.api, &next).await?["state"], "done");
    assert_eq!(plant.api.json(&format!("{FIT}/{id}")).await?, job);
    plant.no_fit_is_open(&[id, next]).await
}

#[tokio::test]
async fn a_table_that_fails_throws_no_fit_away() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    let kinds = [Kind::Throttled, Kind::Conflict, Kind::Cancelled, Kind::Failed];
    plant.faults.set(kinds.into_iter().fold(Chances::default(), |chances, kind| chances.with(kind, 0.2)));
    plant.faults.on();
    let mut ids = Vec::new();
    for _ in 0..6 {
        // If the table fails a request, it is sent again, as any client does.
        let sent = until(async || plant.api.post(FIT, &decaying(2000)).await, |(status, _)| *status == 202).await?;
        ids.push(sent.1["id"].as_str().context("an id")?.to_owned());
    }
    let done = |job: &Value| job["state"] == "done";
    for id in &ids {
        let look = async || Ok(plant.api.json(&format!("{FIT}/{id}")).await.unwrap_or_default());
        let job = until(look, done).await?;
        ensure!(done(&job), "{job}: {}", plant.faults.report());
    }
    plant.faults.off();
    ensure!(kinds.into_iter().all(|kind| plant.faults.count(kind) > 0), "{}", plant.faults.report());
    plant.no_fit_is_open(&ids).await
}

#[tokio::test]
async fn fits_go_on_beside_files_and_a_permit_whoever_waits_for_them() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    let asking = async {
        // Their clients do not wait for the answer.
        for _ in 0..4 {
            drop(tokio::time::timeout(Duration::from_millis(20), asked(&plant.api, &decaying(20_000))).await);
        }
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(asked(&plant.api, &decaying(20_000)).await?);
        }
        for id in &ids {
            assert_eq!(over(&plant.api, id).await?["state"], "done");
        }
        Ok(ids)
    };
    let file = |from: u32| hourly(from..from + 500, |hour| if hour % 100 == 0 { 900.0 } else { 100.0 });
    let filing = async {
        plant.file(super::SITE, file(0)).await?;
        plant.permit(super::SITE, &[("instant", 300.0)]).await?;
        plant.file(super::SITE, file(400)).await
    };
    let (ids, _) = tokio::try_join!(asking, filing)?;
    assert_eq!(plant.rested(super::SITE).await?.alerts, 9);
    plant.no_fit_is_open(&ids).await
}

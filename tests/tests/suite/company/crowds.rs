//! A6: files into a series in which readings arrive as fast as possible.

use super::{Plant, SITE, hourly};
use crate::support::readings;
use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tests::host::{Host, under_test};

const PUBLISHERS: u32 = 3;
/// How long a file may take.
const DONE: Duration = Duration::from_secs(30);

impl Plant {
    /// Publishes readings of consecutive hours of its own, each as soon as the last one is answered. Returns the
    /// accepted hours. Every other reading exceeds.
    pub(super) async fn publish_until(&self, is_over: &Cell<bool>, number: u32, from: u32) -> anyhow::Result<Vec<u32>> {
        let mut socket = self.publisher().await?;
        let mut taken = Vec::new();
        while !is_over.get() {
            let hour = from + taken.len() as u32 * PUBLISHERS + number;
            let value = if taken.len() % 2 == 0 { 900 } else { 100 };
            let reading =
                json!({"time": hour, "species": "SO4", "concentration": value, "site": SITE, "replaces": true});
            socket.send(&reading).await?;
            // An error would arrive before the answer.
            socket.barrier().await?;
            taken.push(hour);
        }
        Ok(taken)
    }

    /// Runs something while three publishers are active.
    pub(super) async fn in_a_crowd<T>(
        &self,
        from: u32,
        doing: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(T, Vec<u32>)> {
        let is_over = Cell::new(false);
        let publishing = try_join_all((0..PUBLISHERS).map(|number| self.publish_until(&is_over, number, from)));
        let doing = async {
            let done = doing.await;
            is_over.set(true);
            done
        };
        let (done, taken) = tokio::try_join!(doing, publishing)?;
        Ok((done, taken.concat()))
    }
}

#[tokio::test]
async fn a_file_is_done_while_publishers_send_to_its_series() -> anyhow::Result<()> {
    const HOURS: u32 = 20_000;
    let plant = Plant::with(&[("instant", 250.0), ("rolling_mean(3)", 600.0), ("daily_max", 800.0)]).await?;
    // In the middle of the file's time.
    let file = || hourly((0..HOURS * 2).step_by(2), |hour| f64::from(hour % 1000));
    let sending = async {
        let started = Instant::now();
        let (status, answer) = plant.api.ingest(&format!("?site={SITE}"), file()).await?;
        ensure!([200, 202].contains(&status.as_u16()), "{status}: {answer}");
        let record = plant.done(answer["id"].as_str().context("no id")?).await?;
        let took = started.elapsed();
        ensure!(took < DONE, "done after {took:.1?}");
        Ok(record)
    };
    let (_, published) = plant.in_a_crowd(HOURS + 1, sending).await?;
    plant.rested(SITE).await?;
    // A file's hours are even; if such an hour was also published, the last value counts.
    let all = readings(&plant.api, SITE, "SO4", "&max_points=1000").await?;
    let expected: BTreeSet<u32> = (0..HOURS * 2).step_by(2).chain(published.iter().copied()).collect();
    assert_eq!(all["total"], expected.len(), "{} were published", published.len());
    // Each is an invocation of a function.
    let least = if under_test() == Host::Server { 10 } else { PUBLISHERS as usize };
    ensure!(published.len() > least, "too few to see anything: {}", published.len());
    Ok(())
}

#[tokio::test]
async fn readings_are_judged_at_once_while_a_file_of_their_series_is_recorded() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    let held = plant.hold("BatchWriteItem", &["\"SERIES#", "\"S#"]);
    let publishing = async {
        held.reached().await?;
        let mut socket = plant.publisher().await?;
        for alerts in 1..=3 {
            socket.send(&json!({"time": 100 + alerts, "species": "SO4", "concentration": 900, "site": SITE})).await?;
            socket.barrier().await?;
            let status = plant.status(SITE).await?;
            // The file, and its mark.
            assert_eq!((&status["alerts"], &status["pending"]), (&json!(alerts), &json!(2)), "{status}");
        }
        held.release();
        Ok(())
    };
    tokio::try_join!(plant.file(SITE, hourly(0..100, |_| 100.0)), publishing)?;
    assert_eq!(plant.rested(SITE).await?.alerts, 3);
    Ok(())
}

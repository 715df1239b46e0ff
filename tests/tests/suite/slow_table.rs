//! Much work on a slow table. API Gateway waits 29 s for an answer.

use crate::support::{permitted, until};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{Duration, Instant};
use tests::faults::Chances;
use tests::host::{self, Host};
use tests::table::Table;
use tests::{Api, Faults, Server};

const GATEWAY: Duration = Duration::from_secs(29);
const SITE: &str = "plant";

/// Series and limits. Functions that are built for debugging need half the processors of a small machine for the whole.
fn sizes() -> (usize, usize) {
    match host::under_test() {
        Host::Functions if cfg!(debug_assertions) => (600, 160),
        _ => (1500, 400),
    }
}

/// Three hours of every series; one reading of each exceeds.
fn file((all, limits): (usize, usize)) -> String {
    let mut file = "time,species,concentration,outfall\n".to_owned();
    for row in 0..all * 3 {
        let (hour, series) = (row / all, row % all);
        let value = if hour == 1 { 900 } else { 100 };
        writeln!(file, "{hour},p{},{value},{}", series % limits, series / limits).expect("a string takes every text");
    }
    file
}

fn permit(limits: usize, value: u32) -> Value {
    let limit =
        |number| json!({"parameter": format!("p{number}"), "value": value, "unit": "mg/L", "statistic": "instant"});
    json!({"limits": (0..limits).map(limit).collect::<Vec<_>>()})
}

/// Waits until nothing of the site is left to be judged, and there are so many alerts.
async fn settled(api: &Api, alerts: usize) -> anyhow::Result<()> {
    let status = async || Ok(api.json(&format!("/api/status?site={SITE}")).await?["sites"][0].take());
    let rest = until(status, |status| status["pending"] == 0).await?;
    assert_eq!(rest["alerts"], alerts, "{rest}");
    Ok(())
}

#[tokio::test]
async fn a_file_of_many_series_and_a_permit_of_many_limits_are_answered_in_time_and_finished() -> anyhow::Result<()> {
    let (series, limits) = sizes();
    let table = Table::new()?;
    let faults = Faults::before(table.endpoint(), 1)?;
    let options = match host::under_test() {
        Host::Server => Server::options().table(faults.endpoint(), table.name()),
        Host::Functions => Server::options().argument("--database").argument(faults.endpoint()),
    };
    let server = options.start().await?;
    let api = Api::new(&server);
    permitted(&api, SITE, &permit(limits, 250)).await?;
    faults.set(Chances::slow(Duration::from_millis(5)));
    faults.on();
    let started = Instant::now();
    let (status, answer) = api.ingest(&format!("?site={SITE}"), file((series, limits))).await?;
    let took = started.elapsed();
    eprintln!("the file: {status} after {took:.1?}; {}", faults.report());
    ensure!([200, 202].contains(&status.as_u16()) && took < GATEWAY, "{status} after {took:.1?}: {answer}");
    let path = format!("/api/ingests/{}", answer["id"].as_str().context("no id")?);
    let record = until(async || api.json(&path).await, |record| record["state"] == "done").await?;
    assert_eq!(record["answer"]["alerts"]["new"], series, "{record}");
    settled(&api, series).await?;

    let started = Instant::now();
    let (status, answer) = api.put(&format!("/api/permits/{SITE}"), &permit(limits, 50)).await?;
    let took = started.elapsed();
    eprintln!("the permit: {status} after {took:.1?}; {}", faults.report());
    ensure!([200, 202].contains(&status.as_u16()) && took < GATEWAY, "{status} after {took:.1?}: {answer}");
    settled(&api, series * 3).await
}

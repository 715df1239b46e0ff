//! Verdicts under concurrency: whatever meets whatever, the alerts are those that judging everything finds.
//!
//! Each test is a race with a known window: a call of the database is held there until what must happen meanwhile has
//! happened. `schedules` has the random encounters.

mod bounds;
mod counts;
mod crowds;
mod fits;
mod leaving;
mod permits;
mod removing;
mod together;
mod tries;
mod unfinished;
mod water;
mod withdrawing;

use crate::schedules::replay::Replay;
use crate::support::permitted;
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{Duration, Instant};
use tests::faults::{Call, Hold};
use tests::host::{Host, under_test};
use tests::table::Table;
use tests::{Api, Faults, Server, Socket};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

const SITE: &str = "plant";
/// How long verdicts may take once nothing more arrives.
const REST: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// The most alerts that are listed to be compared one by one.
const FEW: u64 = 3000;

/// A host whose database calls can be held.
struct Plant {
    api: Api,
    faults: Faults,
    server: Server,
    table: Table,
}

/// The state of a site with nothing left to judge.
struct Rest {
    alerts: u64,
    /// All of them, if they are few.
    listed: Vec<Value>,
    told: Replay,
}

impl Plant {
    async fn start() -> anyhow::Result<Self> {
        let table = match under_test() {
            Host::Server => Table::new()?,
            Host::Functions => Table::of_template()?,
        };
        let faults = Faults::before(table.endpoint(), 20_261_126)?;
        let server = serve(&faults, &table).await?;
        Ok(Self { api: Api::new(&server), faults, server, table })
    }

    /// A plant whose site has a permit with these limits of SO4, and nothing else.
    async fn with(limits: &[(&str, f64)]) -> anyhow::Result<Self> {
        let plant = Self::start().await?;
        plant.permit(SITE, limits).await?;
        Ok(plant)
    }

    async fn permit(&self, site: &str, limits: &[(&str, f64)]) -> anyhow::Result<Value> {
        permitted(&self.api, site, &permit(limits)).await
    }

    /// `kill -9`, and a new server on the same table.
    async fn restart(&mut self) -> anyhow::Result<()> {
        self.server.kill().await?;
        self.server = serve(&self.faults, &self.table).await?;
        self.api = Api::new(&self.server);
        Ok(())
    }

    /// Kills the workers: the server, which is then restarted on the same table, or all environments of a function.
    async fn kill(&mut self, function: &str) -> anyhow::Result<()> {
        match under_test() {
            Host::Server => self.restart().await,
            Host::Functions => {
                let processes = self.server.environments(function)?;
                ensure!(!processes.is_empty(), "nobody is at work");
                for process in processes {
                    Command::new("kill").args(["-9", &process.to_string()]).status().await?;
                }
                Ok(())
            }
        }
    }

    /// Posts a file: the answer once it is judged, even if it was first answered with 202.
    async fn file(&self, site: &str, csv: String) -> anyhow::Result<Value> {
        let (status, answer) = self.api.ingest(&format!("?site={site}"), csv).await?;
        match status.as_u16() {
            200 => Ok(answer),
            202 => Ok(self.done(answer["id"].as_str().context("no id")?).await?["answer"].take()),
            other => anyhow::bail!("{other}: {answer}"),
        }
    }

    /// The record of a file, once it is done.
    async fn done(&self, id: &str) -> anyhow::Result<Value> {
        let until = Instant::now() + REST;
        loop {
            let record = self.api.json(&format!("/api/ingests/{id}")).await?;
            if record["state"] == "done" {
                return Ok(record);
            }
            ensure!(Instant::now() < until, "not done: {record}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until so many files are in a state.
    async fn files_are(&self, state: &str, count: usize) -> anyhow::Result<()> {
        let until = Instant::now() + REST;
        loop {
            let records = self.api.list("/api/ingests", "ingests").await?;
            if records.iter().filter(|record| record["state"] == state).count() >= count {
                return Ok(());
            }
            ensure!(Instant::now() < until, "not {count} files are {state}: {records:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a version of a permit is in force.
    async fn in_force(&self, site: &str, version: u64) -> anyhow::Result<Value> {
        let until = Instant::now() + REST;
        loop {
            let permit = self.api.json(&format!("/api/permits/{site}")).await?;
            if permit["version"] == version {
                return Ok(permit);
            }
            ensure!(Instant::now() < until, "not in force: {permit}");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn status(&self, site: &str) -> anyhow::Result<Value> {
        Ok(self.api.json(&format!("/api/status?site={site}")).await?["sites"][0].take())
    }

    /// Waits until nothing of a site is left to judge. The alerts are then those that judging everything finds, and
    /// those that subscribers were told.
    async fn rested(&self, site: &str) -> anyhow::Result<Rest> {
        let until = Instant::now() + REST;
        loop {
            let status = self.status(site).await?;
            if status["pending"] == 0 {
                let found = self.look(site, &status).await;
                // Changes during the reads may have been seen in part.
                if self.status(site).await? == status {
                    return found;
                }
            }
            ensure!(Instant::now() < until, "not at rest after {REST:?}: {status}");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look(&self, site: &str, status: &Value) -> anyhow::Result<Rest> {
        let path = format!("/api/permits/{site}");
        let limits = json!({"limits": self.api.json(&path).await?["limits"]});
        let (answer, preview) = self.api.post(&format!("{path}/preview"), &limits).await?;
        ensure!(answer == 200, "{answer}: {preview}");
        let alerts = status["alerts"].as_u64().context("no alerts")?;
        let found = ["new", "withdrawn", "total"].map(|field| preview[field].as_u64());
        ensure!(found == [Some(0), Some(0), Some(alerts)], "judging finds {found:?}, there are {alerts}");
        let told = Replay::of(&self.feed(site, status["seq"].as_u64().unwrap_or_default()).await?);
        let mut listed = Vec::new();
        if alerts <= FEW {
            listed = self.api.list(&format!("/api/alerts?limit=1000&site={site}"), "alerts").await?;
            let differ = told.compare(&listed);
            ensure!(told.problems.is_empty() && differ.is_empty(), "{:?} {differ:?}", told.problems);
        }
        Ok(Rest { alerts, listed, told })
    }

    /// All events of a site, as a subscriber receives them.
    async fn feed(&self, site: &str, last: u64) -> anyhow::Result<Vec<Value>> {
        let mut socket = Socket::connect(&self.server.ws_url(&format!("/ws/effluent?site={site}&wait=true"))).await?;
        socket.send(&json!({"type": "subscribe", "site": site, "after": 0})).await?;
        socket.next_of("subscribed").await?;
        let mut events: Vec<Value> = Vec::new();
        while (events.len() as u64) < last {
            events.push(socket.next().await?);
        }
        Ok(events)
    }

    /// The certificate's status for a period.
    async fn certificate(&self, site: &str, range: &str) -> anyhow::Result<String> {
        let response = self.api.get(&format!("/api/certificate?site={site}{range}")).await?;
        let (status, page) = (response.status(), response.text().await?);
        ensure!(status == 200, "{status} {page:.300}");
        let (_, rest) = page.split_once(r#"<p class="status">"#).context("no status")?;
        Ok(rest.split('<').next().unwrap_or_default().to_owned())
    }

    /// A connection that publishes to a site without receiving its events.
    async fn publisher(&self) -> anyhow::Result<Socket> {
        Socket::ready(&self.server.ws_url("/ws/effluent?site=elsewhere")).await
    }

    /// How many alerts were raised at all sites, by the metric.
    async fn counted(&self) -> anyhow::Result<u64> {
        let text = self.api.get("/metrics").await?.text().await?;
        let samples = text.lines().filter(|line| line.starts_with("owsc_alerts_total{"));
        let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Ok(values.sum::<f64>() as u64)
    }

    /// Sends a request with its whole body, and disconnects once `gone` says so, without reading the answer.
    async fn leave(
        &self,
        (method, path, kind): (Method, &str, &str),
        body: &str,
        gone: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(self.server.address()).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.server.address(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
        gone.await
    }

    /// Holds the next call of an operation that contains all of these texts.
    fn hold(&self, operation: &'static str, texts: &'static [&'static str]) -> Hold {
        self.faults.hold(is(operation, texts))
    }

    /// The same after it was carried out, before its answer is passed on.
    fn hold_answer(&self, operation: &'static str, texts: &'static [&'static str]) -> Hold {
        self.faults.hold_answer(is(operation, texts))
    }
}

fn is(operation: &'static str, texts: &'static [&'static str]) -> impl Fn(&Call) -> bool + Send + Sync + 'static {
    move |call| call.operation == operation && texts.iter().all(|text| call.mentions(text))
}

async fn serve(faults: &Faults, table: &Table) -> anyhow::Result<Server> {
    let options = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000");
    let options = match under_test() {
        Host::Server => options.table(faults.endpoint(), table.name()),
        Host::Functions => {
            // Sweeps run once a minute.
            options.argument("--database").argument(faults.endpoint()).argument("--minute").argument("1s")
        }
    };
    options.start().await
}

/// Limits of SO4, by their statistic.
fn permit(limits: &[(&str, f64)]) -> Value {
    let limit = |(statistic, value): &(&str, f64)| json!({"parameter": "SO4", "value": value, "unit": "mg/L", "statistic": statistic});
    json!({ "limits": limits.iter().map(limit).collect::<Vec<_>>() })
}

/// A file of SO4 with a reading in each of these hours.
fn hourly(hours: impl IntoIterator<Item = u32>, value: impl Fn(u32) -> f64) -> String {
    let mut file = "time,species,concentration\n".to_owned();
    for hour in hours {
        writeln!(file, "{hour},SO4,{}", value(hour)).expect("a string takes every text");
    }
    file
}

/// A short, varying pause.
async fn a_moment(most: u64) {
    tokio::time::sleep(Duration::from_micros(rand::random_range(0..most * 1000))).await;
}

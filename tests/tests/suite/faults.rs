//! The main workflows while the database misbehaves as DynamoDB does: in one way in three of ten calls, and in all ways
//! at once. Nothing is lost, nothing is doubled, and every request is answered in time.
//!
//! `OWSC_TEST_FAULTS=0.1` sets another probability, `OWSC_TEST_SEED` another seed.

use crate::support::{alerts, permitted, readings, tidy, until};
use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tests::faults::{Chances, Kind};
use tests::host::{Host, under_test};
use tests::table::Table;
use tests::{Api, Faults, Server, Socket};

const SITE: &str = "plant";
const SPECIES: [&str; 4] = ["SO4", "Zn", "Cu", "Ni"];
/// Rows of a file for each of them, an hour apart.
const HOURS: u32 = 50;
const PUBLISHERS: u32 = 4;
const READINGS: u32 = 50;
/// The longest wait for an answer: API Gateway gives up after 29 s, and after 30 s for a file.
const ANSWER: Duration = Duration::from_secs(29);
/// How long a request is repeated.
const TRIES: Duration = Duration::from_secs(180);

/// The probability of each kind when all of them happen: counting those that concern a transaction, one call in four
/// fails.
const TOGETHER: f64 = 0.05;

pub(crate) fn share(usual: f64) -> anyhow::Result<f64> {
    Ok(std::env::var("OWSC_TEST_FAULTS").map_or(Ok(usual), |text| text.parse())?)
}

fn seed() -> anyhow::Result<u64> {
    Ok(std::env::var("OWSC_TEST_SEED").map_or(Ok(20_261_126), |text| text.parse())?)
}

/// A plant whose database misbehaves, and a list of what was wrong.
struct Plant {
    api: Api,
    faults: Faults,
    wrong: Mutex<Vec<String>>,
    slowest: Mutex<Duration>,
    kinds: Vec<Kind>,
    server: Server,
    _table: Table,
}

/// The expected readings: by parameter and hour.
type Expected = BTreeMap<(String, u32), f64>;

impl Plant {
    async fn start(kinds: &[Kind], share: f64) -> anyhow::Result<Self> {
        let table = Table::new()?;
        let faults = Faults::before(table.endpoint(), seed()?)?;
        let options = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000");
        let options = match under_test() {
            Host::Server => options.table(faults.endpoint(), table.name()),
            Host::Functions => options.argument("--database").argument(faults.endpoint()),
        };
        let server = options.start().await?;
        let plant = Self {
            api: Api::new(&server),
            faults,
            wrong: Mutex::default(),
            slowest: Mutex::default(),
            kinds: kinds.to_vec(),
            server,
            _table: table,
        };
        permitted(&plant.api, SITE, &permit(&[("SO4", 250.0), ("Cu", 1.0)])).await?;
        let chances = kinds.iter().fold(Chances::default(), |chances, kind| chances.with(*kind, share));
        plant.faults.set(chances);
        plant.faults.on();
        Ok(plant)
    }

    /// Records an error.
    fn note(&self, wrong: String) {
        self.wrong.lock().expect("nobody panics with it").push(wrong);
    }

    /// The result of an operation that must be in time.
    async fn timed<T>(&self, what: &str, doing: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let done = doing.await;
        let took = started.elapsed();
        if took > ANSWER {
            self.note(format!("{what} was answered after {took:.1?}"));
        }
        let mut slowest = self.slowest.lock().expect("nobody panics with it");
        *slowest = took.max(*slowest);
        done
    }

    /// Sends the same until it is accepted.
    async fn sent(
        &self,
        what: &str,
        send: impl AsyncFn() -> anyhow::Result<(StatusCode, Value)>,
    ) -> anyhow::Result<Value> {
        let until = Instant::now() + TRIES;
        loop {
            let (status, answer) = self.timed(what, send()).await.with_context(|| what.to_owned())?;
            match status.as_u16() {
                200 | 202 => return Ok(answer),
                503 => {}
                other => self.note(format!("{what}: {other} {answer}")),
            }
            ensure!(Instant::now() < until, "{what}: still {status} {answer} ({})", self.faults.report());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn file(&self, name: &str, rows: &Expected) -> anyhow::Result<()> {
        let rows: Vec<_> = rows.iter().map(|((species, hour), value)| format!("{hour},{species},{value}")).collect();
        let csv = tidy(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let answer = self.sent(name, async || self.api.ingest(&format!("?site={SITE}"), csv.clone()).await).await?;
        // It may still be in progress.
        let path = format!("/api/ingests/{}", answer["id"].as_str().context("a file has an id")?);
        let look = async || self.sent(&path, async || tests::client::read(self.api.get(&path).await?).await).await;
        let record = until(look, |record| record["state"] == "done").await?;
        ensure!(record["state"] == "done", "{name}: {record}");
        Ok(())
    }

    async fn permit(&self, permit: &Value) -> anyhow::Result<()> {
        let path = format!("/api/permits/{SITE}");
        self.sent("a permit", async || self.api.put(&path, permit).await).await.map(drop)
    }

    /// Publishes readings one after the other, each until it is acknowledged.
    async fn publish(&self, number: u32) -> anyhow::Result<()> {
        // On another site, so that no events come in between.
        let url = self.server.ws_url("/ws/effluent?site=elsewhere");
        let mut socket = None;
        for ((species, hour), value) in published(number) {
            let reading = json!({"time": hour, "species": species, "concentration": value, "site": SITE});
            let until = Instant::now() + TRIES;
            while !self.timed(&format!("reading {reading}"), acknowledged(&mut socket, &url, &reading)).await {
                ensure!(Instant::now() < until, "{reading} is not accepted ({})", self.faults.report());
            }
        }
        Ok(())
    }

    async fn publish_all(&self) -> anyhow::Result<()> {
        try_join_all((0..PUBLISHERS).map(|number| self.publish(number))).await.map(drop)
    }

    /// The whole feed of the site, in order.
    async fn feed(&self) -> anyhow::Result<Vec<Value>> {
        let overview = self.api.json(&format!("/api/overview?site={SITE}")).await?;
        let head = overview["seq"].as_u64().context("no head")?;
        let mut socket = Socket::connect(&self.server.ws_url("/ws/effluent?wait=true")).await?;
        socket.send(&json!({"type": "subscribe", "site": SITE, "after": 0})).await?;
        let mut events = Vec::new();
        socket.next_of("subscribed").await?;
        for seq in 1..=head {
            let event = socket.next().await?;
            ensure!(event["seq"] == seq, "{seq} is expected: {event}");
            events.push(event);
        }
        Ok(events)
    }

    /// Checks everything once the database behaves again.
    async fn check(self, expected: &Expected, files: usize, permit: &Value) -> anyhow::Result<()> {
        let slowest = *self.slowest.lock().expect("nobody panics with it");
        eprintln!("seed {}; slowest answer {slowest:.1?}; {}", seed()?, self.faults.report());
        for kind in &self.kinds {
            // There are few batches.
            ensure!(self.faults.count(*kind) > 0 || *kind == Kind::Unprocessed, "{kind:?} has not happened");
        }
        self.faults.off();
        self.check_verdicts(permit).await?;
        self.check_readings(expected).await?;
        let ledger = self.api.list("/api/ingests", "ingests").await?;
        let done = ledger.iter().filter(|record| record["state"] == "done").count();
        if (ledger.len(), done) != (files, files) {
            self.note(format!("{done} of {} ingests are done, {files} are expected: {ledger:?}", ledger.len()));
        }
        let feed = self.feed().await?;
        self.check_announcements(&feed, files);
        self.check_alerts(&feed).await?;
        let wrong = self.wrong.lock().expect("nobody panics with it");
        let first = wrong[..wrong.len().min(30)].join("\n");
        ensure!(wrong.is_empty(), "{} things are wrong:\n{first}", wrong.len());
        Ok(())
    }

    /// The alerts match the readings and the permit in force: putting it again would change nothing.
    async fn check_verdicts(&self, permit: &Value) -> anyhow::Result<()> {
        let path = format!("/api/permits/{SITE}");
        let in_force = self.api.json(&path).await?;
        if in_force["limits"].as_array().map(Vec::len) != permit["limits"].as_array().map(Vec::len) {
            self.note(format!("another permit is in force: {in_force}"));
        }
        let limits = json!({"limits": in_force["limits"]});
        let look = async || Ok(self.api.post(&format!("{path}/preview"), &limits).await?.1);
        let settled = |preview: &Value| preview["new"] == 0 && preview["withdrawn"] == 0;
        let preview = until(look, settled).await?;
        if !settled(&preview) {
            let status = self.api.json(&format!("/api/status?site={SITE}")).await?;
            self.note(format!(
                "the permit in force would bring {} and withdraw {}: {status}",
                preview["new"], preview["withdrawn"]
            ));
            for alert in alerts(&self.api, SITE).await? {
                let fields = ["parameter", "statistic", "period", "value", "limit", "permit_version"];
                eprintln!("stands: {}", fields.map(|field| alert[field].to_string()).join(" "));
            }
        }
        ensure!(preview["total"].as_u64() > Some(20), "too few exceedances to see anything: {preview}");
        Ok(())
    }

    async fn check_readings(&self, expected: &Expected) -> anyhow::Result<()> {
        let mut stored = Vec::new();
        for species in SPECIES {
            let all = readings(&self.api, SITE, species, "&max_points=100000").await?;
            for reading in all["readings"].as_array().context("no readings")? {
                let hour = reading["time"].as_f64().context("no time")? as u32;
                stored.push(((species.to_owned(), hour), reading["value"].as_f64().context("no value")?));
            }
        }
        let mut expected: Vec<_> = expected.clone().into_iter().collect();
        stored.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        if stored != expected {
            let lost: Vec<_> = expected.iter().filter(|reading| !stored.contains(reading)).collect();
            let more: Vec<_> = stored.iter().filter(|reading| !expected.contains(reading)).collect();
            let counts = format!("{} readings are stored, {} are expected", stored.len(), expected.len());
            self.note(format!("{counts}; lost or old: {lost:?}; not expected: {more:?}"));
        }
        Ok(())
    }

    /// Each acknowledged reading, and each file's account, is in the feed once.
    fn check_announcements(&self, feed: &[Value], files: usize) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for event in feed.iter().filter(|event| event["type"] == "reading") {
            let reading = format!("{} {} {}", event["species"], event["time"], event["concentration"]);
            *seen.entry(reading).or_default() += 1;
        }
        for ((species, hour), value) in (0..PUBLISHERS).flat_map(published) {
            let reading = format!("{} {} {}", json!(species), json!(hour), json!(value));
            match seen.remove(&reading).unwrap_or_default() {
                1 => {}
                count => self.note(format!("the reading {reading} is in the feed {count} times")),
            }
        }
        if !seen.is_empty() {
            self.note(format!("nobody published {seen:?}"));
        }
        let accounts = feed.iter().filter(|event| event["type"] == "ingest").count();
        if accounts != files {
            self.note(format!("{accounts} accounts of {files} files are in the feed"));
        }
    }

    /// A client that followed the feed knows the current alerts, and was told once when each began and ended.
    async fn check_alerts(&self, feed: &[Value]) -> anyhow::Result<()> {
        let fields = ["parameter", "statistic", "period", "value", "limit", "severity"];
        let known = |alert: &Value| fields.map(|field| alert[field].to_string()).join(" ");
        let id = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let mut standing = BTreeMap::new();
        for event in feed.iter().filter(|event| event["type"] == "alerts") {
            // A correction raises a changed alert again, with its new value.
            for alert in event["alerts"].as_array().into_iter().flatten() {
                if standing.insert(id(&alert["id"]), known(alert)) == Some(known(alert)) {
                    self.note(format!("event {} raises an alert that exists already: {}", event["seq"], known(alert)));
                }
            }
            for withdrawn in event["withdrawn"].as_array().into_iter().flatten() {
                if standing.remove(&id(withdrawn)).is_none() {
                    self.note(format!("event {} withdraws {withdrawn}, which does not exist", event["seq"]));
                }
            }
        }
        let stored = alerts(&self.api, SITE).await?;
        for alert in &stored {
            match standing.remove(&id(&alert["id"])) {
                Some(told) if told == known(alert) => {}
                told => self.note(format!("an alert was announced as {told:?} and is {}", known(alert))),
            }
        }
        for (id, told) in standing {
            self.note(format!("the alert {id} was announced and is not there: {told}"));
        }
        Ok(())
    }
}

/// Whether a reading is stored: the answer to a ping after it arrives, and no refusal before.
async fn acknowledged(socket: &mut Option<Socket>, url: &str, reading: &Value) -> bool {
    let attempt = async {
        let mut open = match socket.take() {
            Some(open) => open,
            None => Socket::connect(url).await?,
        };
        open.send(reading).await?;
        open.send(&json!({"type": "ping"})).await?;
        let mut refused = false;
        loop {
            let frame = open.next().await?;
            match frame["type"].as_str() {
                Some("pong") => break,
                Some("error") => {
                    ensure!(frame["code"] == "unavailable", "{frame}");
                    refused = true;
                }
                // A function has failed, and nobody knows at which of the two: continue with another connection.
                _ => anyhow::bail!("{frame}"),
            }
        }
        *socket = Some(open);
        anyhow::Ok(!refused)
    };
    match attempt.await {
        Ok(taken) => taken,
        Err(error) => {
            eprintln!("{reading}: {error:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            false
        }
    }
}

/// Limits for single readings, and the common part of all permits.
fn permit(instant: &[(&str, f64)]) -> Value {
    let limit = |parameter: &str, value: f64, statistic: &str| json!({"parameter": parameter, "value": value, "unit": "mg/L", "statistic": statistic});
    let mut limits = vec![limit("SO4", 215.0, "rolling_mean(3)"), limit("Zn", 4.5, "daily_max")];
    limits.extend(instant.iter().map(|(parameter, value)| limit(parameter, *value, "instant")));
    json!({ "limits": limits })
}

/// A pseudo-random number below one.
fn noise(number: u32) -> f64 {
    f64::from(number.wrapping_mul(2_654_435_761).wrapping_add(number >> 3) >> 12) / f64::from(1_u32 << 20)
}

/// A reading of a parameter that exceeds its usual limit about every fifth time.
fn reading(species: usize, hour: u32, salt: u32) -> ((String, u32), f64) {
    let usual = [250.0, 5.0, 1.0, 0.1][species];
    let value = usual * (0.5 + 0.6 * noise(hour * 4 + species as u32 + salt * 1000));
    ((SPECIES[species].to_owned(), hour), (value * 1000.0).round() / 1000.0)
}

fn first_file() -> Expected {
    (0..HOURS).flat_map(|hour| (0..SPECIES.len()).map(move |species| reading(species, hour, 0))).collect()
}

/// Other values for every third hour.
fn correction() -> Expected {
    let hours = (0..HOURS).step_by(3);
    hours.flat_map(|hour| (0..SPECIES.len()).map(move |species| reading(species, hour, 1))).collect()
}

/// A publisher's readings, after the hours of the files.
fn published(number: u32) -> Vec<((String, u32), f64)> {
    let hours = (0..READINGS).map(|place| 1000 + place * PUBLISHERS + number);
    hours.map(|hour| reading(hour as usize / 3 % SPECIES.len(), hour, 2)).collect()
}

/// All readings in the end.
fn everything() -> Expected {
    let published = (0..PUBLISHERS).flat_map(published);
    first_file().into_iter().chain(correction()).chain(published).collect()
}

#[tokio::test]
async fn one_thing_after_the_other_is_neither_lost_nor_doubled() -> anyhow::Result<()> {
    let plant = Plant::start(&Kind::ALL, share(TOGETHER)?).await?;
    plant.file("a file", &first_file()).await?;
    plant.file("its correction", &correction()).await?;
    let permit = permit(&[("SO4", 220.0), ("Ni", 0.09), ("Zn", 5.0)]);
    plant.permit(&permit).await?;
    plant.publish_all().await?;
    plant.check(&everything(), 2, &permit).await
}

/// Files, a permit, publishers and readers at the same time.
pub(crate) async fn all_at_once(kinds: &[Kind], share: f64) -> anyhow::Result<()> {
    let plant = Plant::start(kinds, share).await?;
    let permit = permit(&[("SO4", 220.0), ("Ni", 0.09), ("Zn", 5.0)]);
    let files = async {
        plant.file("a file", &first_file()).await?;
        plant.file("its correction", &correction()).await
    };
    let reading = async {
        for path in ["status", "alerts", "series", "overview", "streams", "ingests"].into_iter().cycle().take(60) {
            let path = format!("/api/{path}");
            plant.sent(&path, async || tests::client::read(plant.api.get(&path).await?).await).await?;
        }
        Ok(())
    };
    tokio::try_join!(files, plant.permit(&permit), plant.publish_all(), reading)?;
    plant.check(&everything(), 2, &permit).await
}

#[tokio::test]
async fn all_faults_at_once_lose_and_double_nothing() -> anyhow::Result<()> {
    all_at_once(&Kind::ALL, share(TOGETHER)?).await
}

//! The visible state of the sites at rest.

use super::check::raised;
use super::stage::{Place, Stage};
use anyhow::ensure;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tests::host::{Host, under_test};

/// How often to check whether something is still to be judged.
const LOOK: Duration = Duration::from_millis(100);
/// How long everything may take to come to rest. After a function was killed, its lease must expire; then the sweep,
/// which runs every minute, finds the work that is left.
const REST: Duration = Duration::from_secs(120);
/// How long to wait for the last counts of functions.
const COUNTING: Duration = Duration::from_secs(5);
const ALERTS: &str = "owsc_alerts_total{";

/// A site, as seen through all requests.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: String,
    /// From `/api/status`.
    pub(super) status: Value,
    /// What the permit in force would change.
    pub(super) preview: Value,
    pub(super) alerts: Vec<Value>,
    /// All events.
    pub(super) feed: Vec<Value>,
    /// Outfall and parameter, and the readings.
    pub(super) series: Vec<(String, String, Vec<Value>)>,
}

/// All sites.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) sites: Vec<Site>,
    /// The records of files, by name.
    pub(super) files: BTreeMap<String, Value>,
    /// How many alerts were raised, by the metric.
    pub(super) counted: u64,
}

/// What changes while work is in progress.
type Tide = (Value, BTreeMap<String, Value>);

impl Seen {
    /// Waits until nothing is left to be judged, and looks; again if something has changed meanwhile. The error says
    /// what does not come to rest.
    pub(super) async fn at_rest(stage: &Stage) -> anyhow::Result<Self> {
        let place = stage.place().await?;
        let deadline = Instant::now() + REST;
        loop {
            let before = match tide(&place).await {
                // A request to a function that was just killed is answered with 500, as by API Gateway.
                Err(_) if under_test() == Host::Functions && Instant::now() < deadline => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                tide => tide?,
            };
            let open = open(&place, &before).await?;
            if open.is_empty() {
                let seen = Self::look(&place, &before, !stage.removes).await?;
                if tide(&place).await? == before {
                    return Ok(seen);
                }
            }
            ensure!(Instant::now() < deadline, "not at rest after {REST:?}: {}", open.join("; "));
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look(place: &Place, (status, files): &Tide, whole: bool) -> anyhow::Result<Self> {
        let mut sites = Vec::new();
        for status in status["sites"].as_array().into_iter().flatten() {
            sites.push(Site::look(place, status.clone(), whole).await?);
        }
        let (deadline, raised) = (Instant::now() + COUNTING, raised(&sites));
        let mut counted = counted_by(place).await?;
        // Functions count when their invocation ends, a moment after its answer.
        while under_test() == Host::Functions && counted < raised && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
            counted = counted_by(place).await?;
        }
        Ok(Self { sites, files: files.clone(), counted })
    }
}

async fn tide(place: &Place) -> anyhow::Result<Tide> {
    let records = place.api.list("/api/ingests?limit=100", "ingests").await?;
    let name = |record: &Value| record["source"].as_str().unwrap_or_default().to_owned();
    let files = records.into_iter().map(|record| (name(&record), record)).collect();
    Ok((place.api.json("/api/status").await?, files))
}

/// What the API says is still to be judged. If the field is missing, the host judges at once.
async fn open(place: &Place, (status, files): &Tide) -> anyhow::Result<Vec<String>> {
    let mut open = Vec::new();
    for site in status["sites"].as_array().into_iter().flatten() {
        let name = site["site"].as_str().unwrap_or_default();
        let overview = place.api.json(&format!("/api/overview?site={name}")).await?;
        let pending = [site, &overview].map(|view| view["pending"].as_u64().unwrap_or_default());
        if pending != [0, 0] {
            open.push(format!("{name}: {pending:?} pending in status and overview"));
        }
    }
    open.extend(status["removing"].as_array().into_iter().flatten().map(|site| format!("{site} is being removed")));
    let judging = files.iter().filter(|(_, record)| record["state"] == "judging");
    open.extend(judging.map(|(name, _)| format!("{name} is judging")));
    Ok(open)
}

async fn counted_by(place: &Place) -> anyhow::Result<u64> {
    let text = place.api.get("/metrics").await?.text().await?;
    let samples = text.lines().filter(|line| line.starts_with(ALERTS));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    Ok(values.sum::<f64>() as u64)
}

impl Site {
    /// `whole`: with all events; they are complete only if the site was never removed.
    async fn look(place: &Place, status: Value, whole: bool) -> anyhow::Result<Self> {
        let name = status["site"].as_str().unwrap_or_default().to_owned();
        let api = &place.api;
        let permit = api.json(&format!("/api/permits/{name}")).await?;
        let (answer, preview) = api.post(&format!("/api/permits/{name}/preview"), &permit).await?;
        ensure!(answer == 200, "the preview of the permit in force: {answer} {preview}");
        let mut series = Vec::new();
        for one in api.list(&format!("/api/series?limit=1000&site={name}"), "series").await? {
            let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
            let path = format!("/api/readings?site={name}&series={}&every=true&max_points=20000", text("id"));
            series.push((text("outfall"), text("parameter"), api.list(&path, "readings").await?));
        }
        let alerts = api.list(&format!("/api/alerts?limit=1000&site={name}"), "alerts").await?;
        let feed = match whole {
            true => feed(place, &name, status["seq"].as_u64().unwrap_or_default()).await?,
            false => Vec::new(),
        };
        Ok(Self { name, status, preview, alerts, feed, series })
    }
}

/// The feed of a site up to its last event, as a subscriber receives it.
async fn feed(place: &Place, site: &str, last: u64) -> anyhow::Result<Vec<Value>> {
    let mut socket = place.socket(site).await?;
    socket.send(&json!({"type": "subscribe", "site": site, "after": 0})).await?;
    let begin = socket.next_of("subscribed").await?;
    ensure!(begin["seq"] == 0 && begin["lost"].is_null(), "the feed of {site} begins with {begin}");
    let mut events = Vec::new();
    while events.last().map_or(0, |event: &Value| event["seq"].as_u64().unwrap_or(u64::MAX)) < last {
        events.push(socket.next().await?);
    }
    Ok(events)
}

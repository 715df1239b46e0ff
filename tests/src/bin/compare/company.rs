//! A file into a series that others publish to meanwhile, as analyzers go on while the laboratory's file arrives.

use super::files;
use super::report::{Better, Bound, Figure};
use bytes::Bytes;
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tests::generate::{self, Exceeding};
use tests::tap::{Tap, number, quantile};
use tests::{Server, Socket};
use tokio::sync::watch;
use tokio::task::JoinSet;

const ROWS: usize = 400_000;
/// Where the file ends, in hours: what is published goes on from there.
const END: f64 = ROWS as f64 / 4.0;
const PUBLISHERS: u32 = 3;
/// Readings a second, of all publishers together.
const RATE: u32 = 250;
/// How long it is published before the file comes.
const QUIET: Duration = Duration::from_secs(5);
/// How long it is published from the file on at least: the slowest hundredth is then five readings.
const LEAST: Duration = Duration::from_secs(2);
/// For a file that may never be done.
const PATIENCE: Duration = Duration::from_secs(60);
/// For readings that were published and are not there yet: a server gives one up after 20 s.
const ARRIVAL: Duration = Duration::from_secs(30);

pub(crate) const FIGURES: [Figure; 6] = [
    figure("s alone", 3, Bound::Nothing),
    figure("s with publishers", 3, Bound::Nothing),
    figure("times alone", 2, Bound::AtMost(10.0)),
    figure("publishers' p99 ms without the file", 2, Bound::Nothing),
    figure("publishers' p99 ms with the file", 2, Bound::Nothing),
    figure("times the p99 without", 2, Bound::AtMost(3.0)),
];

const fn figure(name: &'static str, places: usize, bound: Bound) -> Figure {
    Figure { name, better: Better::Less, places, bound }
}

pub(crate) async fn with_publishers(program: &Path) -> anyhow::Result<[f64; 6]> {
    let file = Bytes::from(generate::sulfate(ROWS, Exceeding::Some));
    let alone = {
        let (_server, api) = files::start(program).await?;
        files::post(&api, file.clone(), files::PATIENCE).await?.1.as_secs_f64()
    };
    let (server, api) = files::start(program).await?;
    let plant = Plant::start(&server).await?;
    tokio::time::sleep(QUIET).await;
    let (posted, begin) = (plant.micros(), Instant::now());
    let with = match files::post(&api, file, PATIENCE).await {
        Ok((_, time)) => time.as_secs_f64(),
        Err(error) => {
            eprintln!("no answer: {error:#}");
            f64::INFINITY
        }
    };
    tokio::time::sleep_until((begin + LEAST).into()).await;
    let [p99_without, p99_with] = plant.latencies(posted).await?.map(|latencies| p99(&latencies));
    Ok([alone, with, with / alone, p99_without, p99_with, p99_with / p99_without])
}

fn p99(sorted: &[u64]) -> f64 {
    match quantile(sorted, 0.99) {
        NEVER => f64::INFINITY,
        micros => micros as f64 / 1e3,
    }
}

/// The latency of a reading that did not arrive.
const NEVER: u64 = u64::MAX;

/// Publishers, and a subscriber who notes when each reading was sent and how long it took, in microseconds.
struct Plant {
    start: Instant,
    arrived: Arc<Mutex<Vec<(u64, u64)>>>,
    stop: watch::Sender<bool>,
    publishers: JoinSet<anyhow::Result<Publisher>>,
    subscriber: tokio::task::JoinHandle<()>,
}

impl Plant {
    async fn start(server: &Server) -> anyhow::Result<Self> {
        let (start, arrived, (stop, stopped)) = (Instant::now(), Arc::default(), watch::channel(false));
        let tap = Tap::connect(server.address(), "/ws/effluent").await?;
        let subscriber = tokio::spawn(subscribe(tap, start, Arc::clone(&arrived)));
        let mut publishers = JoinSet::new();
        for _ in 0..PUBLISHERS {
            // Alerts alone: what others publish is the subscriber's.
            let socket = Socket::ready(&server.ws_url("/ws/alerts")).await?;
            publishers.spawn(Publisher { socket, start, sent: Vec::new(), refused: 0 }.run(stopped.clone()));
        }
        Ok(Self { start, arrived, stop, publishers, subscriber })
    }

    fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Stops, and waits for what is on its way: the sorted latencies of what was sent before and after a moment.
    async fn latencies(mut self, moment: u64) -> anyhow::Result<[Vec<u64>; 2]> {
        self.stop.send_replace(true);
        // They stay connected: what a server has not read when they go is gone.
        let mut publishers = Vec::new();
        while let Some(publisher) = self.publishers.join_next().await {
            publishers.push(publisher??);
        }
        let sent = publishers.iter().map(|publisher| publisher.sent.len()).sum();
        let until = Instant::now() + ARRIVAL;
        while self.arrived.lock().expect("nobody panics with it").len() < sent && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.subscriber.abort();
        let arrived = std::mem::take(&mut *self.arrived.lock().expect("nobody panics with it"));
        let refused: u64 = publishers.iter().map(|publisher| publisher.refused).sum();
        if refused > 0 || arrived.len() != sent {
            eprintln!("{} of {sent} readings arrived, {refused} were refused", arrived.len());
        }
        let sent = publishers.iter().flat_map(|publisher| publisher.sent.iter().copied());
        let (before, after): (Vec<_>, Vec<_>) = sent.partition(|sent| *sent < moment);
        let (early, late): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|(sent, _)| *sent < moment);
        Ok([complete(early, before.len()), complete(late, after.len())])
    }
}

/// Sorted latencies of so many readings, of which some may not have arrived.
fn complete(arrived: Vec<(u64, u64)>, sent: usize) -> Vec<u64> {
    let mut latencies: Vec<_> = arrived.into_iter().map(|(_, latency)| latency).collect();
    latencies.resize(sent.max(latencies.len()), NEVER);
    latencies.sort_unstable();
    latencies
}

struct Publisher {
    socket: Socket,
    start: Instant,
    /// When each reading was.
    sent: Vec<u64>,
    refused: u64,
}

impl Publisher {
    /// Publishes until it is told to stop, whatever comes back.
    async fn run(mut self, mut stop: watch::Receiver<bool>) -> anyhow::Result<Self> {
        let mut pace = tokio::time::interval(Duration::from_secs(1) * PUBLISHERS / RATE);
        loop {
            tokio::select! {
                _ = stop.changed() => return Ok(self),
                _ = pace.tick() => self.publish().await?,
                frame = self.socket.next() => self.refused += u64::from(frame?["type"] == "error"),
            }
        }
    }

    /// The time of a reading is when it is sent, behind the file.
    async fn publish(&mut self) -> anyhow::Result<()> {
        let sent = self.start.elapsed().as_micros() as u64;
        let (time, value) = (END + sent as f64 / 3.6e9, 100 + self.sent.len() % 100);
        self.socket.send(&json!({"time": time, "species": "SO4", "concentration": value, "sent": sent})).await?;
        self.sent.push(sent);
        Ok(())
    }
}

/// Reads until the server ends.
async fn subscribe(mut tap: Tap, start: Instant, arrived: Arc<Mutex<Vec<(u64, u64)>>>) {
    let mut take = |frame: &[u8]| {
        let now = start.elapsed().as_micros() as u64;
        let Some(sent) = number(frame, "sent") else { return };
        arrived.lock().expect("nobody panics with it").push((sent, now.saturating_sub(sent)));
    };
    while tap.read(&mut take).await.unwrap_or(false) {}
}

//! A plant's analyzers: publishers, and a subscriber that records how long each reading took.

use crate::tap::{Tap, number, quantile};
use crate::{Server, Socket};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

const PUBLISHERS: u32 = 3;
/// Readings a second, of all publishers together.
const RATE: u32 = 250;
/// For readings that were published but have not arrived: a server gives one up after 20 s.
const ARRIVAL: Duration = Duration::from_secs(30);

/// The slowest hundredth of sorted latencies, in milliseconds.
pub fn p99(sorted: &[u64]) -> f64 {
    match quantile(sorted, 0.99) {
        NEVER => f64::INFINITY,
        micros => micros as f64 / 1e3,
    }
}

/// The latency of a reading that did not arrive.
const NEVER: u64 = u64::MAX;

/// Publishers, and a subscriber that records when each reading was sent and how long it took, in microseconds.
pub struct Plant {
    start: Instant,
    arrived: Arc<Mutex<Vec<(u64, u64)>>>,
    stop: watch::Sender<bool>,
    publishers: JoinSet<anyhow::Result<Publisher>>,
    subscriber: tokio::task::JoinHandle<()>,
}

impl Plant {
    /// Starts publishing readings of the default site, with times from this hour on.
    pub async fn start(server: &Server, hours: f64) -> anyhow::Result<Self> {
        let (start, arrived, (stop, stopped)) = (Instant::now(), Arc::default(), watch::channel(false));
        let tap = Tap::connect(server.address(), "/ws/effluent").await?;
        let subscriber = tokio::spawn(subscribe(tap, start, Arc::clone(&arrived)));
        let mut publishers = JoinSet::new();
        for _ in 0..PUBLISHERS {
            // Only alerts: the readings go to the subscriber.
            let socket = Socket::ready(&server.ws_url("/ws/alerts")).await?;
            publishers.spawn(Publisher { socket, start, hours, sent: Vec::new(), refused: 0 }.run(stopped.clone()));
        }
        Ok(Self { start, arrived, stop, publishers, subscriber })
    }

    /// The current time, in the unit of the readings.
    pub fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Stops, and waits for readings in progress: the sorted latencies of readings sent before and after a moment.
    pub async fn latencies(mut self, moment: u64) -> anyhow::Result<[Vec<u64>; 2]> {
        self.stop.send_replace(true);
        // They stay connected: what a server has not read when they disconnect is lost.
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

/// The sorted latencies of so many readings, some of which may not have arrived.
fn complete(arrived: Vec<(u64, u64)>, sent: usize) -> Vec<u64> {
    let mut latencies: Vec<_> = arrived.into_iter().map(|(_, latency)| latency).collect();
    latencies.resize(sent.max(latencies.len()), NEVER);
    latencies.sort_unstable();
    latencies
}

struct Publisher {
    socket: Socket,
    start: Instant,
    hours: f64,
    /// The sending time of each reading.
    sent: Vec<u64>,
    refused: u64,
}

impl Publisher {
    /// Publishes until it is told to stop, and ignores the answers.
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

    async fn publish(&mut self) -> anyhow::Result<()> {
        let sent = self.start.elapsed().as_micros() as u64;
        let (time, value) = (self.hours + sent as f64 / 3.6e9, 100 + self.sent.len() % 100);
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

//! Subscribers that record how long each reading took to reach them.

use crate::Server;
use crate::tap::{Tap, number, quantile};
use anyhow::ensure;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long until all subscribers have everything.
const ARRIVAL: Duration = Duration::from_secs(20);

/// Subscribers of one server or several.
#[derive(Debug)]
pub struct Crowd {
    start: Instant,
    delivered: Arc<AtomicU64>,
    subscribers: JoinSet<anyhow::Result<Latencies>>,
}

/// Delivery times, in microseconds.
#[derive(Debug, Default)]
pub struct Latencies {
    /// For readings published at the subscriber's own server.
    pub own: Vec<u64>,
    /// For readings published at another one.
    pub other: Vec<u64>,
}

impl Crowd {
    /// No subscribers yet.
    #[expect(clippy::new_without_default, reason = "its clock starts with it")]
    pub fn new() -> Self {
        Self { start: Instant::now(), delivered: Arc::default(), subscribers: JoinSet::new() }
    }

    /// Adds a subscriber of a server, which has a number if there are several.
    pub async fn add(&mut self, server: &Server, number: Option<u64>) -> anyhow::Result<()> {
        let tap = Tap::connect(server.address(), "/ws/effluent").await?;
        self.subscribers.spawn(subscriber(tap, number, self.start, self.delivered.clone()));
        Ok(())
    }

    /// A reading that contains its sending time.
    pub fn reading(&self, time: u32) -> Value {
        let sent = self.start.elapsed().as_micros() as u64;
        json!({"time": f64::from(time), "species": "Flow", "concentration": 1.5, "sent": sent})
    }

    /// One that also contains its server's number.
    pub fn reading_at(&self, time: u32, server: u64) -> Value {
        let mut reading = self.reading(time);
        reading["origin"] = json!(server);
        reading
    }

    /// How many deliveries there were.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Waits until each subscriber has so many readings.
    pub async fn arrived(&self, readings: u32) -> anyhow::Result<()> {
        let deliveries = u64::from(readings) * self.subscribers.len() as u64;
        let until = Instant::now() + ARRIVAL;
        while self.delivered() < deliveries {
            ensure!(Instant::now() < until, "{} deliveries of {deliveries}", self.delivered());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The recorded times, once the servers have ended.
    pub async fn latencies(mut self) -> anyhow::Result<Latencies> {
        let mut all = Latencies::default();
        while let Some(one) = self.subscribers.join_next().await {
            let one = one??;
            all.own.extend(one.own);
            all.other.extend(one.other);
        }
        all.own.sort_unstable();
        all.other.sort_unstable();
        Ok(all)
    }
}

/// Reads until the server ends. Every reading must arrive, in order.
async fn subscriber(
    mut tap: Tap,
    server: Option<u64>,
    start: Instant,
    delivered: Arc<AtomicU64>,
) -> anyhow::Result<Latencies> {
    let (mut latencies, mut last, mut gaps) = (Latencies::default(), 0, 0);
    let mut open = true;
    while open {
        let mut count = 0;
        let read = tap.read(|frame| {
            let now = start.elapsed().as_micros() as u64;
            let (Some(seq), Some(sent)) = (number(frame, "seq"), number(frame, "sent")) else { return };
            gaps += u64::from(seq != last + 1);
            last = seq;
            let own = server.is_none_or(|server| number(frame, "origin") == Some(server));
            let list = if own { &mut latencies.own } else { &mut latencies.other };
            list.push(now.saturating_sub(sent));
            count += 1;
        });
        // The server is killed at the end, so a broken connection also counts as the end.
        open = read.await.unwrap_or(false);
        delivered.fetch_add(count, Ordering::Relaxed);
    }
    ensure!(gaps == 0, "{gaps} gaps or repeats");
    Ok(latencies)
}

/// The time in milliseconds within which a share of sorted deliveries was made.
pub fn milliseconds(sorted: &[u64], share: f64) -> f64 {
    quantile(sorted, share) as f64 / 1e3
}

//! The deliveries of one server to its subscribers.

use crate::Socket;
use crate::crowd::Crowd;
use crate::server::Options;
use anyhow::ensure;
use std::time::{Duration, Instant};

/// The deliveries of a run.
#[derive(Debug)]
pub struct Run {
    /// To all subscribers, during publishing.
    pub delivered: u64,
    /// How long readings were published.
    pub time: Duration,
    /// How long each delivery took, in microseconds, sorted.
    pub latencies: Vec<u64>,
    /// The server's peak resident memory, in bytes.
    pub memory: u64,
}

impl Run {
    /// To all subscribers.
    pub fn deliveries_per_second(&self) -> f64 {
        self.delivered as f64 / self.time.as_secs_f64()
    }
}

/// Publishes for so long, at the given rate or without ever waiting, to so many subscribers.
pub async fn run(options: Options, subscribers: usize, rate: Option<u32>, time: Duration) -> anyhow::Result<Run> {
    let server = options.env("OW_SC_WS_MSGS_PER_SEC", "10000000").env("LOG_LEVEL", "warn").start().await?;
    let mut crowd = Crowd::new();
    for _ in 0..subscribers {
        crowd.add(&server, None).await?;
    }
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let (begin, mut readings) = (Instant::now(), 0u32);
    while begin.elapsed() < time {
        if let Some(rate) = rate {
            tokio::time::sleep_until((begin + readings * Duration::from_secs(1) / rate).into()).await;
        }
        publisher.send(&crowd.reading(readings)).await?;
        readings += 1;
    }
    let delivered = crowd.delivered();
    let memory = server.memory()?.1;
    drop(publisher);
    drop(server);
    let latencies = crowd.latencies().await?.own;
    ensure!(!latencies.is_empty(), "nothing was delivered");
    Ok(Run { delivered, time, latencies, memory })
}

//! Live fan-out of a running server: deliveries a second, and latency from publishing to delivery.
//!
//! Every reading is in the feed, on disk, before it is delivered. Publisher, subscribers and server share the machine.

use anyhow::ensure;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::tap::{Tap, number, quantile};
use tests::{Server, Socket};
use tokio::task::JoinSet;

/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(10);
/// Subscribers.
const CROWDS: [usize; 2] = [100, 1000];
/// Readings a second where latency is measured.
const RATE: u32 = 20;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
async fn main() -> anyhow::Result<()> {
    println!("| subscribers | readings | readings/s | deliveries/s | p50 ms | p99 ms | server's memory MB |");
    println!("|---|---|---|---|---|---|---|");
    for subscribers in CROWDS {
        for rate in [None, Some(RATE)] {
            let run = run(subscribers, rate).await?;
            let mode = rate.map_or("flood".into(), |rate| format!("{rate}/s"));
            let seconds = RUN.as_secs_f64();
            println!(
                "| {subscribers} | {mode} | {:.0} | {:.0} | {:.1} | {:.1} | {} |",
                run.readings as f64 / seconds,
                run.delivered as f64 / seconds,
                quantile(&run.latencies, 0.5) as f64 / 1e3,
                quantile(&run.latencies, 0.99) as f64 / 1e3,
                run.memory / 1_000_000,
            );
        }
    }
    Ok(())
}

struct Run {
    readings: u64,
    delivered: u64,
    /// Microseconds, sorted.
    latencies: Vec<u64>,
    memory: u64,
}

async fn run(subscribers: usize, rate: Option<u32>) -> anyhow::Result<Run> {
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "10000000").env("LOG_LEVEL", "warn").start().await?;
    let start = Instant::now();
    let delivered = Arc::new(AtomicU64::new(0));
    let mut crowd = JoinSet::new();
    for _ in 0..subscribers {
        let tap = Tap::connect(server.address(), "/ws/effluent").await?;
        crowd.spawn(subscriber(tap, start, delivered.clone()));
    }
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let (begin, mut readings) = (Instant::now(), 0u32);
    while begin.elapsed() < RUN {
        if let Some(rate) = rate {
            tokio::time::sleep_until((begin + readings * Duration::from_secs(1) / rate).into()).await;
        }
        let sent = start.elapsed().as_micros() as u64;
        let reading = json!({"time": f64::from(readings), "species": "Flow", "concentration": 1.5, "sent": sent});
        publisher.send(&reading).await?;
        readings += 1;
    }
    let in_time = delivered.load(Ordering::Relaxed);
    let memory = server.memory()?.1;
    drop(publisher);
    drop(server);
    let mut latencies = Vec::new();
    while let Some(subscriber) = crowd.join_next().await {
        latencies.extend(subscriber??);
    }
    ensure!(!latencies.is_empty(), "nothing was delivered");
    latencies.sort_unstable();
    let readings = in_time / subscribers as u64;
    Ok(Run { readings, delivered: in_time, latencies, memory })
}

/// Reads until the server ends; the latency of each delivery. Every reading must come, in order.
async fn subscriber(mut tap: Tap, start: Instant, delivered: Arc<AtomicU64>) -> anyhow::Result<Vec<u64>> {
    let (mut latencies, mut last, mut gaps) = (Vec::new(), 0, 0);
    let mut open = true;
    while open {
        let mut count = 0;
        let read = tap.read(|frame| {
            let now = start.elapsed().as_micros() as u64;
            let (Some(seq), Some(sent)) = (number(frame, "seq"), number(frame, "sent")) else { return };
            gaps += u64::from(seq != last + 1);
            last = seq;
            latencies.push(now.saturating_sub(sent));
            count += 1;
        });
        // The server is killed at the end: a broken connection is the end, too.
        open = read.await.unwrap_or(false);
        delivered.fetch_add(count, Ordering::Relaxed);
    }
    ensure!(gaps == 0, "{gaps} gaps or repeats");
    Ok(latencies)
}

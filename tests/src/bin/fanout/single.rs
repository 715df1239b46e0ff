//! One server: deliveries a second and latency, at a steady rate and from a publisher that never waits.

use super::crowd::{Crowd, milliseconds};
use anyhow::ensure;
use std::io::Write;
use std::time::{Duration, Instant};
use tests::{Server, Socket};

/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(10);
/// Subscribers.
const CROWDS: [usize; 2] = [100, 1000];
/// Readings a second where latency is measured.
const RATE: u32 = 20;

pub(crate) async fn table(out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "| subscribers | readings | readings/s | deliveries/s | p50 ms | p99 ms | server's memory MB |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for subscribers in CROWDS {
        for rate in [None, Some(RATE)] {
            let run = run(subscribers, rate).await?;
            let mode = rate.map_or("flood".into(), |rate| format!("{rate}/s"));
            let seconds = RUN.as_secs_f64();
            writeln!(
                out,
                "| {subscribers} | {mode} | {:.0} | {:.0} | {:.1} | {:.1} | {} |",
                run.readings as f64 / seconds,
                run.delivered as f64 / seconds,
                milliseconds(&run.latencies, 0.5),
                milliseconds(&run.latencies, 0.99),
                run.memory / 1_000_000,
            )?;
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
    let mut crowd = Crowd::new();
    for _ in 0..subscribers {
        crowd.add(&server, None).await?;
    }
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let (begin, mut readings) = (Instant::now(), 0u32);
    while begin.elapsed() < RUN {
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
    Ok(Run { readings: delivered / subscribers as u64, delivered, latencies, memory })
}

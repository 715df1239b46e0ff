//! One server: deliveries a second and latency, at a steady rate and from a publisher that never waits.

use std::io::Write;
use std::time::Duration;
use tests::crowd::milliseconds;
use tests::{Server, fanout};

/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(10);
/// Subscribers.
const CROWDS: [usize; 2] = [100, 1000];
/// Readings a second when latency is measured.
const RATE: u32 = 20;

pub(crate) async fn table(out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "| subscribers | readings | readings/s | deliveries/s | p50 ms | p99 ms | server's memory MB |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for subscribers in CROWDS {
        for rate in [None, Some(RATE)] {
            let run = fanout::run(Server::options(), subscribers, rate, RUN).await?;
            let mode = rate.map_or("flood".into(), |rate| format!("{rate}/s"));
            writeln!(
                out,
                "| {subscribers} | {mode} | {:.0} | {:.0} | {:.1} | {:.1} | {} |",
                run.deliveries_per_second() / subscribers as f64,
                run.deliveries_per_second(),
                milliseconds(&run.latencies, 0.5),
                milliseconds(&run.latencies, 0.99),
                run.memory / 1_000_000,
            )?;
        }
    }
    Ok(())
}

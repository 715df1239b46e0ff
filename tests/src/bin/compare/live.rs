//! Published readings, on their way to subscribers.

use super::report::{Better, Bound, Figure};
use std::path::Path;
use std::time::Duration;
use tests::crowd::milliseconds;
use tests::{Server, fanout};

/// How long a flood runs.
const FLOOD_TIME: Duration = Duration::from_secs(10);
/// The slowest hundredth is then four readings.
const STEADY_TIME: Duration = Duration::from_secs(20);
const STEADY_RATE: u32 = 20;
const STEADY_CROWD: usize = 100;

pub(crate) const FLOOD: [Figure; 1] =
    [Figure { name: "million deliveries/s", better: Better::More, places: 3, bound: Bound::Ratio }];

pub(crate) const LATENCY: [Figure; 2] = [
    Figure { name: "p50 ms", better: Better::Less, places: 2, bound: Bound::Ratio },
    Figure { name: "p99 ms", better: Better::Less, places: 2, bound: Bound::Ratio },
];

pub(crate) async fn flood(program: &Path, subscribers: usize) -> anyhow::Result<[f64; 1]> {
    let run = fanout::run(Server::options().program(program), subscribers, None, FLOOD_TIME).await?;
    Ok([run.deliveries_per_second() / 1e6])
}

pub(crate) async fn latency(program: &Path) -> anyhow::Result<[f64; 2]> {
    let options = Server::options().program(program);
    let run = fanout::run(options, STEADY_CROWD, Some(STEADY_RATE), STEADY_TIME).await?;
    Ok([0.5, 0.99].map(|share| milliseconds(&run.latencies, share)))
}

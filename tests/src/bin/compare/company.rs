//! A file into a series that others publish to, as analyzers do while the laboratory's file arrives.

use super::files;
use super::report::{Better, Bound, Figure};
use bytes::Bytes;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::generate::{self, Exceeding};
use tests::plant::{Plant, p99};

const ROWS: usize = 400_000;
/// The end of the file, in hours: published readings continue from there.
const END: f64 = ROWS as f64 / 4.0;
/// How long readings are published before the file arrives.
const QUIET: Duration = Duration::from_secs(5);
/// How long readings are published from the file on, at least: the slowest hundredth is then five readings.
const LEAST: Duration = Duration::from_secs(2);
/// The limit for a file that may never be done.
const PATIENCE: Duration = Duration::from_secs(60);

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
    let plant = Plant::start(&server, END).await?;
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

//! `owsc simulate`: invents readings, into a file or to a server.

mod plant;
mod target;

use crate::duration;
use crate::outcome::Outcome;
use crate::remote::Address;
use crate::terminal::Bar;
use anyhow::ensure;
use clap::Args;
use domain::time::{self, DAY};
use plant::Plant;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use target::Target;
use tokio::time::{Instant, sleep_until};

/// When a file's readings begin: the same seed gives the same file.
const BEGIN: &str = "2026-01-01";
/// The default rate of publishing, per second: half of a server's default limit.
const LIVE_RATE: f64 = 10.0;

/// The allowed rates, per second.
const RATES: RangeInclusive<f64> = 0.001..=1e6;
/// Readings between two yields to other tasks.
const YIELD: usize = 1024;

/// Options of `owsc simulate`.
#[derive(Debug, Clone, Args)]
pub struct Simulate {
    /// The file to write, as CSV; - is standard output
    #[arg(long, default_value = "-")]
    out: PathBuf,
    /// Post files to a server, one per day
    #[arg(long, conflicts_with_all = ["out", "live"])]
    post: bool,
    /// Publish readings to a server one by one, as an analyzer does
    #[arg(long, conflicts_with = "out")]
    live: bool,
    /// The site of the readings
    #[arg(long, default_value = "simulated")]
    site: String,
    #[command(flatten)]
    address: Address,
    /// The same seed gives the same readings
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many days
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Time between readings
    #[arg(long, default_value = "15m", value_parser = duration::parse)]
    every: Duration,
    /// When they begin: a date or RFC 3339; if absent, 2026-01-01 for a file, and --days ago for a server
    #[arg(long)]
    begin: Option<String>,
    /// No storms, upsets, drift or silent probes
    #[arg(long)]
    calm: bool,
    /// Readings a second; if absent, as fast as possible, and 10 with --live
    #[arg(long)]
    rate: Option<f64>,
}

/// Invents readings.
pub(crate) async fn run(options: &Simulate) -> anyhow::Result<Outcome> {
    let step = i64::try_from(options.every.as_micros())?;
    let rate = options.rate.or(options.live.then_some(LIVE_RATE));
    ensure!(rate.is_none_or(|rate| RATES.contains(&rate)), "--rate: a number from 0.001 to 1000000 is expected");
    let length = i64::from(options.days) * DAY;
    ensure!((1..=length).contains(&step), "--every: a time from 1 µs up to --days is expected, such as 15m");
    let begin = match (&options.begin, options.post || options.live) {
        (Some(text), _) => time::from_text(text)?.0,
        (None, true) => time::now() / step * step - length,
        (None, false) => time::from_text(BEGIN)?.0,
    };
    let plant = Plant::new(options.seed, (begin, begin + length), step, options.calm);
    let bar = Bar::new("simulating");
    bar.count(plant.most());
    let sent = send(plant, Target::open(options).await?, rate, &bar).await;
    bar.end();
    match sent {
        // A reader that stops early, such as `head`, has what it wants.
        Err(error) if is_unread(&error) => Ok(Outcome::Compliant),
        sent => sent.map(|()| Outcome::Compliant),
    }
}

async fn send(plant: Plant, mut target: Target, rate: Option<f64>, bar: &Bar) -> anyhow::Result<()> {
    let began = Instant::now();
    for (count, reading) in plant.enumerate() {
        if let Some(rate) = rate {
            sleep_until(began + Duration::from_secs_f64(count as f64 / rate)).await;
        }
        target.take(&reading).await?;
        bar.more(1);
        if count.is_multiple_of(YIELD) {
            // Writing to a file never yields, and an interrupt has to be noticed.
            tokio::task::yield_now().await;
        }
    }
    target.end().await
}

fn is_unread(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

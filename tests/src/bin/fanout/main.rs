//! Live fan-out of running servers: latency from publishing to delivery, deliveries a second, and the cost of following
//! an idle feed.
//!
//! Every reading is in the feed, on disk, before it is delivered. Publishers, subscribers, servers and the table share
//! the machine.

mod idle;
mod servers;
mod single;

use clap::{Parser, ValueEnum};

/// Measures live fan-out.
#[derive(Parser)]
struct Options {
    /// What to measure
    #[arg(value_enum, default_values_t = [Part::Single, Part::Servers, Part::Idle])]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// One server: deliveries a second and latency
    Single,
    /// Three servers on one table: latency with and without Redis
    Servers,
    /// The queries of a server to an idle shared table
    Idle,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    for part in Options::parse().parts {
        match part {
            Part::Single => single::table(&mut out).await?,
            Part::Servers => servers::table(&mut out).await?,
            Part::Idle => idle::table(&mut out).await?,
        }
    }
    Ok(())
}

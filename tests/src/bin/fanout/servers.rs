//! Three servers on one table: the time from publishing to subscribers of the same server, and of other servers, which
//! find the reading in the table, with and without hints through Redis.

use rand::RngExt;
use std::io::Write;
use std::ops::Range;
use std::time::Duration;
use tests::crowd::{Crowd, Latencies, milliseconds};
use tests::redis::{self, RedisServer};
use tests::{Fleet, Socket};

const SERVERS: usize = 3;
const SUBSCRIBERS: usize = 300;

/// How often a reading is published. The pause before each is random, so that it falls anywhere between a server's
/// queries.
struct Pace {
    name: &'static str,
    readings: u32,
    pause: Range<Duration>,
}

/// Ten seconds.
const STEADY: Pace = Pace { name: "20/s", readings: 200, pause: Duration::ZERO..Duration::from_millis(100) };
/// By then, the table is queried as rarely as it ever is without hints. A minute and a bit.
const QUIET: Pace =
    Pace { name: "one after 3 s", readings: 20, pause: Duration::from_millis(3000)..Duration::from_millis(3500) };

pub(crate) async fn table(out: &mut impl Write) -> anyhow::Result<()> {
    let mut redis = RedisServer::stopped()?;
    redis.start().await?;
    writeln!(out, "| | readings | published at | p50 ms | p99 ms | deliveries |\n|---|---|---|---|---|---|")?;
    for (mode, redis) in [("without Redis", None), ("with Redis", Some(redis.url()))] {
        for pace in [&STEADY, &QUIET] {
            let Latencies { own, other } = run(redis.as_deref(), pace).await?;
            for (place, latencies) in [("the same server", own), ("another one", other)] {
                let (p50, p99) = (milliseconds(&latencies, 0.5), milliseconds(&latencies, 0.99));
                let deliveries = latencies.len();
                writeln!(out, "| {mode} | {} | {place} | {p50:.1} | {p99:.1} | {deliveries} |", pace.name)?;
            }
        }
    }
    Ok(())
}

async fn run(redis: Option<&str>, pace: &Pace) -> anyhow::Result<Latencies> {
    let env = [("LOG_LEVEL", "warn")].into_iter().chain(redis.map(|url| ("OW_SC_REDIS_URL", url)));
    let fleet = Fleet::start(SERVERS, &env.collect::<Vec<_>>()).await?;
    let mut crowd = Crowd::new();
    for (number, server) in (0..).zip(&fleet.servers) {
        for _ in 0..SUBSCRIBERS / SERVERS {
            crowd.add(server, Some(number)).await?;
        }
    }
    let mut publishers = Vec::new();
    for (number, server) in fleet.servers.iter().enumerate() {
        if redis.is_some() {
            redis::is_up(&fleet.api(number), true).await?;
        }
        // Alerts, of which there are none: a publisher does not read.
        publishers.push(Socket::ready(&server.ws_url("/ws/alerts")).await?);
    }
    for number in 0..pace.readings {
        tokio::time::sleep(rand::rng().random_range(pace.pause.clone())).await;
        let server = number as usize % SERVERS;
        publishers[server].send(&crowd.reading_at(number, server as u64)).await?;
    }
    crowd.arrived(pace.readings).await?;
    drop(fleet);
    crowd.latencies().await
}

//! The queries of a server to an idle shared table, as counted by the table itself: in read units, half a unit for an
//! eventually consistent read of an item.

use anyhow::ensure;
use std::io::Write;
use std::time::Duration;
use tests::meter::{Bill, Meter};
use tests::redis::{self, RedisServer};
use tests::table::Table;
use tests::{Api, Server, Socket};

/// How long until the table is queried as rarely as it ever is.
const SETTLE: Duration = Duration::from_secs(10);
/// How long to measure.
const RUN: Duration = Duration::from_secs(60);

pub(crate) async fn table(out: &mut impl Write) -> anyhow::Result<()> {
    let mut redis = RedisServer::stopped()?;
    redis.start().await?;
    let url = redis.url();
    // Concurrently: they are almost idle.
    let (nobody, without, with) = tokio::try_join!(run(None, false), run(None, true), run(Some(url.as_str()), true))?;
    writeln!(out, "| one server, one site | asked in {} s | requests/h | read units/h |", RUN.as_secs())?;
    writeln!(out, "|---|---|---|---|")?;
    let rows = [("nobody watches", nobody), ("watched, without Redis", without), ("watched, with Redis", with)];
    for (name, bill) in rows {
        let asked = bill.reads.iter().map(|((operation, _), one)| format!("{} {operation}", one.requests));
        let asked = asked.reduce(|all, one| format!("{all}, {one}")).unwrap_or("nothing".into());
        let (sum, hours) = (bill.sum(), bill.time.as_secs_f64() / 3600.0);
        let (requests, units) = (f64::from(sum.requests) / hours, sum.units / hours);
        writeln!(out, "| {name} | {asked} | {requests:.0} | {units:.0} |")?;
    }
    Ok(())
}

async fn run(redis: Option<&str>, watched: bool) -> anyhow::Result<Bill> {
    let table = Table::new()?;
    let meter = Meter::before(table.endpoint()).await?;
    let options = Server::options().table(meter.endpoint(), table.name()).env("LOG_LEVEL", "warn");
    let server = redis.into_iter().fold(options, |options, url| options.env("OW_SC_REDIS_URL", url)).start().await?;
    let api = Api::new(&server);
    let (status, answer) = api.ingest("", "time,species,concentration\n1,SO4,200\n").await?;
    ensure!(status == 200, "{answer}");
    let _watcher = if watched { Some(Socket::ready(&server.ws_url("/ws/effluent")).await?) } else { None };
    if redis.is_some() {
        redis::is_up(&api, true).await?;
    }
    tokio::time::sleep(SETTLE).await;
    Ok(meter.over(RUN).await)
}

//! Several servers on one table: every subscriber gets every event once and in order, whatever happens to Redis or to a
//! server.

use crate::support::until;
use rand::RngExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::fleet::{Fleet, arrived};
use tests::meter::{Bill, Meter};
use tests::redis::{self, RedisServer, mute};
use tests::table::Table;
use tests::{Api, Server, Socket};
use tokio::sync::watch;
use tokio::task::JoinSet;

const SERVERS: usize = 3;
const SUBSCRIBERS: usize = 300;

/// A publisher on each server: so many readings each, one every few milliseconds.
async fn publish(fleet: &Fleet, servers: usize, from: u32, count: u32) -> anyhow::Result<()> {
    let mut publishers = JoinSet::new();
    for (number, server) in fleet.servers.iter().take(servers).enumerate() {
        // There are no alerts: a message that a client has not read when it closes would destroy what it sent.
        let url = server.ws_url("/ws/alerts");
        publishers.spawn(async move {
            let mut socket = Socket::connect(&url).await?;
            for time in from..from + count {
                socket.publish(f64::from(time), &format!("P{number}"), 1.0).await?;
                let pause = rand::rng().random_range(0..8);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            socket.barrier().await?;
            socket.close().await
        });
    }
    while let Some(publisher) = publishers.join_next().await {
        publisher??;
    }
    Ok(())
}

/// Waits until the feed has so many events: then the published readings are stored.
async fn stored(api: &Api, events: u64) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let seq = api.json("/api/overview").await?["seq"].as_u64().unwrap_or_default();
        if seq >= events {
            assert_eq!(seq, events);
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "{seq} events of {events} are stored");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn every_subscriber_of_three_servers_gets_every_event_once_and_in_order() -> anyhow::Result<()> {
    let fleet = Fleet::start(SERVERS, &[]).await?;
    let (last, _) = watch::channel(None);
    let crowd = fleet.subscribe(SUBSCRIBERS, &last);
    publish(&fleet, SERVERS, 0, 60).await?;
    let events = 60 * SERVERS as u64;
    stored(&fleet.api(0), events).await?;
    arrived(crowd, &last, events).await?;
    Ok(())
}

#[tokio::test]
async fn fault_19_redis_may_stop_start_and_hang_and_nothing_is_lost() -> anyhow::Result<()> {
    let mut redis = RedisServer::stopped()?;
    // Started before Redis.
    let fleet = Fleet::start(SERVERS, &[("OW_SC_REDIS_URL", &redis.url())]).await?;
    let (last, _) = watch::channel(None);
    let crowd = fleet.subscribe(SUBSCRIBERS, &last);
    publish(&fleet, SERVERS, 0, 20).await?;
    redis.start().await?;
    for index in 0..SERVERS {
        redis::is_up(&fleet.api(index), true).await?;
    }
    publish(&fleet, SERVERS, 20, 20).await?;
    let killed = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        redis.kill().await
    };
    let (published, killed) = tokio::join!(publish(&fleet, SERVERS, 40, 20), killed);
    published.and(killed)?;
    redis::is_up(&fleet.api(0), false).await?;
    assert_eq!(fleet.api(0).get("/readyz").await?.status(), 200, "without Redis only latency changes");
    redis.start().await?;
    redis::is_up(&fleet.api(0), true).await?;
    // It accepts everything, but no longer answers.
    redis.signal("STOP").await?;
    publish(&fleet, SERVERS, 60, 20).await?;
    redis::is_up(&fleet.api(0), false).await?;
    redis.signal("CONT").await?;
    redis::is_up(&fleet.api(0), true).await?;
    publish(&fleet, SERVERS, 80, 20).await?;
    let events = 100 * SERVERS as u64;
    stored(&fleet.api(0), events).await?;
    arrived(crowd, &last, events).await?;
    Ok(())
}

#[tokio::test]
async fn fault_19_a_redis_that_takes_connections_and_never_answers_holds_nobody_up() -> anyhow::Result<()> {
    let fleet = Fleet::start(2, &[("OW_SC_REDIS_URL", &mute().await?)]).await?;
    let [mut near, mut far] = [
        Socket::ready(&fleet.servers[0].ws_url("/ws/effluent")).await?,
        Socket::ready(&fleet.servers[1].ws_url("/ws/effluent")).await?,
    ];
    let mut publisher = Socket::ready(&fleet.servers[0].ws_url("/ws/effluent")).await?;
    for time in 1..=20u32 {
        publisher.publish(f64::from(time), "X", 1.0).await?;
        for socket in [&mut near, &mut far] {
            let event = socket.next_within(Duration::from_secs(5)).await?.unwrap_or_default();
            assert_eq!(event["time"], f64::from(time));
        }
    }
    assert_eq!(fleet.api(1).get("/readyz").await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_killed_server_costs_its_subscribers_nothing() -> anyhow::Result<()> {
    let mut fleet = Fleet::start(SERVERS, &[]).await?;
    let (last, _) = watch::channel(None);
    let crowd = fleet.subscribe(SUBSCRIBERS, &last);
    publish(&fleet, SERVERS, 0, 30).await?;
    stored(&fleet.api(0), 90).await?;
    let mut doomed = fleet.take_first();
    let killed = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        doomed.kill().await
    };
    let (published, killed) = tokio::join!(publish(&fleet, 2, 30, 40), killed);
    published.and(killed)?;
    stored(&fleet.api(0), 90 + 80).await?;
    let all = arrived(crowd, &last, 90 + 80).await?;
    let moved = all.iter().filter(|one| one.away.len() > 1).count();
    assert_eq!(moved, SUBSCRIBERS / SERVERS, "only those of the killed server");
    Ok(())
}

#[tokio::test]
async fn fault_20_every_server_shows_the_same() -> anyhow::Result<()> {
    let fleet = Fleet::start(2, &[]).await?;
    publish(&fleet, 1, 0, 20).await?;
    stored(&fleet.api(1), 20).await?;
    for path in ["/api/streams", "/api/overview", "/api/status", "/api/series"] {
        let (one, other) = (fleet.api(0).json(path).await?, fleet.api(1).json(path).await?);
        assert_eq!(one, other, "{path}");
    }
    assert_eq!(fleet.api(1).json("/api/streams").await?["count"], 20);
    Ok(())
}

/// Posts files of one reading until told to stop, repeating each until a server has answered. Returns their number.
async fn post(fleet: Arc<tokio::sync::Mutex<Vec<Api>>>, stop: Arc<AtomicBool>, number: u32) -> anyhow::Result<u64> {
    let mut files = 0;
    while !stop.load(Ordering::Relaxed) {
        let file = format!("time,species,concentration\n{files},L{number},1\n");
        loop {
            let api = { fleet.lock().await.first().cloned() };
            let Some(api) = api else { anyhow::bail!("no server") };
            match api.ingest("", file.clone()).await {
                Ok((status, _)) if status == 200 => break,
                // The server is stopping: the same file goes to another one.
                _ => {
                    let mut apis = fleet.lock().await;
                    apis.rotate_left(1);
                    drop(apis);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        files += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(files)
}

#[tokio::test]
async fn a_rolling_restart_under_load_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let mut fleet = Fleet::start(SERVERS, &[]).await?;
    let (last, _) = watch::channel(None);
    let crowd = fleet.subscribe(90, &last);
    let apis = Arc::new(tokio::sync::Mutex::new((0..SERVERS).map(|index| fleet.api(index)).collect::<Vec<_>>()));
    let stop = Arc::new(AtomicBool::new(false));
    let posts: Vec<_> = (0..3).map(|number| tokio::spawn(post(apis.clone(), stop.clone(), number))).collect();
    for _ in 0..SERVERS {
        tokio::time::sleep(Duration::from_millis(300)).await;
        fleet.add().await?;
        let mut old = fleet.take_first();
        *apis.lock().await = (0..SERVERS).map(|index| fleet.api(index)).collect();
        assert!(old.terminate().await?.success());
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let mut files = 0;
    for post in posts {
        files += post.await??;
    }
    // Two events per file: what arrived, and its account.
    stored(&fleet.api(0), 2 * files).await?;
    let all = arrived(crowd, &last, 2 * files).await?;
    let longest = all.iter().flat_map(|one| &one.away[1..]).max().copied().unwrap_or_default();
    assert!(longest < Duration::from_secs(5), "a client was away for {longest:?}");
    let accounts = AtomicU64::new(0);
    for event in all[0].follower.events.values().filter(|event| event["type"] == "ingest") {
        assert_eq!(event["rows_taken"], 1, "{event}");
        accounts.fetch_add(1, Ordering::Relaxed);
    }
    assert_eq!(accounts.into_inner(), files);
    Ok(())
}

/// The allowed cost of following a site: the documented reads of the feed's head, half a read unit each, and a few
/// more, because a busy machine may take longer to slow them down.
fn assert_idle(bill: &Bill, site: &str, period: Duration) {
    let sum = bill.sum();
    let allowed = bill.time.div_duration_f64(period) + 4.0;
    let expected = BTreeMap::from([(("GetItem".to_owned(), format!("FEED#{site}")), sum)]);
    assert_eq!(bill.reads, expected, "nothing else is queried");
    assert!(sum.requests > 0 && f64::from(sum.requests) <= allowed, "{allowed} allowed: {bill:?}");
    assert_eq!(sum.units, f64::from(sum.requests) / 2.0);
}

#[tokio::test]
async fn following_costs_what_is_documented_and_nothing_where_nobody_watches() -> anyhow::Result<()> {
    let table = Table::new()?;
    let mut redis = RedisServer::stopped()?;
    redis.start().await?;
    let meters = [Meter::before(table.endpoint()).await?, Meter::before(table.endpoint()).await?];
    let [alone, hinted] = [0, 1].map(|index: usize| Server::options().table(meters[index].endpoint(), table.name()));
    let (alone, hinted) = (alone.start().await?, hinted.env("OW_SC_REDIS_URL", &redis.url()).start().await?);
    for site in ["watched", "other"] {
        let (status, answer) =
            Api::new(&alone).ingest(&format!("?site={site}"), "time,species,concentration\n1,X,1\n").await?;
        assert_eq!(status, 200, "{answer}");
    }
    redis::is_up(&Api::new(&hinted), true).await?;
    let over = async |time| tokio::join!(meters[0].over(time), meters[1].over(time));

    // The work that files left is done after their answers, by either server.
    let second = async || Ok(over(Duration::from_secs(1)).await);
    let (without, with) = until(second, |(without, with)| without.reads.is_empty() && with.reads.is_empty()).await?;
    assert!(without.reads.is_empty() && with.reads.is_empty(), "nobody subscribes: {without:?} {with:?}");

    let _watchers = [
        Socket::ready(&alone.ws_url("/ws/effluent?site=watched")).await?,
        Socket::ready(&hinted.ws_url("/ws/effluent?site=watched")).await?,
    ];
    // The pauses between queries grow to their maximum.
    over(Duration::from_secs(9)).await;
    let (without, with) = over(Duration::from_secs(6)).await;
    assert_idle(&without, "watched", Duration::from_millis(500));
    assert_idle(&with, "watched", Duration::from_secs(2));
    assert!(with.sum().units < without.sum().units, "{with:?} {without:?}");
    Ok(())
}

#[tokio::test]
async fn redis_is_not_used_where_nobody_shares_the_database() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_REDIS_URL", &mute().await?).start().await?;
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let mut watcher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    publisher.publish(1.0, "X", 1.0).await?;
    assert_eq!(watcher.next().await?["seq"], json!(1));
    assert!(server.log().contains("OW_SC_REDIS_URL is ignored"), "{}", server.log());
    let absent: Value = json!(null);
    assert_eq!(Api::new(&server).json("/readyz").await?["redis"], absent);
    Ok(())
}

/// Subscribers and publishers on other servers with the same table learn of it.
#[tokio::test]
async fn a_site_that_is_removed_by_one_server_is_removed_at_all() -> anyhow::Result<()> {
    let fleet = Fleet::start(2, &[("OW_SC_SWEEP_EVERY", "1")]).await?;
    let url = fleet.servers[1].ws_url("/ws/effluent?site=plant");
    let (mut watching, mut publishing) = (Socket::ready(&url).await?, Socket::ready(&url).await?);
    publishing.publish(1.0, "SO4", 900.0).await?;
    publishing.publish(2.0, "SO4", 900.0).await?;
    let stored = async |socket: &mut Socket| {
        socket.send(&json!({"type": "ping"})).await?;
        socket.next_of("pong").await
    };
    stored(&mut publishing).await?;
    let remove = async |api: Api| {
        let (status, body) = api.delete("/api/sites/plant?confirm=plant&reason=why").await?;
        anyhow::ensure!(status == 200, "{status} {body}");
        Ok(body)
    };
    assert_eq!(remove(fleet.api(0)).await?["readings"], 2);
    watching.next_of("removed").await?;
    publishing.next_of("removed").await?;
    // The other server's cached state of the site no longer counts.
    publishing.publish(3.0, "SO4", 900.0).await?;
    stored(&mut publishing).await?;
    assert_eq!(remove(fleet.api(1)).await?["readings"], 1);
    Ok(())
}

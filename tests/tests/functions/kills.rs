//! Delivery while the delivering processes are killed.

use futures_util::future::try_join_all;
use serde_json::json;
use std::time::{Duration, Instant};
use tests::{Follower, Server, Socket};

const READINGS: u64 = 1_000;
const SUBSCRIBERS: usize = 20;
/// After so many kills it stops: on a slow machine, deliveries that take longer than the time between two kills would
/// never end. Fewer than the hundred retries of a batch in template.yaml.
const KILLS: usize = 60;
/// A killed delivery is retried sooner than this, however often.
const SILENCE: Duration = Duration::from_secs(60);

/// Each reading is an invocation, one after the other. They take a minute and a half alone, and many times that beside
/// other tests on two cores; an idle connection ends after ten minutes.
const STORED: Duration = Duration::from_secs(540);

/// Follows a site to its last event, over as many connections as it takes. Returns their number.
async fn follow(url: &str) -> anyhow::Result<usize> {
    let (mut follower, mut connections) = (Follower::default(), 0);
    while follower.last < READINGS {
        let mut socket = follower.reconnect(url).await?;
        connections += 1;
        while follower.last < READINGS {
            match socket.next_within(SILENCE).await {
                // Fails at a gap, and at a repeat.
                Ok(Some(event)) => follower.take(event),
                Ok(None) => anyhow::bail!("nothing came after event {} for {SILENCE:?}", follower.last),
                // The connection was closed: nobody knows whether it has the events.
                Err(_) => break,
            }
        }
    }
    Ok(connections)
}

/// Kills environments of a function at random moments, until it is aborted or has killed enough.
async fn killing(server: &Server, function: &str, kills: &mut usize) -> anyhow::Result<()> {
    while *kills < KILLS {
        // Often enough to hit invocations at every stage, but not each of them.
        tokio::time::sleep(Duration::from_millis(rand::random_range(10..200))).await;
        let environments = server.environments(function)?;
        if let Some(victim) = environments.get(rand::random_range(0..environments.len().max(1))) {
            let killed = tokio::process::Command::new("kill").args(["-9", &victim.to_string()]).status().await?;
            *kills += usize::from(killed.success());
        }
    }
    std::future::pending().await
}

#[tokio::test]
async fn every_subscriber_gets_every_event_once_while_broadcasting_environments_are_killed() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000").start().await?;
    let url = server.ws_url("/ws/effluent?site=r");
    // The publisher is on another site, so that its connection is not among those that are closed.
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent?site=elsewhere")).await?;
    let following = try_join_all((0..SUBSCRIBERS).map(|_| follow(&url)));
    let publishing = async {
        for number in 0..READINGS {
            publisher.send(&json!({"time": number, "species": "X", "concentration": 1.0, "site": "r"})).await?;
        }
        // When the answer to the last message arrives, everything is stored.
        publisher.send(&json!({"type": "ping"})).await?;
        let pong = publisher.next_within(STORED).await?;
        let is_pong = pong.as_ref().is_some_and(|pong| pong["type"] == "pong");
        anyhow::ensure!(is_pong, "the readings were not stored in time: {pong:?}");
        Ok(())
    };
    let (started, mut kills) = (Instant::now(), 0);
    let connections = tokio::select! {
        done = async { tokio::try_join!(following, publishing) } => done?.0,
        error = killing(&server, "ws-broadcast", &mut kills) => anyhow::bail!("the killer has ended: {error:?}"),
    };
    let ended = connections.iter().sum::<usize>() - SUBSCRIBERS;
    eprintln!("{kills} kills in {:.1?}; {ended} connections had to be reopened", started.elapsed());
    assert!(kills >= 20, "{kills} kills");
    Ok(())
}

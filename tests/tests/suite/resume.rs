//! Subscribing with `after`, reconnecting, and a stopping or killed server: no gap, no repeat.

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tests::{Api, Server, Socket};

/// What a client knows of a site's feed, whatever happens to its connections.
#[derive(Default)]
struct Follower {
    events: BTreeMap<u64, Value>,
    last: u64,
}

impl Follower {
    /// Connects and goes on where it was.
    async fn reconnect(&self, url: &str) -> anyhow::Result<Socket> {
        let mut socket = Socket::connect(url).await?;
        socket.send(&json!({"type": "subscribe", "after": self.last})).await?;
        Ok(socket)
    }

    /// Takes an event. It must be the next one.
    fn take(&mut self, event: Value) {
        let Some(seq) = event["seq"].as_u64().filter(|_| event["type"] != "subscribed") else { return };
        assert_eq!(seq, self.last + 1, "a gap or a repeat: {event}");
        assert!(self.events.insert(seq, event).is_none());
        self.last = seq;
    }
}

#[tokio::test]
async fn a_subscription_replays_what_came_after_and_goes_on_live() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let url = server.ws_url("/ws/effluent?site=other");
    let mut publisher = Socket::ready(&url).await?;
    let mut watcher = Socket::ready(&url).await?;
    for number in 1..=10 {
        publisher.publish(f64::from(number), "X", f64::from(number)).await?;
    }
    for _ in 1..=10 {
        watcher.next().await?;
    }
    let mut late = Socket::connect(&server.ws_url("/ws/effluent")).await?;
    late.send(&json!({"type": "subscribe", "site": "OTHER", "after": 7})).await?;
    let answer = late.next().await?;
    assert_eq!((&answer["type"], &answer["seq"], &answer["lost"]), (&json!("subscribed"), &json!(7), &Value::Null));
    for seq in 8..=10 {
        assert_eq!(late.next().await?["seq"], seq);
    }
    publisher.publish(11.0, "X", 11.0).await?;
    assert_eq!(late.next().await?["seq"], 11);
    // Without `after`: from now on, and the answer says where that is.
    late.send(&json!({"type": "subscribe", "site": "other"})).await?;
    assert_eq!(late.next().await?, json!({"type": "subscribed", "site": "other", "seq": 11}));
    // A place that the feed has not reached, as after the database was replaced.
    late.send(&json!({"type": "subscribe", "site": "other", "after": 99})).await?;
    assert_eq!(late.next().await?, json!({"type": "subscribed", "site": "other", "seq": 11, "reset": true}));
    publisher.publish(12.0, "X", 12.0).await?;
    assert_eq!(late.next().await?["seq"], 12);
    Ok(())
}

#[tokio::test]
async fn a_move_to_another_site_ends_the_events_of_the_first() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent?site=a")).await?;
    let (mut a, mut b) = (
        Socket::ready(&server.ws_url("/ws/effluent?site=a")).await?,
        Socket::ready(&server.ws_url("/ws/effluent?site=b")).await?,
    );
    socket.send(&json!({"type": "subscribe", "site": "b"})).await?;
    assert_eq!(socket.next().await?["type"], "subscribed");
    a.publish(1.0, "FromA", 1.0).await?;
    b.publish(1.0, "FromB", 1.0).await?;
    assert_eq!(socket.next().await?["species"], "FromB");
    socket.barrier().await
}

#[tokio::test]
async fn a_hundred_lost_connections_lose_no_event() -> anyhow::Result<()> {
    const READINGS: u64 = 2_000;
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000").start().await?;
    let url = server.ws_url("/ws/effluent?site=r");
    let mut publisher = Socket::ready(&url).await?;
    let publishing = tokio::spawn(async move {
        for number in 0..READINGS {
            publisher.publish(number as f64, "X", 1.0).await?;
            if number % 4 == 0 {
                // The rate of the run, not a wait for something.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok::<_, anyhow::Error>(publisher)
    });
    let mut follower = Follower::default();
    let mut drops = 0;
    while follower.last < READINGS {
        let mut socket = follower.reconnect(&url).await?;
        let until = if drops < 100 { rand::random_range(1..30) } else { u64::MAX };
        for _ in 0..until {
            if follower.last == READINGS {
                break;
            }
            follower.take(socket.next().await?);
        }
        // Dropped without a close frame, wherever it was.
        drop(socket);
        drops += 1;
    }
    publishing.await??;
    assert!(drops >= 100, "{drops}");
    let times: Vec<_> = follower.events.values().map(|event| event["time"].as_f64().unwrap_or(-1.0) as u64).collect();
    assert_eq!(times, (0..READINGS).collect::<Vec<_>>(), "in the order of publishing");
    Ok(())
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_and_loses_nothing() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let options = || Server::options().data(data.path()).env("OW_SC_WS_MSGS_PER_SEC", "100000");
    let mut server = options().start().await?;
    let url = server.ws_url("/ws/effluent");
    let mut publisher = Socket::ready(&url).await?;
    let mut subscribers =
        join_all((0..5).map(|_| Socket::ready(&url))).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    for number in 0..500 {
        publisher.publish(f64::from(number), "X", 1.0).await?;
    }
    publisher.barrier().await?;
    let started = std::time::Instant::now();
    let (status, closed) = tokio::join!(server.terminate(), join_all(subscribers.iter_mut().map(Socket::closed)));
    assert!(status?.success());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let mut resume = Vec::new();
    for end in closed {
        let (frame, events) = end?;
        let frame = frame.expect("a close frame");
        assert_eq!(u16::from(frame.code), 1001);
        assert!(frame.reason.contains("stopping"), "{}", frame.reason);
        resume.push(events.last().and_then(|event| event["seq"].as_u64()).unwrap_or_default());
    }
    // The pong came when all had been received, so that all are in the feed and have been delivered.
    assert_eq!(resume, [500; 5]);
    let server = options().start().await?;
    let series = Api::new(&server).list("/api/series", "series").await?;
    let readings = Api::new(&server)
        .json(&format!("/api/readings?site=default&series={}", series[0]["id"].as_str().unwrap_or_default()))
        .await?;
    assert_eq!(readings["total"], 500);
    Ok(())
}

#[tokio::test]
async fn what_was_delivered_before_kill_9_is_there_afterwards() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let options = || Server::options().data(data.path()).env("OW_SC_WS_MSGS_PER_SEC", "100000");
    let mut follower = Follower::default();
    for round in 0..3 {
        let mut server = options().start().await?;
        let url = server.ws_url("/ws/effluent");
        let mut publisher = Socket::ready(&url).await?;
        let mut socket = follower.reconnect(&url).await?;
        let flood = tokio::spawn(async move {
            for number in 0..u32::MAX {
                let time = f64::from(round) * 1e6 + f64::from(number);
                if publisher.publish(time, "SO4", 240.0 + f64::from(number % 20)).await.is_err() {
                    return;
                }
            }
        });
        let enough = follower.last + 400;
        while follower.last < enough {
            follower.take(socket.next().await?);
        }
        server.kill().await?;
        flood.await?;
    }
    // The feed that is stored is the one that was delivered, reading for reading, and it goes on from there.
    let server = options().start().await?;
    let mut replay = Follower::default();
    let mut socket = replay.reconnect(&server.ws_url("/ws/effluent")).await?;
    while replay.last < follower.last {
        replay.take(socket.next().await?);
    }
    assert!(replay.events.iter().eq(follower.events.iter()));
    // Every reading of the feed is stored, and every alert of it is there.
    let api = Api::new(&server);
    let id = api.list("/api/series", "series").await?[0]["id"].as_str().unwrap_or_default().to_owned();
    let stored = api.json(&format!("/api/readings?site=default&series={id}&max_points=100000")).await?;
    let stored: BTreeMap<u64, f64> = stored["readings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|point| (point["time"].as_f64().unwrap_or(-1.0) as u64, point["value"].as_f64().unwrap_or(-1.0)))
        .collect();
    for event in replay.events.values().filter(|event| event["type"] == "reading") {
        let time = event["time"].as_f64().unwrap_or(-1.0) as u64;
        assert_eq!(stored.get(&time).copied(), event["concentration"].as_f64(), "{event}");
    }
    let exceeding = stored.values().filter(|value| **value > 250.0).count();
    let alerts = api.list("/api/alerts?limit=1000", "alerts").await?;
    assert_eq!(alerts.iter().filter(|alert| alert["statistic"] == "instant").count(), exceeding);
    Ok(())
}

//! Subscribing with `after` and reconnecting: no gap, no repeat.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Follower, Server, Socket};

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
    // A position that the feed has not reached, as when the database was replaced.
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
    assert_eq!(times, (0..READINGS).collect::<Vec<_>>(), "in the order in which they were published");
    Ok(())
}

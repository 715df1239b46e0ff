//! Several environments that publish to one site conflict on its head.

use futures_util::future::try_join_all;
use serde_json::json;
use std::collections::BTreeSet;
use tests::{Server, Socket};

const PUBLISHERS: u64 = 8;
const READINGS: u64 = 25;

/// Publishes readings at its own times; any refusal would arrive before the answer to the ping.
async fn publish(url: String, number: u64) -> anyhow::Result<()> {
    let mut socket = Socket::ready(&url).await?;
    for reading in 0..READINGS {
        let time = number * READINGS + reading;
        socket.send(&json!({"time": time, "species": "X", "concentration": 1.0, "site": "shared"})).await?;
    }
    socket.barrier().await
}

#[tokio::test]
async fn publishers_in_many_environments_lose_no_reading() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000").start().await?;
    let mut reader = Socket::ready(&server.ws_url("/ws/effluent?site=shared")).await?;
    let url = server.ws_url("/ws/effluent?site=elsewhere");
    try_join_all((0..PUBLISHERS).map(|number| publish(url.clone(), number))).await?;
    let environments = server.environments("ws-message")?.len();
    assert!(environments >= 2, "{environments} environments");
    let mut times = BTreeSet::new();
    for seq in 1..=PUBLISHERS * READINGS {
        let event = reader.next().await?;
        assert_eq!(event["seq"], seq);
        times.extend(event["time"].as_u64());
    }
    assert!(times.into_iter().eq(0..PUBLISHERS * READINGS));
    Ok(())
}

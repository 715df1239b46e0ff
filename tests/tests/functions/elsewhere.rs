//! The functions on tables that are not the gateway's own; on DynamoDB Local by `make test-dynamodb`.

use crate::support::{permitted, tidy, until};
use serde_json::json;
use tests::table::Table;
use tests::{Api, Follower, Server, Socket};

#[tokio::test]
async fn files_and_readings_come_to_everybody_through_tables_elsewhere() -> anyhow::Result<()> {
    let table = Table::new()?;
    let server = Server::options().argument("--database").argument(table.endpoint()).start().await?;
    let (api, url) = (Api::new(&server), server.ws_url("/ws/effluent"));
    permitted(&api, "default", &json!({"limits": [{"parameter": "SO4", "value": 250, "statistic": "instant"}]}))
        .await?;
    let mut followers = [Follower::default(), Follower::default()];
    let mut sockets = [followers[0].reconnect(&url).await?, followers[1].reconnect(&url).await?];

    let (status, answer) = api.ingest("", tidy(&["1,SO4,200", "2,SO4,900", "3,SO4,200"])).await?;
    assert_eq!((status.as_u16(), &answer["alerts"]["total"]), (200, &json!(1)), "{answer}");
    // The file's events: what arrived, its alert, and its account.
    while followers[1].events.values().all(|event| event["type"] != "ingest") {
        followers[1].take(sockets[1].next().await?);
    }
    let mut publisher = Socket::ready(&server.ws_url("/ws/alerts")).await?;
    publisher.publish(4.0, "SO4", 901.0).await?;
    for (follower, socket) in followers.iter_mut().zip(&mut sockets) {
        let alerts = |follower: &Follower| follower.events.values().filter(|event| event["type"] == "alerts").count();
        while alerts(follower) < 2 {
            follower.take(socket.next().await?);
        }
    }
    let status = api.json("/api/status").await?;
    assert_eq!(
        (&status["sites"][0]["site"], &status["sites"][0]["alerts"]),
        (&json!("default"), &json!(2)),
        "{status}"
    );
    assert_eq!(api.json("/api/ingests").await?["ingests"][0]["state"], "done");
    // Counters arrive when invocations end.
    let metrics = async || Ok(api.get("/metrics").await?.text().await?);
    let counted = |text: &String| text.contains("ws_messages_received_total 4");
    let text = until(metrics, counted).await?;
    assert!(counted(&text), "{text}");
    Ok(())
}

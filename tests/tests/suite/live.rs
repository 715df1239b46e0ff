//! The client protocol on a real server.

use serde_json::json;
use tests::{Server, Socket};

#[tokio::test]
async fn a_published_reading_reaches_every_other_subscriber() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let url = server.ws_url("/ws/effluent");
    let (mut publisher, mut a, mut b) =
        (Socket::ready(&url).await?, Socket::ready(&url).await?, Socket::ready(&url).await?);
    publisher.send(&json!({"time": 1.0, "species": "SO4", "concentration": 251.2, "operator": "Jo"})).await?;
    for subscriber in [&mut a, &mut b] {
        let reading = subscriber.next().await?;
        assert_eq!(
            (&reading["type"], &reading["site"], &reading["seq"]),
            (&json!("reading"), &json!("default"), &json!(1))
        );
        assert_eq!(
            (&reading["time"], &reading["species"], &reading["concentration"], &reading["operator"]),
            (&json!(1.0), &json!("SO4"), &json!(251.2), &json!("Jo"))
        );
        assert!(reading["timestamp"].is_string());
        let alerts = subscriber.next().await?;
        assert_eq!((&alerts["type"], &alerts["seq"]), (&json!("alerts"), &json!(2)));
        assert_eq!(alerts["alerts"][0]["percent"], 0);
    }
    // The publisher gets the alert, not its own reading.
    assert_eq!(publisher.next().await?["type"], "alerts");
    publisher.barrier().await
}

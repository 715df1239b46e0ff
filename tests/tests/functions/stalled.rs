//! A subscriber that does not read, among others that do.

use crate::support::until;
use serde_json::json;
use tests::{Api, Server, Socket};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

const READINGS: u64 = 700;
/// With so much in each note, the stalled subscriber's queue is full after a few hundred readings.
const NOTE: usize = 7_000;

/// A subscriber that never reads, with kernel buffers as small as possible.
async fn stalled(server: &Server) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(server.address().parse()?).await?;
    let request = format!(
        "GET /ws?site=r HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address()
    );
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_ended_and_the_others_get_everything() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "100000").start().await?;
    let dead = stalled(&server).await?;
    let url = server.ws_url("/ws/effluent?site=r");
    let mut readers = [Socket::ready(&url).await?, Socket::ready(&url).await?];
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent?site=elsewhere")).await?;
    let publishing = async {
        let note = "x".repeat(NOTE);
        for number in 0..READINGS {
            let reading = json!({"time": number, "species": "X", "concentration": 1.0, "site": "r", "note": note});
            publisher.send(&reading).await?;
        }
        anyhow::Ok(())
    };
    let reading = async {
        for seq in 1..=READINGS {
            for reader in &mut readers {
                assert_eq!(reader.next().await?["seq"], seq);
            }
        }
        anyhow::Ok(())
    };
    tokio::try_join!(publishing, reading)?;
    let api = Api::new(&server);
    let metrics = async || Ok(api.get("/metrics").await?.text().await?);
    let ended = |text: &String| {
        text.contains("ws_errors_total{code=\"too_slow\"} 1\n") && text.contains("ws_active_connections 3\n")
    };
    let text = until(metrics, ended).await?;
    drop(dead);
    assert!(ended(&text), "the stalled subscriber is still there: {text}");
    Ok(())
}

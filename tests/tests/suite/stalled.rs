//! One subscriber that does not read among many that do.

use std::time::{Duration, Instant};
use tests::tap::{Tap, number, quantile};
use tests::{Server, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

/// Seconds that the run takes; the long one is 60.
fn seconds() -> u64 {
    std::env::var("OWSC_TEST_STALL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

/// The length of a run of readings, in the note of each: the stalled one's buffers are full after a few seconds.
const NOTE: usize = 4000;

/// A subscriber that never reads, with as little room in the kernel as there can be.
async fn stalled(server: &Server) -> anyhow::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(server.address().parse()?).await?;
    let request = format!(
        "GET /ws/effluent HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address()
    );
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Reads `count` readings; their latencies. Panics at a gap or a repeat.
async fn follow(mut tap: Tap, start: Instant, count: u64) -> anyhow::Result<Vec<u64>> {
    let (mut latencies, mut last) = (Vec::new(), 0);
    while last < count {
        let open = tap.read(|frame| {
            let seq = number(frame, "seq").expect("every event has its place");
            assert_eq!(seq, last + 1, "a gap or a repeat");
            last = seq;
            let sent = number(frame, "sent").expect("every reading says when it was sent");
            latencies.push((start.elapsed().as_micros() as u64).saturating_sub(sent));
        });
        anyhow::ensure!(open.await?, "closed after {last}");
    }
    Ok(latencies)
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_delays_nobody() -> anyhow::Result<()> {
    const SUBSCRIBERS: usize = 499;
    const RATE: u32 = 50;
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "1000").env("LOG_LEVEL", "warn").start().await?;
    let mut dead = stalled(&server).await?;
    let (start, count) = (Instant::now(), seconds() * u64::from(RATE));
    let mut readers = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        readers.spawn(follow(Tap::connect(server.address(), "/ws/effluent").await?, start, count));
    }
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let begin = Instant::now();
    for number in 0..count as u32 {
        // The rate of the run, not a wait for something.
        tokio::time::sleep_until((begin + number * Duration::from_secs(1) / RATE).into()).await;
        let sent = start.elapsed().as_micros() as u64;
        let note = "x".repeat(NOTE);
        let reading =
            serde_json::json!({"time": number, "species": "Flow", "concentration": 1, "sent": sent, "note": note});
        publisher.send(&reading).await?;
    }
    let mut latencies = Vec::new();
    while let Some(reader) = readers.join_next().await {
        latencies.extend(reader??);
    }
    latencies.sort_unstable();
    assert_eq!(latencies.len() as u64, SUBSCRIBERS as u64 * count);
    let (p50, p99) = (quantile(&latencies, 0.5) as f64 / 1e3, quantile(&latencies, 0.99) as f64 / 1e3);
    eprintln!("{SUBSCRIBERS} readers, {RATE}/s for {} s: p50 {p50:.1} ms, p99 {p99:.1} ms", seconds());
    publisher.barrier().await?;
    // It had its chance: nothing of the readers' has been lost for it.
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(1), dead.read_to_end(&mut rest)).await;
    assert!(!rest.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_told_why_it_is_dropped() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "1000000").start().await?;
    let mut dead = stalled(&server).await?;
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let note = "x".repeat(NOTE);
    for number in 0..10_000 {
        let reading = serde_json::json!({"time": number, "species": "Flow", "concentration": 1, "note": note});
        publisher.send(&reading).await?;
    }
    publisher.barrier().await?;
    // Who joins now gets what comes now, and the publisher goes on.
    let mut joined = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    publisher.publish(10_000.0, "After", 1.0).await?;
    while joined.next().await?["species"] != "After" {}
    publisher.barrier().await?;
    // Now it reads: what had been on its way, and at the end the close frame with the reason.
    let mut bytes = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), dead.read_to_end(&mut bytes)).await??;
    let close = bytes.windows(2).rposition(|pair| pair[0] == 0x88).expect("a close frame");
    let payload = &bytes[close + 2..];
    assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), 1013);
    let reason = String::from_utf8_lossy(&payload[2..]);
    assert!(reason.starts_with("too slow; reconnect and subscribe with after="), "{reason}");
    // It can go on from there, and the metrics tell of it.
    let text = tests::Api::new(&server).get("/metrics").await?.text().await?;
    assert!(text.contains(r#"ws_errors_total{code="too_slow"} 1"#), "{text}");
    Ok(())
}

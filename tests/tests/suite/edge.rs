//! The listening socket with silent or slow clients: they lock nobody out, and are removed.

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tests::{Api, Server, Socket, host};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

const TOKEN: &str = "right";
/// By then, every client that keeps the server waiting is gone.
const GONE: Duration = Duration::from_secs(60);

/// The beginnings of requests that are never completed.
const SILENT: &str = "";
const HALF_HEAD: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const HALF_BODY: &str =
    "POST /api/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";

fn stalled_upload() -> String {
    let head = format!(
        "POST /api/ingest?site=slow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: text/csv\r\nContent-Length: 9000000\r\n\r\ntime,species,concentration\n"
    );
    head + &"2026-01-01T00:00:00Z,SO4,1\n".repeat(1000)
}

/// A server that may open so many files.
async fn with_descriptors(count: u32) -> anyhow::Result<(tempfile::TempDir, Server)> {
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("limited");
    std::fs::write(
        &script,
        format!("#!/bin/sh\nulimit -n {count}\nexec {} \"$@\"\n", host::binaries().join("owsc").display()),
    )?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let server = Server::options().program(&script).env("OW_SC_API_TOKEN", TOKEN).start().await?;
    Ok((directory, server))
}

/// Connects, sends this, and then waits.
async fn waits(address: &str, sent: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    // If there is no room, the connection is closed at once.
    let _ = stream.write_all(sent.as_bytes()).await;
    Ok(stream)
}

/// Checks that the server ends a connection in time.
async fn ends(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut answer = Vec::new();
    // Whether it is answered first does not matter here.
    if tokio::time::timeout(GONE / 2, stream.read_to_end(&mut answer)).await.is_err() {
        // When many connect at once, the server's kernel may drop the last step of a handshake: the client believes it
        // is connected, but the server knows nothing of it until something is sent, which is answered with a reset
        // (`tcp_abort_on_overflow` in `man 7 tcp`). A connection that the server does hold stays open.
        let _ = stream.write_all(b"x").await;
        let _ = tokio::time::timeout(GONE / 2, stream.read_to_end(&mut answer)).await.context("a connection stays")?;
    }
    Ok(())
}

/// Connects again each time the server ends the connection, until this moment.
async fn comes_again(address: &str, sent: &str, until: Instant) -> anyhow::Result<()> {
    loop {
        ends(waits(address, sent).await?).await?;
        if Instant::now() > until {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A client with another address: `/livez`, a WebSocket and an upload.
async fn somebody_else(address: &str, round: usize) -> anyhow::Result<()> {
    let client = Client::builder().local_address(std::net::IpAddr::from([127, 0, 0, 2])).build()?;
    let alive = client.get(format!("http://{address}/livez")).send().await?;
    ensure!(alive.status() == StatusCode::OK, "{alive:?}");
    let file = format!("time,species,concentration\n{round},SO4,{round}\n");
    let post = client.post(format!("http://{address}/api/ingest?site=other")).bearer_auth(TOKEN);
    let stored = post.header("content-type", "text/csv").body(file).send().await?;
    ensure!(stored.status() == StatusCode::OK, "{stored:?}");
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.2:0".parse()?)?;
    let stream = socket.connect(address.parse()?).await?;
    let url = format!("ws://{address}/ws/effluent?token={TOKEN}");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    socket.send(Message::text(json!({"type": "ping"}).to_string())).await?;
    let pong = socket.next().await.context("the connection ends")??;
    ensure!(serde_json::from_str::<Value>(pong.to_text()?)?["type"] == "pong", "{pong:?}");
    Ok(())
}

/// 300 silent clients, 300 half heads, 300 half bodies and 8 stalled uploads, from one address: other clients notice
/// nothing. With `OWSC_SILENT_SECONDS`, each ended connection is opened again for that time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_the_server_waiting_shuts_nobody_out() -> anyhow::Result<()> {
    let (_script, server) = with_descriptors(1024).await?;
    let (address, upload) = (server.address().to_owned(), stalled_upload());
    let mut sent = vec![upload.as_str(); 8];
    for kind in [HALF_BODY, HALF_HEAD, SILENT] {
        sent.extend([kind; 300]);
    }
    let began = Instant::now();
    let seconds = std::env::var("OWSC_SILENT_SECONDS").map_or(Ok(0), |text| text.parse())?;
    let until = began + Duration::from_secs(seconds);
    let attack = sent.into_iter().map(|sent| {
        let (address, sent) = (address.clone(), sent.to_owned());
        async move { comes_again(&address, &sent, until).await }
    });
    let mut ending = tokio::spawn(try_join_all(attack.collect::<Vec<_>>()));
    let mut round = 0;
    let ended = loop {
        round += 1;
        somebody_else(&address, round).await?;
        tokio::select! {
            ended = &mut ending => break ended,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    };
    ended??;
    ensure!(began.elapsed() < Duration::from_secs(seconds) + GONE, "they ended only after {:?}", began.elapsed());
    ensure!(round > 20 && began.elapsed() > Duration::from_secs(14), "they went too soon: {round}");
    let api = Api::new(&server).with_token(TOKEN);
    let metrics = api.get("/metrics").await?.text().await?;
    let refused = metrics.lines().find(|line| line.starts_with("owsc_connections_refused_total{reason=\"address\"}"));
    let refused = refused.and_then(|line| line.rsplit(' ').next()).context("not counted")?;
    ensure!(refused.parse::<u32>()? > 300, "{refused}");
    Ok(())
}

/// A control room shares one token and one address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_screens_with_one_token_are_not_refused() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_API_TOKEN", TOKEN).env("OW_SC_RL_PER_SEC", "10").start().await?;
    let api = Api::new(&server).with_token(TOKEN);
    let screen = async || -> anyhow::Result<()> {
        let _socket = Socket::ready(&server.ws_url(&format!("/ws/effluent?token={TOKEN}"))).await?;
        for path in ["/api/status", "/api/overview", "/api/alerts", "/api/series"] {
            api.json(path).await?;
        }
        Ok(())
    };
    try_join_all((0..50).map(|_| screen())).await?;
    // A stranger at the same address has a lower limit.
    let stranger = Api::new(&server).with_token("wrong");
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(stranger.get("/api/status").await?.status());
    }
    ensure!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    Ok(())
}

/// However much of it has arrived.
#[tokio::test]
async fn a_body_that_stops_is_answered_with_408() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_API_TOKEN", TOKEN).start().await?;
    let mut stream = waits(server.address(), &stalled_upload()).await?;
    let mut answer = String::new();
    tokio::time::timeout(GONE, stream.read_to_string(&mut answer)).await.context("a connection stays")??;
    ensure!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request_timeout\""), "{answer}");
    Ok(())
}

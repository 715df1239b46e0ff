//! Properties of a single server process: its start, its end, and its own connections.

use crate::support::{everything, serve};
use anyhow::Context;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tests::server::owsc;
use tests::{Api, Follower, PATIENCE, Server, Socket};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_demonstration_is_loaded_into_an_empty_database_only() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let mut shown = Vec::new();
    for _ in 0..2 {
        let mut server = Server::options().demo().data(data.path()).start().await?;
        let api = Api::new(&server);
        let status = api.json("/api/status").await?;
        assert_eq!((&status["sites"][0]["site"], &status["sites"][0]["alerts"]), (&json!("demo"), &json!(8)));
        assert_eq!(status["sites"].as_array().map(Vec::len), Some(1));
        shown.push(everything(&api, "demo").await?);
        server.terminate().await?;
    }
    assert_eq!(shown[0], shown[1]);
    // Limits on clients do not apply to it.
    let _server =
        Server::options().demo().env("OW_SC_MAX_CSV_BYTES", "60").env("OW_SC_MAX_CSV_ROWS", "1").start().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_is_open_to_others_with_a_token_or_a_word() -> anyhow::Result<()> {
    let options = |host: &str| Server::options().argument("--host").argument(host);
    for host in ["0.0.0.0", "::"] {
        let (status, log) = options(host).run_to_end().await?;
        assert!(
            !status.success() && log.contains("OW_SC_API_TOKEN") && log.contains("OW_SC_ALLOW_ANONYMOUS=1"),
            "{log}"
        );
    }
    let meant = ("OW_SC_ALLOW_ANONYMOUS", "1");
    for (host, (name, value), warned) in [
        ("0.0.0.0", meant, true),
        ("0.0.0.0", ("OW_SC_API_TOKEN", "secret"), false),
        ("127.0.0.1", ("OW_SC_API_TOKEN", ""), false),
    ] {
        let mut server = options(host).env(name, value).start().await?;
        server.terminate().await?;
        assert_eq!(server.log().contains("OW_SC_API_TOKEN is not set"), warned, "{host} {name}: {}", server.log());
    }
    Ok(())
}

/// A page whose own name was made to resolve to this host.
#[tokio::test]
async fn without_a_token_other_hosts_and_strangers_pages_are_refused() -> anyhow::Result<()> {
    let (server, api) = serve(Server::options().env("OW_SC_HOSTS", "plant.example")).await?;
    let asked = async |method: Method, headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(api.request(method, "/api/status"), |request, (name, value)| request.header(*name, *value));
        let (status, body) = tests::client::read(request.send().await?).await?;
        anyhow::Ok((status.as_u16(), body["error"]["code"].as_str().unwrap_or_default().to_owned()))
    };
    assert_eq!(asked(Method::GET, &[("host", "plant.example")]).await?.0, 200);
    assert_eq!(asked(Method::GET, &[("host", "evil.example")]).await?, (421, "misdirected".into()));
    // It need not even be a method of that path.
    assert_eq!(asked(Method::POST, &[("origin", "https://evil.example")]).await?, (403, "forbidden".into()));
    let socket = Socket::connect_with(&server.ws_url("/ws/effluent"), &[("host", "evil.example")]).await;
    assert_eq!(socket.err(), Some(421));
    let (_server, api) = serve(Server::options().env("OW_SC_API_TOKEN", "right")).await?;
    let known = api.with_token("right").request(Method::GET, "/api/status").header("host", "any.example");
    assert_eq!(known.send().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_plain_request_to_a_live_path_is_told_what_is_expected() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let (status, body) = tests::client::read(Api::new(&server).get("/ws/effluent").await?).await?;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (400, &json!("bad_request")));
    assert!(body["error"]["message"].as_str().is_some_and(|message| message.contains("WebSocket")));
    Ok(())
}

#[tokio::test]
async fn a_client_that_is_still_sending_gets_the_reason_of_a_refusal() -> anyhow::Result<()> {
    let (_server, api) = serve(Server::options().env("OW_SC_MAX_CSV_BYTES", "1000")).await?;
    for _ in 0..5 {
        let (status, body) = api.ingest("", "x".repeat(20_000_000)).await?;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
        let (status, _) = api.ingest("?unknown=1", "x".repeat(20_000_000)).await?;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
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
    // The pong came after everything was received, so everything is in the feed and was delivered.
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
    // The stored feed is the one that was delivered, reading for reading, and continues from there.
    let server = options().start().await?;
    let mut replay = Follower::default();
    let mut socket = replay.reconnect(&server.ws_url("/ws/effluent")).await?;
    while replay.last < follower.last {
        replay.take(socket.next().await?);
    }
    assert!(replay.events.iter().eq(follower.events.iter()));
    // Every reading of the feed is stored, and every alert of it exists.
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

#[tokio::test]
async fn a_path_that_is_not_utf_8_is_refused() -> anyhow::Result<()> {
    let (_server, api) = serve(Server::options()).await?;
    let (status, body) = tests::client::read(api.get("/api/permits/%ff").await?).await?;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (400, &json!("bad_request")));
    Ok(())
}

async fn health(url: &str) -> anyhow::Result<(bool, String)> {
    let output = owsc().args(["health", "--url", url]).output().await?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[tokio::test]
async fn health_asks_a_server_and_says_what_is_wrong() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let (ready, missing) = (server.url("/readyz"), server.url("/nowhere"));
    assert_eq!(health(&ready).await?, (true, String::new()));
    let (ok, said) = health(&missing).await?;
    assert!(!ok && said.contains("404"), "{said}");
    server.kill().await?;
    let (ok, said) = health(&ready).await?;
    assert!(!ok && said.contains("does not answer") && said.contains(&ready), "{said}");
    Ok(())
}

/// The greeting of a program up to the line with `mark`, and the word after it.
async fn greeted(command: &mut Command, mark: &str) -> anyhow::Result<(String, String)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let mut greeting = String::new();
    while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await?? {
        greeting.push_str(&line);
        if let Some((_, rest)) = line.split_once(mark) {
            let url = rest.trim().to_owned();
            assert!(Api::at(url.trim_end_matches('/')).get("/").await.is_ok(), "{url} does not listen");
            return Ok((greeting, url));
        }
    }
    anyhow::bail!("no {mark:?} in {greeting}")
}

/// All other tests start programs with `--ready-line`.
#[tokio::test]
async fn people_are_greeted_with_addresses() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut serve = owsc();
    serve.args(["serve", "--port", "0", "--database", "embedded"]).env("OW_SC_DATA_DIR", folder.path());
    let (greeting, url) = greeted(&mut serve, "Start page  ").await?;
    assert!(greeting.contains("is running") && url.starts_with("http://127.0.0.1:"), "{greeting}");
    let template = folder.path().join("template.yaml");
    std::fs::write(&template, "Resources: {Plant: {Type: AWS::S3::Bucket}}")?;
    let mut gateway = Command::new(tests::host::binaries().join("local-gateway"));
    gateway.args(["--port", "0", "--template"]).arg(template).arg("--data-dir").arg(folder.path().join("local"));
    let (greeting, url) = greeted(gateway.kill_on_drop(true), "--endpoint-url ").await?;
    assert!(greeting.contains("is running") && url.starts_with("http://127.0.0.1:"), "{greeting}");
    Ok(())
}

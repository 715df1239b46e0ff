//! The client protocol on a real server.

use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::{Api, Server, Socket};
use tokio_tungstenite::tungstenite::Message;

/// The fields of an event that the protocol promises.
fn flat(event: &Value) -> (&str, &str, u64) {
    (
        event["type"].as_str().unwrap_or_default(),
        event["site"].as_str().unwrap_or_default(),
        event["seq"].as_u64().unwrap_or_default(),
    )
}

fn reading(time: f64, species: &str, value: f64) -> Value {
    json!({"time": time, "species": species, "concentration": value})
}

#[tokio::test]
async fn a_published_reading_reaches_every_other_subscriber() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let url = server.ws_url("/ws/effluent");
    let mut publisher = Socket::ready(&url).await?;
    let mut subscribers = [Socket::ready(&url).await?, Socket::ready(&url).await?];
    publisher.send(&json!({"time": 1.0, "species": "SO4", "concentration": 251.2, "operator": "Jo"})).await?;
    for subscriber in &mut subscribers {
        let event = subscriber.next().await?;
        assert_eq!(flat(&event), ("reading", "default", 1));
        for (field, value) in [
            ("time", json!(1.0)),
            ("species", json!("SO4")),
            ("concentration", json!(251.2)),
            ("operator", json!("Jo")),
        ] {
            assert_eq!(event[field], value, "{field}");
        }
        assert!(event["timestamp"].is_string());
        let alerts = subscriber.next().await?;
        assert_eq!(flat(&alerts), ("alerts", "default", 2));
        assert_eq!(alerts["alerts"][0]["value"], 251.2);
    }
    // The publisher gets the alert, but not its own reading.
    assert_eq!(flat(&publisher.next().await?), ("alerts", "default", 2));
    publisher.barrier().await
}

#[tokio::test]
async fn a_published_reading_is_stored_and_judged() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent?site=north")).await?;
    let mut watcher = Socket::ready(&server.ws_url("/ws/effluent?site=north")).await?;
    for (time, value) in [(1.0, 200.0), (2.0, 900.0), (3.0, 200.0)] {
        publisher.send(&reading(time, "SO4", value)).await?;
    }
    let mut found = 0;
    while found < 2 {
        found += watcher.next_of("alerts").await?["alerts"].as_array().map_or(0, Vec::len);
    }
    let correction = json!({"time": 2.0, "species": "SO4", "concentration": 100.0, "replaces": true});
    publisher.send(&correction).await?;
    publisher
        .send(&json!({"time": 1.0, "species": "as", "concentration": 11, "unit": "ug/L", "outfall": "002"}))
        .await?;
    // 900 exceeds, and so does the mean of three; the correction to 100 withdraws both. Changes that arrive together
    // may be announced together.
    let (mut withdrawn, mut raised) = (0, false);
    while withdrawn < 2 || !raised {
        let event = watcher.next_of("alerts").await?;
        withdrawn += event["withdrawn"].as_array().map_or(0, Vec::len);
        raised |= event["alerts"].as_array().is_some_and(|alerts| alerts.iter().any(|alert| alert["outfall"] == "002"));
    }
    let series = api.list("/api/series?site=north", "series").await?;
    assert_eq!(series.len(), 2);
    let so4 = series.iter().find(|series| series["parameter"] == "SO4").expect("SO4 was published");
    let id = so4["id"].as_str().unwrap_or_default();
    let readings = api.json(&format!("/api/readings?site=north&series={id}")).await?;
    let values: Vec<_> = readings["readings"].as_array().expect("a list").iter().map(|point| &point["value"]).collect();
    assert_eq!(values, [200.0, 100.0, 200.0]);
    let alerts = api.list("/api/alerts?site=north", "alerts").await?;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((&alerts[0]["parameter"], &alerts[0]["percent"]), (&json!("as"), &json!(10)));
    Ok(())
}

#[tokio::test]
async fn single_readings_and_files_are_judged_together() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent?site=mix")).await?;
    let mut watcher = Socket::ready(&server.ws_url("/ws/alerts?site=mix")).await?;
    let (status, _) = api.ingest("?site=mix", "time,species,concentration\n1,SO4,240\n2,SO4,240\n").await?;
    assert_eq!(status, 200);
    // The third reading is within the limit, and so is the mean: 240, 240, 249 makes 243 and no alert.
    socket.publish(3.0, "SO4", 249.0).await?;
    socket.publish(4.0, "so4", 270.0).await?;
    let alerts = watcher.next().await?;
    let found: Vec<_> = alerts["alerts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|alert| (&alert["statistic"], &alert["value"]))
        .collect();
    assert_eq!(found, [(&json!("instant"), &json!(270.0)), (&json!("rolling_mean(3)"), &json!(253.0))]);
    // A file that corrects one of them withdraws the mean.
    let (_, answer) = api.ingest("?site=mix", "time,species,concentration\n3,SO4,100\n").await?;
    assert_eq!(answer["alerts"]["withdrawn"], 1, "{answer}");
    assert_eq!(watcher.next().await?["withdrawn"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn an_ingest_by_http_reaches_subscribers() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let mut all = Socket::ready(&server.ws_url("/ws/effluent?site=lab")).await?;
    let mut alerts_only = Socket::ready(&server.ws_url("/ws/alerts?site=lab")).await?;
    let mut elsewhere = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    Api::new(&server).ingest("?site=lab", "time,species,concentration\n1,SO4,200\n2,SO4,900\n").await?;
    let kinds = [all.next().await?, all.next().await?, all.next().await?];
    assert_eq!(kinds.each_ref().map(flat), [("readings", "lab", 1), ("alerts", "lab", 2), ("ingest", "lab", 3)]);
    assert_eq!(kinds[2]["rows_taken"], 2);
    assert_eq!(flat(&alerts_only.next().await?), ("alerts", "lab", 2));
    alerts_only.barrier().await?;
    elsewhere.barrier().await
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_the_connection_goes_on() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let url = server.ws_url("/ws/effluent");
    let (mut socket, mut other) = (Socket::ready(&url).await?, Socket::ready(&url).await?);
    for message in [
        Message::text(""),
        Message::text("not json"),
        Message::text("{}"),
        Message::text("[]"),
        Message::text(r#"{"hello":"world"}"#),
        Message::text(r#"{"time":1,"species":"SO4","concentration":NaN}"#),
        Message::text(r#"{"time":1,"species":"SO4","concentration":null}"#),
        Message::text(r#"{"type":"subscribe","after":"x"}"#),
    ] {
        socket.send_raw(message.clone()).await?;
        let answer = socket.next().await?;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("bad_message")), "{message:?}");
        assert!(answer["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    // None of that was passed on, but new messages are, in both directions.
    socket.publish(1.0, "X", 1.0).await?;
    assert_eq!(other.next().await?["species"], "X");
    other.publish(2.0, "Y", 1.0).await?;
    assert_eq!(socket.next().await?["species"], "Y");
    let streams = Api::new(&server).json("/api/streams").await?;
    assert_eq!(streams["count"], 2);
    Ok(())
}

#[tokio::test]
async fn message_sizes_count_the_bytes_received_on_both_sides_of_the_limit() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_WS_MAX_MESSAGE_BYTES", "300").start().await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let mut other = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    // Each ü is two bytes on the wire, and six as an escape: the wire counts.
    let message = |length: usize| {
        let head = r#"{"time":1,"species":"X","concentration":1,"note":""#;
        let fill = length - head.len() - 2;
        format!("{head}{}{}\"}}", "ü".repeat(fill / 2), "x".repeat(fill % 2))
    };
    socket.send_raw(Message::text(message(300))).await?;
    assert_eq!(other.next().await?["type"], "reading");
    socket.send_raw(Message::text(message(301))).await?;
    let answer = socket.next().await?;
    assert_eq!(
        (&answer["code"], answer["detail"].as_str().map(|d| d.contains("301"))),
        (&json!("too_large"), Some(true))
    );
    // It is not even JSON, but only the size is checked.
    socket.send_raw(Message::text("x".repeat(100_000))).await?;
    assert_eq!(socket.next().await?["code"], "too_large");
    socket.barrier().await?;
    other.barrier().await
}

#[tokio::test]
async fn a_message_beyond_the_wire_limit_ends_the_connection_with_the_reason() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let limit = live::protocol::MAX_WIRE_BYTES;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    socket.send_raw(Message::text("x".repeat(limit))).await?;
    assert_eq!(socket.next().await?["code"], "too_large");
    // The server may close before everything is sent.
    let _ = socket.send_raw(Message::text("x".repeat(limit + 1))).await;
    let (frame, _) = socket.closed().await?;
    assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1009));
    Ok(())
}

#[tokio::test]
async fn above_the_rate_limit_every_message_is_answered() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_WS_MSGS_PER_SEC", "20").start().await?;
    let started = Instant::now();
    let (mut publisher, mut subscriber) =
        (Socket::ready(&server.ws_url("/ws/effluent")).await?, Socket::ready(&server.ws_url("/ws/effluent")).await?);
    for number in 0..200 {
        publisher.publish(f64::from(number), "X", 1.0).await?;
    }
    let (mut arrived, mut refused) = (0, 0);
    let (deadline, moment) = (Instant::now() + Duration::from_secs(120), Duration::from_millis(100));
    while arrived + refused < 200 && Instant::now() < deadline {
        while let Some(answer) = publisher.next_within(moment).await? {
            assert_eq!(answer["code"], "rate_limited");
            refused += 1;
        }
        while let Some(event) = subscriber.next_within(moment).await? {
            assert_eq!(event["type"], "reading");
            arrived += 1;
        }
    }
    assert_eq!(arrived + refused, 200);
    // One of the first twenty was the ping; how many more there can be depends on how long it took.
    let most = (20.0 + 20.0 * started.elapsed().as_secs_f64()).ceil() as u32;
    assert!((19..=most).contains(&arrived), "{arrived} of at most {most} arrived");
    Ok(())
}

#[tokio::test]
async fn tokens_are_wanted_at_both_paths_and_guesses_are_limited() -> anyhow::Result<()> {
    let mut server = Server::options().env("OW_SC_API_TOKEN", "right").env("OW_SC_RL_PER_SEC", "10").start().await?;
    for path in ["/ws/effluent", "/ws/alerts"] {
        let url = server.ws_url(path);
        assert_eq!(Socket::connect_with(&url, &[]).await.err(), Some(401), "{path}");
        assert_eq!(Socket::connect_with(&server.ws_url(&format!("{path}?token=wrong")), &[]).await.err(), Some(401));
        assert!(Socket::connect_with(&server.ws_url(&format!("{path}?token=right")), &[]).await.is_ok());
        assert!(Socket::connect_with(&url, &[("authorization", "Bearer right")]).await.is_ok());
        assert!(Socket::connect_with(&url, &[("sec-websocket-protocol", "owsc, bearer.right")]).await.is_ok());
        assert_eq!(
            Socket::connect_with(&url, &[("sec-websocket-protocol", "owsc, bearer.wrong")]).await.err(),
            Some(401)
        );
    }
    let (started, at) = (Instant::now(), &server);
    let guesses = (0..100).map(|guess| async move {
        Socket::connect_with(&at.ws_url(&format!("/ws/alerts?token=guess{guess}")), &[]).await.err()
    });
    let answers: Vec<_> = futures_util::stream::iter(guesses).buffer_unordered(10).collect().await;
    let judged = answers.iter().filter(|status| **status == Some(401)).count();
    // Ten in each second that has begun.
    let most = 10 * (started.elapsed().as_secs() as usize + 2);
    assert!(judged <= most && answers.contains(&Some(429)), "{judged} of at most {most}: {answers:?}");
    assert!(answers.iter().all(|status| matches!(status, Some(401 | 429))), "{answers:?}");
    let log = server.whole_log().await?;
    assert!(!log.contains("guess") && !log.contains("right"), "tokens are not logged: {log}");
    Ok(())
}

#[tokio::test]
async fn what_a_connection_cannot_be_made_for_is_refused() -> anyhow::Result<()> {
    let server = Server::start().await?;
    for path in ["/ws/effluent?site=%07", "/ws/effluent?site=", "/ws/alerts?wait=maybe"] {
        assert_eq!(Socket::connect_with(&server.ws_url(path), &[]).await.err(), Some(400), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_message_to_a_client_that_asked_for_the_wait() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let mut publisher = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let mut waiting = Socket::connect(&server.ws_url("/ws/effluent?wait=true")).await?;
    publisher.publish(1.0, "X", 1.0).await?;
    publisher.barrier().await?;
    assert_eq!(waiting.next_within(Duration::from_secs(2)).await?, None, "longer than for a client without ?wait=true");
    waiting.send(&json!({"type": "ping"})).await?;
    let mut frames = [waiting.next().await?, waiting.next().await?];
    frames.sort_by_key(|frame| frame["type"] == "reading");
    assert_eq!((&frames[0]["type"], &frames[1]["seq"]), (&json!("pong"), &json!(1)), "{frames:?}");
    publisher.publish(2.0, "X", 1.0).await?;
    assert_eq!(waiting.next().await?["seq"], 2);
    Ok(())
}

#[tokio::test]
async fn strangers_pages_may_not_connect_without_a_token() -> anyhow::Result<()> {
    let server = Server::options().env("OW_SC_CORS_ORIGINS", "https://plant.example").start().await?;
    let url = server.ws_url("/ws/effluent");
    assert_eq!(Socket::connect_with(&url, &[("origin", "https://evil.example")]).await.err(), Some(403));
    assert!(Socket::connect_with(&url, &[("origin", "https://plant.example")]).await.is_ok());
    assert!(Socket::connect_with(&url, &[("origin", &format!("http://{}", server.address()))]).await.is_ok());
    Ok(())
}

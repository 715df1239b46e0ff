//! `/metrics` after a known run.

use crate::support::{served, taken, tidy, until};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Stdio;
use tests::host::{self, Host};
use tests::{Api, ECHO, Server, Socket};
use tokio::io::AsyncWriteExt;

/// Samples by name and labels, the labels in order.
async fn scraped(api: &Api) -> anyhow::Result<BTreeMap<String, f64>> {
    let text = api.get("/metrics").await?.text().await?;
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples
        .map(|line| {
            Ok(line.rsplit_once(' ').map(|(name, value)| value.parse().map(|v| (sorted(name), v))).transpose()?)
        })
        .filter_map(Result::transpose)
        .collect()
}

fn sorted(name: &str) -> String {
    let Some((name, labels)) = name.trim_end_matches('}').split_once('{') else { return name.to_owned() };
    let mut labels: Vec<_> = labels.split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

fn check(found: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        assert_eq!(found.get(&sorted(name)), Some(value), "{name} in {found:#?}");
    }
}

#[tokio::test]
async fn files_rows_alerts_and_requests_are_counted_exactly() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for _ in 0..3 {
        api.json("/api/status").await?;
    }
    for number in 0..2 {
        api.get(&format!("/api/nowhere/{number}")).await?;
    }
    let file = tidy(&["1,SO4,260", "2,SO4,900", "3,SO4,x", "4,SO4,", "5,Zn,1"]);
    taken(&api, "", file.clone()).await?;
    taken(&api, "", file).await?;
    taken(&api, "?site=echo", ECHO).await?;
    api.ingest("?strict=true", tidy(&["1,Zn,x", "2,Zn,1"])).await?;
    api.ingest("", "a,b\n1,2\n").await?;
    api.get("/api/permits/a").await?;
    api.get("/api/permits/b").await?;
    let found = scraped(&api).await?;
    check(
        &found,
        &[
            (r#"owsc_ingests_total{outcome="stored"}"#, 2.0),
            (r#"owsc_ingests_total{outcome="known"}"#, 1.0),
            (r#"owsc_ingests_total{outcome="refused"}"#, 2.0),
            (r#"owsc_ingest_rows_total{outcome="taken"}"#, 723.0),
            (r#"owsc_ingest_rows_total{outcome="refused"}"#, 2.0),
            (r#"owsc_ingest_rows_total{outcome="without_reading"}"#, 1.0),
            ("owsc_ingest_duration_seconds_count", 5.0),
            (r#"owsc_http_requests_total{method="GET",route="/api/status",status="200"}"#, 3.0),
            (r#"owsc_http_requests_total{method="GET",route="unknown",status="404"}"#, 2.0),
            (r#"owsc_http_requests_total{method="POST",route="/api/ingest",status="200"}"#, 3.0),
            (r#"owsc_http_requests_total{method="POST",route="/api/ingest",status="422"}"#, 2.0),
            (r#"owsc_http_requests_total{method="GET",route="/api/permits/{site}",status="200"}"#, 2.0),
            (r#"owsc_http_request_duration_seconds_count{route="/api/status"}"#, 3.0),
            ("owsc_store_retries_total", 0.0),
        ],
    );
    let series = api.list("/api/series?limit=1000", "series").await?.len();
    assert_eq!(found["owsc_evaluation_duration_seconds_count"], series as f64, "each series once");
    let mut levels = BTreeMap::new();
    for alert in api.list("/api/alerts?limit=1000", "alerts").await? {
        *levels.entry(alert["severity"].as_str().unwrap_or("?").to_owned()).or_insert(0.0) += 1.0;
    }
    for level in ["info", "watch", "warning", "critical"] {
        let expected = levels.get(level).copied().unwrap_or_default();
        check(&found, &[(&format!("owsc_alerts_total{{level=\"{level}\"}}"), expected)]);
    }
    assert_eq!(levels.values().sum::<f64>(), 10.0);
    Ok(())
}

#[tokio::test]
async fn live_connections_and_messages_are_counted_exactly() -> anyhow::Result<()> {
    let (server, api) = served().await?;
    let url = server.ws_url("/ws/effluent");
    let (mut publisher, mut subscriber) = (Socket::ready(&url).await?, Socket::ready(&url).await?);
    for time in 1..=3 {
        publisher.publish(f64::from(time), "Zn", 1.0).await?;
        assert_eq!(subscriber.next().await?["type"], "reading");
    }
    publisher.send(&json!({"type": "nonsense"})).await?;
    assert_eq!(publisher.next().await?["code"], "bad_message");
    publisher.send(&json!({"type": "ping", "padding": "x".repeat(9000)})).await?;
    assert_eq!(publisher.next().await?["code"], "too_large");
    let expected = [
        ("ws_connections_total", 2.0),
        ("ws_active_connections", 2.0),
        // Three readings, a ping after each, and the two refused ones.
        ("ws_messages_received_total", 7.0),
        ("ws_messages_broadcast_total", 3.0),
        (r#"ws_errors_total{code="bad_message"}"#, 1.0),
        (r#"ws_errors_total{code="too_large"}"#, 1.0),
        ("ws_message_size_bytes_count", 7.0),
        (r#"ws_message_size_bytes_bucket{le="64"}"#, 6.0),
        (r#"ws_message_size_bytes_bucket{le="8192"}"#, 6.0),
        (r#"ws_message_size_bytes_bucket{le="+Inf"}"#, 7.0),
        ("owsc_push_latency_seconds_count", 3.0),
    ];
    let has_all = |found: &BTreeMap<_, _>| expected.iter().all(|(name, value)| found.get(&sorted(name)) == Some(value));
    check(&until(async || scraped(&api).await, has_all).await?, &expected);
    publisher.close().await?;
    subscriber.close().await?;
    let none_left = until(async || scraped(&api).await, |found| found["ws_active_connections"] == 0.0).await?;
    check(&none_left, &[("ws_active_connections", 0.0)]);
    Ok(())
}

/// The metrics that the product promises by name: dashboards and rules use them.
const PROMISED: [&str; 19] = [
    "ws_active_connections",
    "ws_connections_total",
    "ws_messages_received_total",
    "ws_messages_broadcast_total",
    "ws_errors_total",
    "ws_message_size_bytes",
    "stream_buffer_len",
    "owsc_ingest_rows_total",
    "owsc_ingests_total",
    "owsc_ingest_duration_seconds",
    "owsc_evaluation_duration_seconds",
    "owsc_alerts_total",
    "owsc_push_latency_seconds",
    "owsc_http_requests_total",
    "owsc_http_request_duration_seconds",
    "owsc_store_retries_total",
    "owsc_unsettled",
    "owsc_unsettled_oldest_seconds",
    "owsc_settle_attempts_total",
];
/// Further metrics that a server promises: functions do not use Redis.
const PROMISED_BY_SERVERS: [&str; 2] = ["owsc_redis_up", "owsc_redis_hints_dropped_total"];

fn of_servers() -> impl Iterator<Item = &'static str> {
    PROMISED_BY_SERVERS.into_iter().filter(|_| host::under_test() == Host::Server)
}

async fn busy() -> anyhow::Result<(Server, Api)> {
    let (server, api) = served().await?;
    taken(&api, "", tidy(&["1,SO4,900"])).await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    socket.send(&json!(5)).await?;
    socket.next_of("error").await?;
    socket.publish(2.0, "SO4", 900.0).await?;
    socket.next_of("alerts").await?;
    Ok((server, api))
}

#[tokio::test]
async fn every_promised_metric_is_there_with_help_and_type() -> anyhow::Result<()> {
    let (_server, api) = busy().await?;
    let response = api.get("/metrics").await?;
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let promised = PROMISED.into_iter().chain(of_servers());
    let lines: Vec<_> = promised.flat_map(|name| [format!("# HELP {name} "), format!("# TYPE {name} ")]).collect();
    let text = async || Ok(api.get("/metrics").await?.text().await?);
    let text = until(text, |text| lines.iter().all(|line| text.contains(line))).await?;
    for line in lines {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn what_rules_look_at_is_there_before_anything_happened() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let zero = [
        "ws_active_connections",
        "ws_connections_total",
        "ws_messages_received_total",
        "ws_messages_broadcast_total",
        "stream_buffer_len",
        "owsc_store_retries_total",
    ];
    let before = scraped(&api).await?;
    check(&before, &zero.into_iter().chain(of_servers()).map(|name| (name, 0.0)).collect::<Vec<_>>());
    for (name, label, values) in [
        ("owsc_alerts_total", "level", &["info", "watch", "warning", "critical"][..]),
        ("owsc_ingests_total", "outcome", &["stored", "known", "refused", "failed"]),
        ("owsc_ingest_rows_total", "outcome", &["taken", "refused", "without_reading"]),
        ("owsc_settle_attempts_total", "outcome", &["written", "behind", "stale", "failed"]),
        (
            "ws_errors_total",
            "code",
            &["rate_limited", "too_large", "bad_message", "unavailable", "too_slow", "silent", "unknown_delivery"],
        ),
    ] {
        let mut series: Vec<_> = values.iter().map(|value| format!("{name}{{{label}=\"{value}\"}}")).collect();
        series.sort_unstable();
        let found = before.keys().filter(|key| key.starts_with(&format!("{name}{{")));
        assert!(found.eq(&series), "{name} in {before:#?}");
        check(&before, &series.iter().map(|series| (series.as_str(), 0.0)).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test]
async fn promtool_has_nothing_to_say() -> anyhow::Result<()> {
    let (_server, api) = busy().await?;
    let text = api.get("/metrics").await?.text().await?;
    let mut promtool = tokio::process::Command::new("promtool");
    let spawned =
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else {
        tests::skip::skip("the format of /metrics, as promtool is not installed (Debian package prometheus)");
        return Ok(());
    };
    let mut input = child.stdin.take().ok_or_else(|| anyhow::anyhow!("no standard input"))?;
    input.write_all(text.as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    Ok(())
}

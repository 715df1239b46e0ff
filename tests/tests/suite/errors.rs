//! The common format of refusals, and the log of requests.

use crate::support::{serve, served, tidy};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Server, Socket};

#[tokio::test]
async fn whatever_is_wrong_is_told_in_the_envelope() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for (method, path, body, status, code) in [
        ("GET", "/nothing", "", 404, "not_found"),
        ("GET", "/api", "", 404, "not_found"),
        ("GET", "/api/", "", 404, "not_found"),
        ("GET", "/api/status/", "", 404, "not_found"),
        ("POST", "/ws/nothing", "", 404, "not_found"),
        ("DELETE", "/api/status", "", 405, "method_not_allowed"),
        ("GET", "/api/ingest", "", 405, "method_not_allowed"),
        ("POST", "/metrics", "", 405, "method_not_allowed"),
        ("BREW", "/health", "", 405, "method_not_allowed"),
        ("PUT", "/api/permits/default", "", 400, "bad_request"),
        ("PUT", "/api/permits/default", "{", 400, "bad_request"),
        ("PUT", "/api/permits/default", "\u{feff}{}", 400, "bad_request"),
        ("PUT", "/api/permits/%20", "{\"limits\":[]}", 400, "bad_request"),
        ("POST", "/api/advise", "NaN", 400, "bad_request"),
        ("POST", "/api/advise", "{\"alerts\":[}", 400, "bad_request"),
        ("GET", "/api/readings?site=a", "", 400, "bad_request"),
        ("GET", "/api/readings?site=a&series=b&max_points=1.5", "", 400, "bad_request"),
    ] {
        let request = api.request(method.parse()?, path).header("content-type", "application/json");
        let response = request.body(body).send().await?;
        let name = format!("{method} {path} {body}");
        assert_eq!(response.headers()["content-type"], "application/json", "{name}");
        let id = response.headers()["x-request-id"].to_str()?.to_owned();
        let (got, answer) = tests::client::read(response).await?;
        assert_eq!((got.as_u16(), &answer["error"]["code"]), (status, &json!(code)), "{name}: {answer}");
        assert_eq!(answer["error"]["request_id"], id, "{name}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.len() > 5), "{name}");
    }
    Ok(())
}

/// Nested deeply, but within the parser's own limit.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn fault_18_nulls_and_numbers_where_lists_are_expected_are_refused_and_break_nothing() -> anyhow::Result<()> {
    let (mut server, api) = served().await?;
    for body in [
        json!(null),
        json!(5),
        json!("x"),
        json!(true),
        json!({}),
        json!({"alerts": null}),
        json!({"alerts": 5}),
        json!({"alerts": {}}),
        json!({"alerts": [null]}),
        json!({"alerts": [5]}),
        json!({"alerts": [[]]}),
        json!({"alerts": [{}]}),
        json!({"alerts": [{"parameter": null}]}),
        json!({"alerts": [{"parameter": 5}]}),
        json!({"alerts": [{"parameter": "Ni", "severity": 5}]}),
        json!({"alerts": [{"parameter": "Ni", "action": null}]}),
        nested(100),
    ] {
        for (path, method) in [("/api/advise", Method::POST), ("/api/permits/default", Method::PUT)] {
            let response = api.request(method, path).json(&body).send().await?;
            let (status, answer) = tests::client::read(response).await?;
            assert_eq!((status.as_u16(), &answer["error"]["code"]), (422, &json!("invalid")), "{path} {body}");
        }
    }
    let (status, advice) = api.post("/api/advise", &json!({"alerts": []})).await?;
    assert_eq!((status, advice), (StatusCode::OK, json!({"alert_count": 0, "actions": [], "recommendations": []})));
    let log = server.whole_log().await?;
    assert!(!log.contains("panic"), "{log}");
    Ok(())
}

#[tokio::test]
async fn advice_takes_alerts_as_they_were_listed() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    api.ingest("", tidy(&["1,SO4,260", "2,SO4,900", "3,Ni,0.11"])).await?;
    let listed = api.json("/api/alerts").await?;
    let (status, advice) = api.post("/api/advise", &listed).await?;
    assert_eq!((status, &advice["alert_count"]), (StatusCode::OK, &json!(3)), "{advice}");
    let actions: Vec<_> = advice["actions"].as_array().into_iter().flatten().map(|a| a["parameter"].as_str()).collect();
    assert_eq!(actions, [Some("SO4"), Some("Ni")], "the gravest first");
    assert_eq!(api.post("/api/advise", &listed["alerts"]).await?.1, advice, "a bare list means the same");
    Ok(())
}

#[tokio::test]
async fn tokens_never_reach_the_log() -> anyhow::Result<()> {
    for format in ["text", "json"] {
        let options =
            Server::options().env("OW_SC_API_TOKEN", "right-s3cret").env("OW_SC_METRICS_TOKEN", "scrape-s3cret");
        let options = options.env("OW_SC_METRICS_PROTECT", "1").env("LOG_FORMAT", format).env("LOG_LEVEL", "trace");
        let (mut server, api) = serve(options).await?;
        for token in ["right-s3cret", "wrong-s3cret", "scrape-s3cret"] {
            let api = api.with_token(token);
            for path in ["/api/status", "/metrics", "/nothing", &format!("/api/status?token={token}")] {
                api.get(path).await?;
            }
            for path in ["/ws/effluent", "/ws/alerts"] {
                drop(Socket::connect_with(&server.ws_url(&format!("{path}?token={token}")), &[]).await);
                let protocols = format!("owsc, bearer.{token}");
                drop(Socket::connect_with(&server.ws_url(path), &[("sec-websocket-protocol", &protocols)]).await);
            }
        }
        let log = server.whole_log().await?;
        assert!(log.contains("/api/status"), "{log}");
        assert!(!log.contains("s3cret"), "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn each_request_has_one_line_in_the_log_with_its_id() -> anyhow::Result<()> {
    for format in ["text", "json"] {
        let (mut server, api) = serve(Server::options().env("LOG_FORMAT", format)).await?;
        let requests = [
            ("GET", "/api/status?site=a", "/api/status", 200),
            ("GET", "/nothing%0A%1B", "/nothing%0A%1B", 404),
            ("DELETE", "/health", "/health", 405),
            ("PUT", "/api/permits/a", "/api/permits/a", 415),
            ("POST", "/api/ingest", "/api/ingest", 415),
            ("GET", "/metrics", "/metrics", 200),
        ];
        for (number, (method, path, _, status)) in requests.into_iter().enumerate() {
            let request = api.request(method.parse()?, path).header("x-request-id", format!("known-id-{number}"));
            assert_eq!(request.send().await?.status(), status);
        }
        let log = server.whole_log().await?;
        for (number, (method, _, path, status)) in requests.into_iter().enumerate() {
            let id = format!("known-id-{number}");
            let lines: Vec<_> = log.lines().filter(|line| line.contains(&id)).collect();
            assert_eq!(lines.len(), 1, "{format} {id}\n{log}");
            if format == "json" {
                let line: Value = serde_json::from_str(lines[0])?;
                let fields =
                    ["message", "method", "path", "request_id", "client", "level"].map(|name| line[name].as_str());
                assert_eq!(fields, ["request", method, path, &id, "127.0.0.1", "INFO"].map(Some));
                assert_eq!(line["status"], status);
                assert!(line["ms"].is_f64() && line["timestamp"].is_string());
            } else {
                for part in [method.to_owned(), path.to_owned(), format!("status={status}")] {
                    assert!(lines[0].contains(&part), "{part} is not in {}", lines[0]);
                }
            }
        }
        if format == "json" {
            for line in log.lines() {
                serde_json::from_str::<Value>(line)?;
            }
        }
    }
    Ok(())
}

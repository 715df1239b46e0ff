//! Tokens, rate limits, headers, request ids and CORS.

use crate::support::{serve, served, tidy};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Instant;
use tests::{Api, Server, Socket};

const TOKEN: &str = "correct-horse-battery";

fn with_token() -> tests::server::Options {
    Server::options().env("OW_SC_API_TOKEN", TOKEN)
}

/// Every documented operation under `/api`, so that new ones are tested automatically.
async fn operations(api: &Api) -> anyhow::Result<Vec<(Method, String)>> {
    let document = api.json("/docs/openapi.json").await?;
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        let path = path.replace("{site}", "default").replace("{id}", "none");
        for method in methods.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
            all.push((method.parse()?, path.clone()));
        }
    }
    all.retain(|(_, path)| path.starts_with("/api/"));
    anyhow::ensure!(all.len() >= 10, "too few operations: {all:?}");
    Ok(all)
}

async fn ask(api: &Api, method: &Method, path: &str, authorization: Option<&str>) -> anyhow::Result<Response> {
    let mut request = api.request(method.clone(), path);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    Ok(request.send().await?)
}

#[tokio::test]
async fn every_api_route_wants_the_token() -> anyhow::Result<()> {
    let (_server, api) = serve(with_token()).await?;
    let (cut, longer) = (format!("Bearer {}", &TOKEN[..8]), format!("Bearer {TOKEN}x"));
    let (right, basic, bare) = (format!("Bearer {TOKEN}"), format!("Basic {TOKEN}"), TOKEN.to_owned());
    let upper = format!("Bearer {}", TOKEN.to_uppercase());
    let wrong = [&cut, &longer, &basic, &bare, &upper].map(|text| Some(text.as_str()));
    for (method, path) in operations(&api).await? {
        for sent in wrong.into_iter().chain([None, Some("Bearer"), Some("Bearer ")]) {
            let response = ask(&api, &method, &path, sent).await?;
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let (status, body) = tests::client::read(response).await?;
            assert_eq!(
                (status, &body["error"]["code"]),
                (StatusCode::UNAUTHORIZED, &json!("unauthorized")),
                "{method} {path} {sent:?}"
            );
        }
        assert_ne!(
            ask(&api, &method, &path, Some(&right)).await?.status(),
            StatusCode::UNAUTHORIZED,
            "{method} {path}"
        );
    }
    assert_ne!(
        ask(&api, &Method::GET, "/api/status", Some(&format!("bearer {TOKEN}"))).await?.status(),
        StatusCode::UNAUTHORIZED
    );
    // A token in the query is not accepted: it would end up in the logs of proxies.
    assert_eq!(api.get(&format!("/api/status?token={TOKEN}")).await?.status(), StatusCode::UNAUTHORIZED);
    for open in ["/", "/health", "/livez", "/readyz", "/docs", "/docs/openapi.json", "/style.css"] {
        assert_eq!(api.get(open).await?.status(), StatusCode::OK, "{open}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_configured_token_none_is_wanted() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for (method, path) in operations(&api).await? {
        assert_ne!(ask(&api, &method, &path, None).await?.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    Ok(())
}

#[tokio::test]
async fn fault_16_both_websockets_want_the_token_in_one_of_three_places() -> anyhow::Result<()> {
    let (server, _) = serve(with_token()).await?;
    let (bearer, protocol) = (format!("Bearer {TOKEN}"), format!("owsc, bearer.{TOKEN}"));
    for path in ["/ws/effluent", "/ws/alerts"] {
        let url = server.ws_url(path);
        let connect =
            async |url: &str, headers: &[(&'static str, &str)]| Socket::connect_with(url, headers).await.map(drop);
        assert_eq!(connect(&url, &[]).await, Err(401), "{path}");
        assert_eq!(connect(&server.ws_url(&format!("{path}?token=wrong")), &[]).await, Err(401));
        assert_eq!(connect(&url, &[("authorization", "Bearer wrong")]).await, Err(401));
        assert_eq!(connect(&url, &[("sec-websocket-protocol", "owsc, bearer.wrong")]).await, Err(401));
        assert_eq!(connect(&server.ws_url(&format!("{path}?token={TOKEN}")), &[]).await, Ok(()));
        assert_eq!(connect(&url, &[("authorization", &bearer)]).await, Ok(()));
        assert_eq!(connect(&url, &[("sec-websocket-protocol", &protocol)]).await, Ok(()));
    }
    Ok(())
}

/// Sends so many quick requests: how many get each of two statuses, and the most that the limit can have let through.
async fn counted(
    limit: f64,
    tries: usize,
    ask: impl AsyncFn() -> anyhow::Result<u16>,
    let_through: u16,
) -> anyhow::Result<(usize, usize)> {
    let (started, mut through) = (Instant::now(), 0);
    for _ in 0..tries {
        match ask().await? {
            status if status == let_through => through += 1,
            status => anyhow::ensure!(status == 429, "{status}"),
        }
    }
    Ok((through, (limit + limit * started.elapsed().as_secs_f64()).ceil() as usize))
}

#[tokio::test]
async fn fault_16_guesses_are_limited_and_the_right_token_does_not_shine_through() -> anyhow::Result<()> {
    let (_server, api) = serve(with_token().env("OW_SC_RL_PER_SEC", "5")).await?;
    let guess = async || Ok(ask(&api, &Method::GET, "/api/status", Some("Bearer guess")).await?.status().as_u16());
    let (compared, most) = counted(5.0, 100, guess, 401).await?;
    assert!((5..=most).contains(&compared), "{compared} of at most {most}");
    // A client that guesses is ignored for a while, on all paths: another server gets the next guesses.
    let (server, _) = serve(with_token().env("OW_SC_RL_PER_SEC", "5")).await?;
    let url = server.ws_url("/ws/alerts?token=guess");
    let guess = async || Ok(Socket::connect_with(&url, &[]).await.map(drop).err().unwrap_or(200));
    let (compared, most) = counted(5.0, 100, guess, 401).await?;
    assert!((5..=most).contains(&compared), "{compared} of at most {most}");
    Ok(())
}

#[tokio::test]
async fn requests_are_limited_by_path_on_both_sides_and_told_when_to_come_again() -> anyhow::Result<()> {
    let (_server, api) = serve(Server::options().env("OW_SC_RL_PER_SEC", "5")).await?;
    let status = async || Ok(api.get("/api/status").await?.status().as_u16());
    let (taken, most) = counted(5.0, 60, status, 200).await?;
    assert!((5..=most).contains(&taken), "{taken} of at most {most}");
    let refused = loop {
        let response = api.get("/api/status").await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            break response;
        }
    };
    assert_eq!(refused.headers()["retry-after"], "1");
    let body: Value = refused.json().await?;
    assert_eq!(body["error"]["code"], "rate_limited");
    // Another path has its own count, and pages outside the API have none.
    assert_eq!(api.get("/api/series").await?.status(), StatusCode::OK);
    for _ in 0..30 {
        assert_eq!(api.get("/health").await?.status(), StatusCode::OK);
    }
    // A client that waits as told is accepted.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(api.get("/api/status").await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn no_client_chooses_its_address() -> anyhow::Result<()> {
    let (_server, api) = serve(Server::options().env("OW_SC_RL_PER_SEC", "5")).await?;
    let number = std::cell::Cell::new(0);
    let claiming = async || {
        number.set(number.get() + 1);
        let request = api.request(Method::GET, "/api/status");
        Ok(request.header("x-forwarded-for", format!("192.0.2.{}", number.get())).send().await?.status().as_u16())
    };
    let (taken, most) = counted(5.0, 60, claiming, 200).await?;
    assert!((5..=most).contains(&taken), "{taken} of at most {most}");
    Ok(())
}

#[tokio::test]
async fn fault_17_invented_paths_are_no_keys_and_parameters_do_not_make_new_ones() -> anyhow::Result<()> {
    let (_server, api) = serve(Server::options().env("OW_SC_RL_PER_SEC", "5")).await?;
    let lines = async || anyhow::Ok(api.get("/metrics").await?.text().await?.lines().count());
    assert_eq!(api.get("/api/nothing").await?.status(), StatusCode::NOT_FOUND);
    assert_eq!(api.get("/api/status").await?.status(), StatusCode::OK);
    lines().await?;
    let before = lines().await?;
    for number in 0..100 {
        assert_eq!(api.get(&format!("/api/nothing/{number}")).await?.status(), StatusCode::NOT_FOUND, "never counted");
    }
    assert_eq!(lines().await?, before, "100 invented paths are one series of metrics");
    assert_eq!(api.get("/api/status").await?.status(), StatusCode::OK, "they did not use up any allowance");
    let number = std::cell::Cell::new(0);
    let permit = async || {
        number.set(number.get() + 1);
        Ok(api.get(&format!("/api/permits/site-{}", number.get())).await?.status().as_u16())
    };
    let (taken, most) = counted(5.0, 60, permit, 200).await?;
    assert!((5..=most).contains(&taken), "{taken} of at most {most}: all sites are one path");
    Ok(())
}

#[tokio::test]
async fn metrics_are_protected_as_configured() -> anyhow::Result<()> {
    let (protect, open) = (("OW_SC_METRICS_PROTECT", "1"), ("OW_SC_METRICS_PROTECT", "0"));
    // Blank is unset. Otherwise, the functions under test are open.
    let unset = ("OW_SC_METRICS_PROTECT", "");
    let (token, own) = (("OW_SC_API_TOKEN", "api"), ("OW_SC_METRICS_TOKEN", "own"));
    let cases = [
        (&[][..], [200, 200, 200, 200]),
        (&[unset, token], [401, 200, 401, 401]),
        (&[unset, own], [401, 401, 200, 401]),
        (&[unset, token, own], [401, 401, 200, 401]),
        (&[open, token, own], [200, 200, 200, 200]),
        (&[protect], [403, 403, 403, 403]),
        (&[protect, token], [401, 200, 401, 401]),
        (&[protect, own], [401, 401, 200, 401]),
        (&[protect, token, own], [401, 401, 200, 401]),
    ];
    for (env, statuses) in cases {
        let options = env.iter().fold(Server::options(), |options, (name, value)| options.env(name, value));
        let (_server, api) = serve(options).await?;
        for (sent, status) in [None, Some("Bearer api"), Some("Bearer own"), Some("Bearer ")].into_iter().zip(statuses)
        {
            let response = ask(&api, &Method::GET, "/metrics", sent).await?;
            assert_eq!(response.status(), status, "{env:?} {sent:?}");
            let text = response.text().await?;
            assert_eq!(text.contains("owsc_"), status == 200, "{text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_response_carries_the_security_headers_and_a_request_id() -> anyhow::Result<()> {
    let options = with_token().env("OW_SC_RL_PER_SEC", "3").env("OW_SC_MAX_CSV_BYTES", "100");
    let (_server, api) = serve(options).await?;
    let known = api.with_token(TOKEN);
    let csv = async |body: String| {
        known.request(Method::POST, "/api/ingest").header("content-type", "text/csv").body(body).send().await
    };
    let mut responses = vec![
        (200, known.get("/api/status").await?),
        (200, api.get("/").await?),
        (200, api.get("/docs").await?),
        (200, known.get("/metrics").await?),
        (200, api.get("/readyz").await?),
        (401, api.get("/api/series").await?),
        (404, api.get("/nothing").await?),
        (405, api.request(Method::DELETE, "/health").send().await?),
        (400, known.get("/api/alerts?limit=x").await?),
        (413, csv("x".repeat(101)).await?),
        (422, csv("a,b\n1,2\n".into()).await?),
        (415, known.request(Method::POST, "/api/ingest").body("x").send().await?),
    ];
    // With a wrong token: the right one has a hundred times as much.
    let guessing = api.with_token("guess");
    let limited = loop {
        let response = guessing.get("/api/streams").await?;
        if response.status() == 429 {
            break response;
        }
    };
    responses.push((429, limited));
    for (expected, response) in responses {
        assert_eq!(response.status(), expected, "{}", response.url());
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("none");
        assert!(header("strict-transport-security").starts_with("max-age="), "{}", response.url());
        assert!(header("content-security-policy").contains("default-src 'none'"), "{}", response.url());
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        let id = header("x-request-id").to_owned();
        assert!(id.len() >= 8, "{id}");
        if expected >= 400 {
            let body: Value = response.json().await?;
            assert_eq!(body["error"]["request_id"], id, "{body}");
            assert!(body["error"]["code"].is_string() && body["error"]["message"].is_string());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_is_replaced() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let id_for = async |sent: &str| {
        let response = api.request(Method::GET, "/health").header("x-request-id", sent).send().await?;
        anyhow::Ok(response.headers()["x-request-id"].to_str()?.to_owned())
    };
    let longest = "x".repeat(128);
    for kept in ["a", "req-1.2_3:4/5+6=7@8", &longest] {
        assert_eq!(id_for(kept).await?, kept);
    }
    let too_long = "x".repeat(129);
    for replaced in ["", "a b", "a\"b", "a;b", "<script>", "{\"a\":1}", &too_long] {
        let id = id_for(replaced).await?;
        assert!(id != replaced && id.len() == 36, "{replaced} became {id}");
    }
    assert_ne!(id_for("").await?, id_for("").await?);
    Ok(())
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() -> anyhow::Result<()> {
    let (_server, api) =
        serve(with_token().env("OW_SC_CORS_ORIGINS", "https://a.example, http://localhost:3000")).await?;
    let asked = async |api: &Api, method: Method, origin: &str| {
        let request = api.request(method, "/api/status").header("origin", origin);
        anyhow::Ok(
            request
                .header("access-control-request-method", "PUT")
                .header("access-control-request-headers", "authorization")
                .send()
                .await?,
        )
    };
    let allowed = |response: &Response| {
        response.headers().get("access-control-allow-origin").and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    for origin in ["https://a.example", "http://localhost:3000"] {
        let preflight = asked(&api, Method::OPTIONS, origin).await?;
        assert_eq!(
            (preflight.status(), allowed(&preflight).as_deref()),
            (StatusCode::OK, Some(origin)),
            "without a token"
        );
        let list = |name: &str| preflight.headers()[name].to_str().unwrap_or_default().to_lowercase();
        assert!(list("access-control-allow-methods").contains("put"));
        assert!(list("access-control-allow-headers").contains("authorization"));
        let refused = asked(&api, Method::GET, origin).await?;
        assert_eq!((refused.status(), allowed(&refused).as_deref()), (StatusCode::UNAUTHORIZED, Some(origin)));
        let taken = asked(&api.with_token(TOKEN), Method::GET, origin).await?;
        assert_eq!((taken.status(), allowed(&taken).as_deref()), (StatusCode::OK, Some(origin)));
    }
    for origin in ["https://b.example", "http://a.example", "https://a.example.evil", "null"] {
        assert_eq!(allowed(&asked(&api, Method::OPTIONS, origin).await?), None, "{origin}");
        assert_eq!(allowed(&asked(&api.with_token(TOKEN), Method::GET, origin).await?), None, "{origin}");
    }
    let (_server, closed) = served().await?;
    assert_eq!(allowed(&asked(&closed, Method::OPTIONS, "https://a.example").await?), None);
    Ok(())
}

#[tokio::test]
async fn a_big_body_is_refused_before_it_is_read_as_json() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let (status, body) = api.post("/api/advise", &json!({"alerts": ["x".repeat(3_000_000)]})).await?;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
    assert_eq!(api.ingest("", tidy(&["1,Zn,1"])).await?.0, StatusCode::OK);
    Ok(())
}

//! Sources that are fetched on a schedule.

use crate::support::{alerts, until};
use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::host::{self, Host};
use tests::inbox::{Inbox, started};
use tests::lab::{Lab, Page};
use tests::server::Options;
use tests::{Api, ECHO, Server};

const HEADER: &str = "time,species,concentration";
/// Never while the tests run, except for the first time.
const SOME_DAY: &str = "0 0 29 2 *";

/// A host that checks sources often, and may fetch from these hosts.
fn asking(hosts: &str) -> Options {
    let options = Server::options().env("OW_SC_SOURCE_HOSTS", hosts).env("OW_SC_SWEEP_EVERY", "1");
    match host::under_test() {
        Host::Server => options,
        Host::Functions => options.argument("--minute").argument("1s"),
    }
}

async fn set(api: &Api, name: &str, source: Value) -> anyhow::Result<Value> {
    let (status, body) = api.put(&format!("/api/sources/{name}"), &source).await?;
    ensure!(status.is_success(), "{status} {body}");
    Ok(body)
}

/// The last result of a source, once it is as expected.
async fn said(api: &Api, name: &str, expected: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let path = format!("/api/sources/{name}");
    let mut source = until(async || api.json(&path).await, |source| expected(&source["last"])).await?;
    ensure!(expected(&source["last"]), "{source}");
    Ok(source["last"].take())
}

/// The file of a source, once it is ingested, and the last fetch.
async fn taken(api: &Api, name: &str, times: u64) -> anyhow::Result<Value> {
    said(api, name, |last| last["file"]["state"] == "done" && last["outcome"] == "taken" && last["times"] == times)
        .await
}

async fn ask(api: &Api, name: &str) -> anyhow::Result<()> {
    let (status, body) = api.post(&format!("/api/sources/{name}/ask"), &json!({})).await?;
    ensure!(status == StatusCode::ACCEPTED, "{status} {body}");
    Ok(())
}

#[tokio::test]
async fn a_file_comes_and_is_judged_and_one_that_is_known_changes_nothing() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let (_inbox, _server, api) = started(asking(lab.host())).await?;
    let url = lab.page("/night.csv", Page::File(format!("{HEADER}\n1,SO4,900\n"), Some("\"1\"")));
    let source = json!({"url": url, "site": "north", "schedule": SOME_DAY});
    assert_eq!(set(&api, "lab", source.clone()).await?["zone"], "UTC");
    let first = taken(&api, "lab", 1).await?;
    assert_eq!(alerts(&api, "north").await?.len(), 1);
    let record = api.json(&format!("/api/ingests/{}", first["file"]["ingest"].as_str().unwrap_or_default())).await?;
    assert!(record["source"].as_str().is_some_and(|source| source.contains("/lab 20")), "{record}");
    // Twice: the ledger has a single entry, with a count.
    for times in 1..=2 {
        ask(&api, "lab").await?;
        said(&api, "lab", |last| last["outcome"] == "unchanged" && last["times"] == times).await?;
    }
    let known = |record: &&Value| record["state"] == "unchanged";
    let ledger = api.list("/api/ingests", "ingests").await?;
    assert_eq!((ledger.len(), ledger.iter().filter(known).count()), (2, 1), "{ledger:?}");
    let message = ledger.iter().find(known).map(|record| &record["error"]["message"]);
    assert!(message.and_then(Value::as_str).is_some_and(|message| message.contains("2 times since")), "{message:?}");
    // A server without versions sends everything again.
    lab.page("/night.csv", Page::File(format!("{HEADER}\n1,SO4,900\n"), None));
    ask(&api, "lab").await?;
    said(&api, "lab", |last| last["outcome"] == "unchanged" && last["times"] == 3).await?;
    lab.page("/night.csv", Page::File(format!("{HEADER}\n1,SO4,900\n2,SO4,900\n"), Some("\"2\"")));
    ask(&api, "lab").await?;
    assert_eq!(until(async || alerts(&api, "north").await, |alerts| alerts.len() == 2).await?.len(), 2);
    assert_eq!(taken(&api, "lab", 1).await?["file"]["state"], "done");
    // Setting the same values changes nothing; changed ones are fetched at once.
    let asked = lab.asked().len();
    assert!(!set(&api, "lab", source.clone()).await?["last"].is_null());
    let other = json!({"url": source["url"], "site": "south", "schedule": SOME_DAY});
    assert!(set(&api, "lab", other).await?["last"].is_null());
    taken(&api, "lab", 1).await?;
    assert_eq!((lab.asked().len(), alerts(&api, "south").await?.len()), (asked + 1, 2));
    Ok(())
}

#[tokio::test]
async fn what_is_no_file_is_said_in_the_ledger_and_nothing_is_stored() -> anyhow::Result<()> {
    let (lab, private) = (Lab::start().await?, Lab::start().await?);
    let (inbox, server, api) = started(asking(lab.host()).env("OW_SC_MAX_BATCH_BYTES", "20000000")).await?;
    let secret = private.page("/secret.csv", Page::File(format!("{HEADER}\n1,SO4,900\n"), None));
    let pages = [
        ("broken", Page::Other(500, "text/plain", "no"), "bad_status"),
        ("gone", Page::Other(404, "text/csv", ""), "bad_status"),
        ("inside", Page::Moved(secret.clone()), "bad_address"),
        ("inside-with-tls", Page::Moved(secret.replace("http:", "https:")), "private_address"),
        ("cloud", Page::Moved("https://169.254.169.254/latest/meta-data/".into()), "private_address"),
        ("name", Page::Moved(format!("https://localhost:{}/", private.port())), "private_address"),
        ("loop", Page::Moved(format!("http://{}/loop", lab.host())), "too_many_redirects"),
        ("endless", Page::Endless, "too_large"),
        ("login", Page::Other(200, "text/html; charset=utf-8", "<!doctype html><form>Log in"), "no_csv"),
        ("page", Page::Other(200, "text/csv", "\n<html>Log in"), "no_csv"),
        ("json", Page::Other(200, "application/json", r#"{"Error": {"ErrorMessage": "no"}}"#), "no_csv"),
        ("empty", Page::Other(200, "text/csv", ""), "no_csv"),
    ];
    for (name, page, _) in &pages {
        let url = lab.page(&format!("/{name}"), page.clone());
        set(&api, name, json!({"url": url, "site": "north", "schedule": SOME_DAY})).await?;
    }
    for (name, _, code) in &pages {
        let last = said(&api, name, |last| last["times"] == 1).await?;
        assert_eq!((&last["outcome"], &last["code"]), (&json!("failed"), &json!(code)), "{name}: {last}");
    }
    let ledger = api.list("/api/ingests", "ingests").await?;
    for (name, _, code) in &pages {
        let source = format!("source {name}");
        let record = ledger.iter().find(|record| record["source"] == *source).context("it is in the ledger")?;
        assert_eq!((&record["state"], &record["error"]["code"]), (&json!("failed"), &json!(code)), "{record}");
    }
    assert_eq!(ledger.len(), pages.len(), "{ledger:?}");
    assert_eq!(api.json("/api/status").await?["sites"], json!([]));
    assert_eq!(private.asked().len(), 0, "the private host got no request");
    if let Inbox::Folder(folder) = &inbox {
        let left = std::fs::read_dir(folder.path().join(".uploads"))?.count();
        assert_eq!(left, 0, "the partial file is removed");
    }
    assert!(!server.log().contains("169.254.169.254/latest"), "addresses are not logged");
    // It is retried, and the count rises.
    ask(&api, "broken").await?;
    said(&api, "broken", |last| last["times"] == 2).await?;
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), pages.len());
    let failures = format!("owsc_sources_asked_total{{outcome=\"failed\"}} {}", pages.len() + 1);
    let metrics = until(async || Ok(api.get("/metrics").await?.text().await?), |text| text.contains(&failures)).await?;
    assert!(metrics.contains(&failures), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn a_source_that_fails_is_tried_again_on_its_schedule() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let (_inbox, _server, api) = started(asking(lab.host())).await?;
    let url = lab.page("/a.csv", Page::Other(503, "text/plain", "later"));
    set(&api, "lab", json!({"url": url, "site": "north", "schedule": "* * * * *"})).await?;
    said(&api, "lab", |last| last["outcome"] == "failed").await?;
    lab.page("/a.csv", Page::File(format!("{HEADER}\n1,SO4,900\n"), None));
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(90);
    while api.json("/api/sources/lab").await?["last"]["outcome"] != "taken" {
        ensure!(tokio::time::Instant::now() < end, "it is not fetched again");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    taken(&api, "lab", 1).await?;
    assert_eq!(alerts(&api, "north").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn secrets_go_to_their_host_alone() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let elsewhere = format!("localhost:{}", lab.port());
    let secrets = json!({"lims": {"host": "127.0.0.1", "authorization": "Bearer s3cr3t"}}).to_string();
    let hosts = format!("{},{elsewhere}", lab.host());
    let (_inbox, server, api) = started(asking(&hosts).env("OW_SC_SOURCE_SECRETS", &secrets)).await?;
    let file = format!("{HEADER}\n1,SO4,900\n");
    let guarded = lab.page("/guarded.csv", Page::Guarded(file.clone(), "Bearer s3cr3t"));
    lab.page("/open.csv", Page::File(format!("{file}2,SO4,2\n"), None));
    let moved = lab.page("/moved.csv", Page::Moved(format!("http://{elsewhere}/open.csv")));
    let of = |url: &str, secret: &str| json!({"url": url, "site": "north", "schedule": SOME_DAY, "secret": secret});
    set(&api, "guarded", of(&guarded, "lims")).await?;
    set(&api, "moved", of(&moved, "lims")).await?;
    set(&api, "other", of(&guarded, "unknown")).await?;
    taken(&api, "guarded", 1).await?;
    taken(&api, "moved", 1).await?;
    assert_eq!(said(&api, "other", |last| last["times"] == 1).await?["code"], "no_secret");
    for (path, headers) in lab.asked() {
        assert_eq!(headers.contains_key("authorization"), path != "/open.csv", "{path}");
    }
    let shown = api.get("/api/sources").await?.text().await? + &server.log();
    assert!(!shown.contains("s3cr3t"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn over_tls_a_server_has_to_be_one_that_is_trusted() -> anyhow::Result<()> {
    let (lab, certificate) = Lab::start_with_tls().await?;
    let folder = tempfile::tempdir()?;
    let trusted = folder.path().join("certificates.pem");
    std::fs::write(&trusted, certificate)?;
    let url = lab.page("/a.csv", Page::File(format!("{HEADER}\n1,SO4,900\n"), None));
    let source = json!({"url": url, "site": "north", "schedule": SOME_DAY});
    let trusting = asking(lab.host()).env("SSL_CERT_FILE", &trusted.display().to_string());
    let (_inbox, _server, api) = started(trusting).await?;
    set(&api, "lab", source.clone()).await?;
    taken(&api, "lab", 1).await?;
    let (_inbox, _server, api) = started(asking(lab.host())).await?;
    set(&api, "lab", source).await?;
    let last = said(&api, "lab", |last| last["times"] == 1).await?;
    assert_eq!(last["code"], "unreachable");
    assert!(last["message"].as_str().is_some_and(|message| message.contains("certificate")), "{last}");
    assert_eq!(lab.asked().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_plants_official_values_come_from_epas_service() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let (_inbox, _server, api) = started(asking(lab.host())).await?;
    let url = lab.page("/echo/eff_rest_services.download_effluent_chart", Page::File(ECHO.to_owned(), None));
    let epa = json!({"kind": "echo", "permit": "TX0119407", "url": url, "site": "plant", "schedule": "0 6 5 * *"});
    let set = set(&api, "epa", epa).await?;
    assert_eq!((&set["kind"], &set["permit"]), (&json!("echo"), &json!("TX0119407")));
    taken(&api, "epa", 1).await?;
    assert_eq!(lab.asked()[0].0, "/echo/eff_rest_services.download_effluent_chart?p_id=TX0119407");
    assert_eq!(alerts(&api, "plant").await?.len(), 8, "the ones found by EPA");
    Ok(())
}

#[tokio::test]
async fn what_is_set_wrong_is_named_and_what_is_not_there_is_not_found() -> anyhow::Result<()> {
    let (_inbox, _server, api) = started(asking("lims.plant.example")).await?;
    let wrong = json!({"url": "https://127.0.0.1/a", "schedule": "at noon"});
    let (status, body) = api.put("/api/sources/a", &wrong).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<_> = body["error"]["details"]["fields"].as_array().into_iter().flatten().collect();
    assert_eq!((&fields[0]["field"], &fields[1]["field"]), (&json!("url"), &json!("schedule")), "{body}");
    assert_eq!(api.put("/api/sources/a", &json!({"schedule": 5})).await?.0, StatusCode::BAD_REQUEST);
    let plain = json!({"url": "http://lims.plant.example/a", "schedule": "@daily", "site": "north"});
    assert_eq!(api.put("/api/sources/a", &plain).await?.0, StatusCode::CREATED);
    assert_eq!(api.put("/api/sources/a", &plain).await?.0, StatusCode::OK);
    assert_eq!(api.list("/api/sources", "sources").await?.len(), 1);
    let delete = || api.request(Method::DELETE, "/api/sources/a").send();
    assert_eq!((delete().await?.status(), delete().await?.status()), (StatusCode::NO_CONTENT, StatusCode::NOT_FOUND));
    assert_eq!(api.get("/api/sources/a").await?.status(), StatusCode::NOT_FOUND);
    assert_eq!(api.post("/api/sources/a/ask", &json!({})).await?.0, StatusCode::NOT_FOUND);
    Ok(())
}

//! Files of any length that are uploaded in parts.

use crate::support::{alerts, until};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use tests::host::{Host, under_test};
use tests::inbox::{Inbox, started};
use tests::server::Options;
use tests::{Api, Server};

const HEADER: &str = "time,species,concentration";
const PART: usize = 16 * 1024 * 1024;

/// A file of so many rows, each with a long ignored field: large, but quickly ingested.
fn wide(rows: usize, length: usize) -> Vec<u8> {
    let talk = "x".repeat(length);
    let rows: String = (0..rows).map(|row| format!("{row},SO4,{},{talk}\n", if row == 7 { 900 } else { 2 })).collect();
    format!("{HEADER},talk\n{rows}").into_bytes()
}

/// Puts a part at its URL: the status.
async fn put(server: &Server, missing: &Value, bytes: &[u8]) -> anyhow::Result<u16> {
    let at = |name: &str| missing[name].as_u64().map(|at| at as usize).context("a place in the file");
    let (from, to) = (at("from")?, at("to")?);
    let url = missing["url"].as_str().context("an address")?;
    let url = if url.starts_with('/') { server.url(url) } else { url.to_owned() };
    let sent = reqwest::Client::new().put(url).body(bytes[from..=to].to_vec()).send().await?;
    Ok(sent.status().as_u16())
}

async fn begin(api: &Api, query: &str) -> anyhow::Result<(u16, Value)> {
    post(api, &format!("/api/uploads{query}")).await
}

async fn post(api: &Api, path: &str) -> anyhow::Result<(u16, Value)> {
    let (status, answer) = api.post(path, &json!(null)).await?;
    Ok((status.as_u16(), answer))
}

async fn state_of(api: &Api, id: &str) -> anyhow::Result<Value> {
    api.json(&format!("/api/uploads/{id}")).await
}

/// Waits for the final state.
async fn settled(api: &Api, id: &str) -> anyhow::Result<Value> {
    let is_over = |upload: &Value| upload["state"] == "done" || upload["state"] == "refused";
    let upload = until(async || state_of(api, id).await, is_over).await?;
    ensure!(is_over(&upload), "{upload}");
    Ok(upload)
}

#[tokio::test]
async fn a_file_in_parts_is_taken_in_and_a_broken_connection_costs_one_part() -> anyhow::Result<()> {
    let (_inbox, server, api) = started(Options::default()).await?;
    let file = wide(600, 60_000);
    let query = format!("?site=plant%20two&name=talk+ative%2B%C3%BC.csv&bytes={}", file.len());
    let (status, begun) = begin(&api, &query).await?;
    assert_eq!((status, &begun["state"], &begun["received"]), (201, &json!("receiving"), &json!(0)), "{begun}");
    let id = begun["id"].as_str().context("an id")?;
    let parts = begun["missing"].as_array().context("parts")?;
    assert_eq!(parts.len(), file.len().div_ceil(PART));
    assert_eq!(put(&server, &parts[1], &file).await? / 100, 2);
    if under_test() == Host::Server {
        // Half of a part, and then nothing.
        let mut stream = TcpStream::connect(server.address())?;
        let path = parts[0]["url"].as_str().context("an address")?;
        write!(stream, "PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {PART}\r\n\r\n")?;
        stream.write_all(&file[..PART / 2])?;
    }
    let complete = format!("/api/uploads/{id}/complete");
    let (early, answer) = post(&api, &complete).await?;
    assert_eq!((early, &answer["error"]["code"]), (409, &json!("incomplete")), "{answer}");
    let upload = state_of(&api, id).await?;
    assert_eq!(upload["received"], PART, "{upload}");
    let missing: Vec<_> = upload["missing"].as_array().into_iter().flatten().map(|part| part["part"].clone()).collect();
    assert_eq!(missing, [json!(1), json!(3)]);
    for part in upload["missing"].as_array().into_iter().flatten() {
        assert_eq!(put(&server, part, &file).await? / 100, 2);
    }
    for _ in 0..2 {
        let (status, upload) = post(&api, &complete).await?;
        assert_eq!((status, &upload["received"]), (202, &json!(file.len())), "{upload}");
    }
    let done = settled(&api, id).await?;
    assert_eq!(done["state"], "done", "{done}");
    let record = api.json(&format!("/api/ingests/{}", done["ingest"].as_str().unwrap_or_default())).await?;
    assert_eq!((&record["answer"]["rows_taken"], &record["site"]), (&json!(600), &json!("plant two")), "{record}");
    let alerts = alerts(&api, "plant two").await?;
    assert!(alerts.iter().any(|alert| alert["value"] == 900.0), "{alerts:?}");
    Ok(())
}

#[tokio::test]
async fn what_became_of_a_file_that_is_refused_is_said() -> anyhow::Result<()> {
    let (_inbox, server, api) = started(Options::default()).await?;
    let file = b"%PDF-1.7 and more";
    let (_, begun) = begin(&api, &format!("?site=north&name=report.pdf&bytes={}", file.len())).await?;
    let id = begun["id"].as_str().context("an id")?;
    assert_eq!(put(&server, &begun["missing"][0], file).await? / 100, 2);
    post(&api, &format!("/api/uploads/{id}/complete")).await?;
    let refused = settled(&api, id).await?;
    assert_eq!(
        (&refused["state"], &refused["error"]["code"]),
        (&json!("refused"), &json!("unknown_columns")),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_a_file_of_the_inbox_is_refused_at_once() -> anyhow::Result<()> {
    let (_inbox, server, api) = started(Options::default().env("OW_SC_MAX_BATCH_BYTES", "100")).await?;
    for (query, status, code) in [
        ("?site=north&name=a.csv&bytes=101", 413, "too_large"),
        ("?site=north&name=a.csv&bytes=0", 422, "invalid"),
        ("?site=..&name=a.csv&bytes=9", 422, "invalid"),
        ("?site=a%2Fb&name=a.csv&bytes=9", 422, "invalid"),
        ("?site=north&name=..%2Fa.csv&bytes=9", 422, "invalid"),
        ("?site=north&name=a.csv.part&bytes=9", 422, "invalid"),
        ("?site=&name=a.csv&bytes=9", 422, "invalid"),
        ("?site=north&name=a.csv", 400, "bad_request"),
        ("?site=north&name=a.csv&bytes=-1", 400, "bad_request"),
    ] {
        let (found, answer) = begin(&api, query).await?;
        assert_eq!((found, answer["error"]["code"].as_str()), (status, Some(code)), "{query}: {answer}");
    }
    let (status, begun) = begin(&api, "?site=north&name=a.csv&bytes=100").await?;
    assert_eq!(status, 201, "{begun}");
    let id = begun["id"].as_str().context("an id")?;
    if under_test() == Host::Server {
        let lengths = [(1, 99, 422), (1, 101, 422), (1, PART + 1, 422), (0, 100, 422), (2, 100, 422), (1, 100, 204)];
        for (part, length, status) in lengths {
            let url = server.url(&format!("/api/uploads/{id}/parts/{part}"));
            let answer = reqwest::Client::new().put(url).body(vec![b'x'; length]).send().await?;
            assert_eq!(answer.status(), status, "part {part} of {length} bytes");
        }
    }
    let gone = reqwest::Client::new().delete(server.url(&format!("/api/uploads/{id}"))).send().await?;
    assert_eq!(gone.status(), 204);
    for id in [id, "0", "..%2F..%2Fx"] {
        assert_eq!(api.get(&format!("/api/uploads/{id}")).await?.status(), 404, "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_completes_an_upload_twice_at_once_has_one_file() -> anyhow::Result<()> {
    let (_inbox, server, api) = started(Options::default()).await?;
    let file = format!("{HEADER}\n1,SO4,900\n");
    for round in 0..5 {
        let (_, begun) = begin(&api, &format!("?site=twice{round}&name=a.csv&bytes={}", file.len())).await?;
        let id = begun["id"].as_str().context("an id")?;
        assert_eq!(put(&server, &begun["missing"][0], file.as_bytes()).await? / 100, 2);
        let complete = format!("/api/uploads/{id}/complete");
        let (one, other) = tokio::join!(post(&api, &complete), post(&api, &complete));
        assert_eq!((one?.0, other?.0), (202, 202));
        let done = settled(&api, id).await?;
        assert_eq!(done["state"], "done", "{done}");
        let gone = reqwest::Client::new().delete(server.url(&format!("/api/uploads/{id}"))).send().await?;
        assert_eq!(gone.status(), 204);
    }
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), 5);
    Ok(())
}

#[tokio::test]
async fn an_upload_whose_parts_are_gone_is_not_said_to_be_in_the_inbox() -> anyhow::Result<()> {
    let (inbox, server, api) = started(Options::default()).await?;
    // In a bucket, only its own lifecycle rule removes them.
    let Inbox::Folder(folder) = &inbox else { return Ok(()) };
    let (_, begun) = begin(&api, "?site=north&name=a.csv&bytes=100").await?;
    let id = begun["id"].as_str().context("an id")?;
    assert_eq!(put(&server, &begun["missing"][0], &[b'x'; 100]).await?, 204);
    std::fs::remove_dir_all(folder.path().join(".uploads").join(id))?;
    assert_eq!(api.get(&format!("/api/uploads/{id}")).await?.status(), 404);
    assert_eq!(post(&api, &format!("/api/uploads/{id}/complete")).await?.0, 404);
    let gone = reqwest::Client::new().delete(server.url(&format!("/api/uploads/{id}"))).send().await?;
    assert_eq!(gone.status(), 204);
    Ok(())
}

#[tokio::test]
async fn uploads_want_the_token() -> anyhow::Result<()> {
    let options = Server::options().env("OW_SC_API_TOKEN", "secret");
    let options = if under_test() == Host::Functions {
        options.argument("--secret").argument("ApiToken:token=secret")
    } else {
        options
    };
    let (_inbox, server, _api) = started(options).await?;
    let client = reqwest::Client::new();
    for (method, path) in [
        (reqwest::Method::POST, "/api/uploads?site=a&name=b.csv&bytes=1"),
        (reqwest::Method::GET, "/api/uploads/x"),
        (reqwest::Method::POST, "/api/uploads/x/complete"),
        (reqwest::Method::DELETE, "/api/uploads/x"),
    ] {
        assert_eq!(client.request(method, server.url(path)).send().await?.status(), 401, "{path}");
    }
    Ok(())
}

//! The function that takes in files of a bucket: events that are lost, repeated or late, and files that take several
//! invocations.

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tests::inbox::{Inbox, started};
use tests::stores::aws;
use tests::{Api, Server, Socket};

const HEADER: &str = "time,species,concentration";
/// How long a file with many rows may take, in debug builds.
const LONG: Duration = Duration::from_secs(300);

/// Sends an event to the function, through Lambda's Invoke API.
async fn invoke(server: &Server, event: &Value) -> anyhow::Result<Value> {
    let url = server.url("/2015-03-31/functions/BatchFunction/invocations");
    let credential = "AWS4-HMAC-SHA256 Credential=developer/20260101/us-east-1/lambda/aws4_request";
    let signed = format!("{credential}, SignedHeaders=host;x-amz-date, Signature=0");
    let request = reqwest::Client::new().post(url).header("authorization", signed).body(event.to_string());
    let answer = request.send().await?;
    let failed = answer.headers().contains_key("x-amz-function-error");
    let answer: Value = answer.json().await?;
    ensure!(!failed, "{answer}");
    Ok(answer)
}

fn created(key: &str) -> Value {
    json!({"detail-type": "Object Created", "source": "aws.s3",
        "detail": {"bucket": {"name": "local-inbox"}, "object": {"key": key, "sequencer": "0"}}})
}

fn sweep() -> Value {
    json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}})
}

/// A file of many rows, most of them within all limits.
fn long(rows: usize) -> String {
    let rows: String = (0..rows).map(|row| format!("{},SO4,{}\n", row as f64 / 60.0, row % 250)).collect();
    format!("{HEADER}\n{rows}")
}

/// An account without fields that differ between runs.
fn settled(account: &Value) -> Value {
    let mut answer = account["answer"].clone();
    for name in ["seconds", "write_units", "id", "digest"] {
        answer[name].take();
    }
    answer
}

#[tokio::test]
async fn what_no_event_has_told_of_is_found_by_the_next_sweep() -> anyhow::Result<()> {
    let options = Server::options().template(|text| text.replace("[{ prefix: inbox/ }]", "[{ prefix: nowhere/ }]"));
    let (inbox, _server, _api) = started(options.argument("--minute").argument("3s")).await?;
    inbox.put("north/quiet.csv", format!("{HEADER}\n1,SO4,2\n")).await?;
    assert_eq!(inbox.account("done/north/quiet.csv").await?["answer"]["rows_taken"], 1);
    Ok(())
}

#[tokio::test]
async fn events_that_are_repeated_late_or_of_what_is_gone_change_nothing() -> anyhow::Result<()> {
    let (inbox, server, api) = started(Server::options()).await?;
    inbox.put("north/a.csv", format!("{HEADER}\n1,SO4,900\n")).await?;
    let event = created("inbox/north/a.csv");
    try_join_all((0..10).map(|_| invoke(&server, &event))).await?;
    inbox.account("done/north/a.csv").await?;
    try_join_all((0..10).map(|_| invoke(&server, &event))).await?;
    for event in [sweep(), created("inbox/never/was.csv"), created("elsewhere/a.csv"), created("inbox/")] {
        assert_eq!(invoke(&server, &event).await?, json!({"left": 0, "came": 0}), "{event}");
    }
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), 1);
    assert!(!inbox.has("done/north/a (2).csv").await?);
    assert!(invoke(&server, &json!({"detail-type": "Other"})).await.is_err(), "an unknown event is an error");
    Ok(())
}

/// With the AWS CLI, as a user would.
#[tokio::test]
async fn what_the_command_line_copies_is_judged_and_told_live() -> anyhow::Result<()> {
    let (inbox, server, api) = started(Server::options()).await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent?site=plant")).await?;
    let folder = tempfile::tempdir()?;
    for (number, name) in ["a b.csv", "a+b.csv", "a%20b.csv", "größe.csv"].into_iter().enumerate() {
        let file = folder.path().join(name);
        // A different file each time: the same bytes would be known.
        std::fs::write(&file, format!("{HEADER}\n{number},SO4,900\n"))?;
        let (from, to) = (file.display().to_string(), format!("s3://local-inbox/inbox/plant/{name}"));
        let copied = aws(&server.url(""), &["s3", "cp", &from, &to]).await?;
        ensure!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        socket.next_of("ingest").await?;
        assert_eq!(inbox.account(&format!("done/plant/{name}")).await?["state"], "done");
    }
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), 4);
    Ok(())
}

/// Kills environments now and then until the file is there. Returns the number of kills.
async fn killed(server: &Server, inbox: &Inbox, place: &str, most: usize, long: Duration) -> anyhow::Result<usize> {
    let (mut kills, end) = (0, Instant::now() + long);
    while !inbox.has(place).await? {
        ensure!(Instant::now() < end, "{place} is not there after {kills} kills");
        tokio::time::sleep(Duration::from_millis(rand::random_range(100..3000))).await;
        let victims = server.environments("batch")?;
        for victim in victims.iter().take(usize::from(kills < most)) {
            let killed = tokio::process::Command::new("kill").args(["-9", &victim.to_string()]).status().await?;
            kills += usize::from(killed.success());
        }
    }
    Ok(kills)
}

/// The result of a file, whoever processed it.
async fn left_of(api: &Api, inbox: &Inbox, place: &str, long: Duration) -> anyhow::Result<(Value, Vec<Value>, Value)> {
    let account = inbox.account_within(place, long).await?;
    let mut alerts = api.list("/api/alerts?limit=1000&site=north", "alerts").await?;
    for alert in &mut alerts {
        alert["raised_at"].take();
    }
    alerts.sort_by_key(|alert| alert["id"].as_str().unwrap_or_default().to_owned());
    let mut series = api.json("/api/series?site=north").await?;
    series["series"][0]["version"].take();
    Ok((settled(&account), alerts, series))
}

/// `OWSC_KILLS`, `OWSC_KILLED_ROWS` and `OWSC_SECONDS`, the time limit of an invocation: for a manual run, use fifty
/// kills in three million rows, with a release build. Reading a file once must fit into an invocation.
#[tokio::test]
async fn a_file_whose_recording_pauses_and_is_killed_leaves_what_an_undisturbed_one_leaves() -> anyhow::Result<()> {
    let setting = |name: &str, usual| std::env::var(name).map_or(Ok(usual), |text| text.parse::<usize>());
    let (rows, kills) = (setting("OWSC_KILLED_ROWS", 150_000)?, setting("OWSC_KILLS", 3)?);
    let (file, patience) = (long(rows), LONG + Duration::from_millis(rows as u64 / 10));
    let (calm, _server, api) = started(Server::options()).await?;
    calm.put("north/long.csv", file.clone()).await?;
    let expected = left_of(&api, &calm, "done/north/long.csv", patience).await?;
    let timeout = format!("Timeout: {}", setting("OWSC_SECONDS", (rows / 50_000).clamp(6, 60))?);
    let options = Server::options().template(|text| text.replace("Timeout: 900", &timeout));
    let (inbox, server, api) = started(options.argument("--minute").argument("1s")).await?;
    inbox.put("north/long.csv", file).await?;
    let killed = killed(&server, &inbox, "done/north/long.csv", kills, patience).await?;
    ensure!(killed > 0, "nobody was killed");
    assert_eq!(left_of(&api, &inbox, "done/north/long.csv", patience).await?, expected, "{killed} kills");
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), 1);
    eprintln!("{killed} kills");
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_overwritten_while_it_is_read_is_one_or_the_other() -> anyhow::Result<()> {
    let (inbox, _server, api) = started(Server::options().argument("--minute").argument("1s")).await?;
    let first = long(100_000);
    let second = format!("{HEADER}\n0,SO4,900\n");
    inbox.put("north/x.csv", first).await?;
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..1500))).await;
    inbox.put("north/x.csv", second).await?;
    let end = Instant::now() + LONG;
    let last = loop {
        let ledger = api.list("/api/ingests", "ingests").await?;
        let last = ledger.iter().find(|record| record["answer"]["rows"] == 1 && record["state"] == "done").cloned();
        if let Some(last) = last.filter(|_| ledger.iter().all(|record| record["state"] == "done")) {
            break last;
        }
        ensure!(Instant::now() < end, "{ledger:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // The first one is complete, or has left nothing.
    let others = api.list("/api/ingests", "ingests").await?.len() - 1;
    let replaced = last["answer"]["readings_replaced"].as_u64().context("it is counted")?;
    ensure!(others as u64 == replaced, "{others} files before, {replaced} readings replaced");
    inbox.account("done/north/x.csv").await?;
    while inbox.waits("north/x.csv").await? {
        ensure!(Instant::now() < end, "it has not left the inbox");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

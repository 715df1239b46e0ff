//! `kill -9` in the middle of an ingest: after a restart and the same file again, everything is as if nothing had
//! happened.

use crate::support::{permitted, taken, tidy};
use anyhow::{Context, ensure};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::{Api, Server, Socket};

/// How often to kill; for a manual run, use thirty rounds: `OWSC_TEST_KILL_ROUNDS=30`.
const ROUNDS: &str = "OWSC_TEST_KILL_ROUNDS";
const ROWS: u32 = 200_000;
const SITE: &str = "plant";

/// Five parameters at two outfalls in turn. About every seventh reading exceeds its limit.
fn large_file() -> String {
    let mut file = "time,species,concentration,outfall\n".to_owned();
    let mut state = 12_345_u32;
    for row in 0..ROWS {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (species, limit) = [("SO4", 250.0), ("As", 0.01), ("Ni", 0.1), ("Zn", 5.0), ("Cu", 1.0)][row as usize % 5];
        let value = limit * f64::from(state >> 8) / f64::from(1_u32 << 24) * 1.16;
        let (hour, outfall) = (row / 10, row / 5 % 2 + 1);
        writeln!(file, "{hour},{species},{value:.5},{outfall}").expect("a string takes every text");
    }
    file
}

/// The state before: an acknowledged file and a permit. The large file corrects some of its readings.
async fn prepare(data: &Path) -> anyhow::Result<()> {
    let mut server = Server::options().data(data).start().await?;
    let api = Api::new(&server);
    let limit = |parameter: &str, value: f64, statistic: &str| json!({"parameter": parameter, "value": value, "unit": "mg/L", "statistic": statistic});
    let limits = json!([
        limit("SO4", 250.0, "instant"),
        limit("SO4", 160.0, "rolling_mean(3)"),
        limit("As", 0.01, "instant"),
        limit("Ni", 0.08, "daily_avg"),
        limit("Zn", 5.0, "daily_max"),
    ]);
    permitted(&api, SITE, &json!({ "limits": limits })).await?;
    taken(&api, &format!("?site={SITE}"), tidy(&["0,SO4,900", "0.5,SO4,900", "3,As,5", "99999,Ni,9"])).await?;
    server.terminate().await?;
    Ok(())
}

/// Everything visible of the site, by path.
async fn seen(server: &Server) -> anyhow::Result<Vec<(String, String)>> {
    let api = Api::new(server);
    let series = api.list(&format!("/api/series?site={SITE}"), "series").await?;
    let mut paths = vec![
        format!("/api/series?site={SITE}&limit=1000"),
        format!("/api/status?site={SITE}"),
        format!("/api/permits/{SITE}"),
    ];
    for series in &series {
        let id = series["id"].as_str().context("no id")?;
        paths.push(format!("/api/readings?site={SITE}&series={id}&max_points=100000"));
    }
    let mut all = Vec::new();
    for path in paths {
        let text = api.get(&path).await?.text().await?;
        ensure!(!text.contains("\"downsampled\":true"), "{path}: not all readings are compared");
        all.push((path, without_times(&text)?));
    }
    let alerts = api.list(&format!("/api/alerts?site={SITE}&limit=1000"), "alerts").await?;
    for (number, alert) in alerts.iter().enumerate() {
        all.push((format!("alert {number}"), alert.to_string()));
    }
    told(server, &api, &alerts).await?;
    Ok(all)
}

/// Without fields in which two runs may differ: when the permit was put, and how many events there were. What a killed
/// ingest left may have been judged before the file came again.
fn without_times(text: &str) -> anyhow::Result<String> {
    let mut object: Value = serde_json::from_str(text)?;
    if object.get("updated_at").is_some() {
        object["updated_at"] = Value::Null;
    }
    for version in object["versions"].as_array_mut().into_iter().flatten() {
        version["updated_at"] = Value::Null;
    }
    for site in object["sites"].as_array_mut().into_iter().flatten() {
        site["seq"] = Value::Null;
    }
    Ok(object.to_string())
}

/// Reads the whole feed like a subscriber: it has no gap, lists at most the existing alerts, and the counts of raised
/// and withdrawn alerts, including unlisted ones, add up.
async fn told(server: &Server, api: &Api, alerts: &[Value]) -> anyhow::Result<()> {
    let status = api.json(&format!("/api/status?site={SITE}")).await?;
    let head = status["sites"][0]["seq"].as_u64().context("no head")?;
    let mut socket = Socket::connect(&server.ws_url(&format!("/ws/effluent?site={SITE}"))).await?;
    socket.send(&json!({"type": "subscribe", "site": SITE, "after": 0})).await?;
    let begin = socket.next_of("subscribed").await?;
    ensure!(begin["seq"] == 0 && begin["lost"].is_null(), "{begin}");
    let standing: HashSet<_> = alerts.iter().map(|alert| alert["id"].to_string()).collect();
    let mut named = HashSet::new();
    for seq in 1..=head {
        let frame = socket.next().await?;
        ensure!(frame["seq"] == seq, "{seq} is expected: {frame}");
        let list = |field: &str| frame[field].as_array().cloned().unwrap_or_default();
        if frame["type"] == "alerts" {
            named.extend(list("alerts").iter().map(|alert| alert["id"].to_string()));
            for id in list("withdrawn") {
                named.remove(&id.to_string());
            }
        }
    }
    let gone: Vec<_> = named.difference(&standing).collect();
    ensure!(gone.is_empty(), "raised, not withdrawn, and not there: {gone:?}");
    socket.barrier().await?;
    Ok(())
}

fn same(found: &[(String, String)], expected: &[(String, String)]) -> anyhow::Result<()> {
    for (found, expected) in found.iter().zip(expected) {
        if found != expected {
            let at = found.1.bytes().zip(expected.1.bytes()).take_while(|(a, b)| a == b).count();
            let part = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(200)..(at + 200).min(text.len())])
                    .into_owned()
            };
            anyhow::bail!(
                "{} | {}\n--- found\n{}\n--- expected\n{}",
                found.0,
                expected.0,
                part(&found.1),
                part(&expected.1)
            );
        }
    }
    ensure!(found.len() == expected.len(), "{} things are seen, {} are expected", found.len(), expected.len());
    Ok(())
}

/// An answer without fields that depend on the clock, on the number of attempts, or on repetition.
fn lasting(mut answer: Value) -> Value {
    for field in ["seconds", "write_units", "status", "message"] {
        answer[field] = Value::Null;
    }
    answer
}

/// A file that arrives after all that.
async fn afterwards(api: &Api) -> anyhow::Result<Value> {
    Ok(lasting(taken(api, &format!("?site={SITE}"), tidy(&["0,SO4,1", "5,SO4,9999", "100000,Ni,9"])).await?))
}

struct Undisturbed {
    answer: Value,
    seen: Vec<(String, String)>,
    later: Value,
    seen_later: Vec<(String, String)>,
    took: Duration,
}

async fn undisturbed(file: &str) -> anyhow::Result<Undisturbed> {
    let data = tempfile::tempdir()?;
    prepare(data.path()).await?;
    let server = Server::options().data(data.path()).start().await?;
    let api = Api::new(&server);
    let started = Instant::now();
    let answer = taken(&api, &format!("?site={SITE}"), file.to_owned()).await?;
    let took = started.elapsed();
    ensure!(answer["alerts"]["total"].as_u64() > Some(10_000), "too few exceedances: {}", answer["alerts"]["total"]);
    let seen_now = seen(&server).await?;
    let later = afterwards(&api).await?;
    Ok(Undisturbed { answer: lasting(answer), seen: seen_now, later, seen_later: seen(&server).await?, took })
}

/// Posts the file and kills the server after a while. Returns what the ingest's record said after the restart.
async fn kill_during(data: &Path, file: &str, id: &str, after: Duration) -> anyhow::Result<String> {
    let mut server = Server::options().data(data).start().await?;
    let (api, body) = (Api::new(&server), file.to_owned());
    let posting = tokio::spawn(async move { api.ingest(&format!("?site={SITE}"), body).await });
    tokio::time::sleep(after).await;
    server.kill().await?;
    // Whether it was answered before the end does not matter.
    drop(posting.await?);
    let mut server = Server::options().data(data).start().await?;
    let record = Api::new(&server).get(&format!("/api/ingests/{id}")).await?;
    let state = match record.status().as_u16() {
        404 => "none".to_owned(),
        _ => record.json::<Value>().await?["state"].as_str().unwrap_or("?").to_owned(),
    };
    server.kill().await?;
    Ok(state)
}

async fn round(undisturbed: &Undisturbed, file: &str, after: Duration) -> anyhow::Result<String> {
    let data = tempfile::tempdir()?;
    prepare(data.path()).await?;
    let id = undisturbed.answer["id"].as_str().context("no id")?;
    let mut states = vec![kill_during(data.path(), file, id, after).await?];
    // Every other time, the repetition is killed too.
    if after.as_nanos().is_multiple_of(2) {
        let again = undisturbed.took.mul_f64(rand::random_range(0.0..1.0));
        states.push(kill_during(data.path(), file, id, again).await?);
    }
    let server = Server::options().data(data.path()).start().await?;
    let api = Api::new(&server);
    let answer = taken(&api, &format!("?site={SITE}"), file.to_owned()).await?;
    // What was recorded completely is judged without sending the file again.
    let known = states.last().is_some_and(|state| state == "done" || state == "judging");
    ensure!(answer["status"] == if known { "known" } else { "stored" }, "{states:?}: {}", answer["status"]);
    let (mut answer, mut expected) = (lasting(answer), undisturbed.answer.clone());
    if states.iter().any(|state| state == "recording") {
        // The stored part of the file may have been judged by itself: alerts of an incomplete day come and go.
        for field in ["new", "withdrawn"] {
            answer["alerts"][field] = Value::Null;
            expected["alerts"][field] = Value::Null;
        }
    }
    ensure!(answer == expected, "another answer: {answer}\ninstead of\n{expected}");
    same(&seen(&server).await?, &undisturbed.seen).context("after the same file again")?;
    ensure!(afterwards(&api).await? == undisturbed.later, "another answer to a later file");
    same(&seen(&server).await?, &undisturbed.seen_later).context("after a later file")?;
    Ok(states.join(", "))
}

#[tokio::test]
async fn a_killed_ingest_posted_again_leaves_what_an_undisturbed_one_leaves() -> anyhow::Result<()> {
    let rounds: u32 = std::env::var(ROUNDS).map_or(Ok(5), |text| text.parse())?;
    let file = large_file();
    let undisturbed = undisturbed(&file).await?;
    // Spread over the duration of an ingest, and at random within each part of it.
    let spread = |number: u32| (f64::from(number) + rand::random_range(0.0..1.0)) / f64::from(rounds);
    let mut parts: Vec<f64> = (0..rounds).map(spread).collect();
    parts.shuffle(&mut rand::rng());
    let mut longest = undisturbed.took;
    for part in parts {
        let after = longest.mul_f64(part);
        let found = round(&undisturbed, &file, after).await.with_context(|| format!("killed after {after:?}"))?;
        eprintln!("killed after {after:?} of {longest:?}, the record said {found}");
        // The first ingest of all is slower than later ones; kills after its end would show nothing.
        if found.starts_with("done") {
            longest = after.max(longest / 2);
        }
    }
    Ok(())
}

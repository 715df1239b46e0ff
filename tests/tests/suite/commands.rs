//! The command line: each command's output and exit status.

use crate::support::until;
use anyhow::Context;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;
use tempfile::TempDir;
use tests::server::owsc;
use tests::{Api, PATIENCE, Server};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

const HEADER: &str = "time,species,concentration";
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/echo-effluent-chart-TX0119407.csv");

/// A command's exit status, standard output and standard error.
pub(crate) async fn run(arguments: &[&str], input: &[u8]) -> anyhow::Result<(Option<i32>, String, String)> {
    let mut command = owsc();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut pipe = child.stdin.take().context("it has a standard input")?;
    // A command that does not read its input does not need it.
    let _ = pipe.write_all(input).await;
    drop(pipe);
    let Output { status, stdout, stderr } = child.wait_with_output().await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((status.code(), text(stdout), text(stderr)))
}

pub(crate) async fn json_of(arguments: &[&str], input: &[u8]) -> anyhow::Result<(Option<i32>, Value)> {
    let (status, stdout, stderr) = run(arguments, input).await?;
    let document = serde_json::from_str(&stdout).with_context(|| format!("one document: {stdout}{stderr}"))?;
    Ok((status, document))
}

/// The commands that `owsc --help` lists.
async fn commands() -> anyhow::Result<Vec<String>> {
    let (_, help, _) = run(&["--help"], b"").await?;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    Ok(listed.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect())
}

#[tokio::test]
async fn former_names_of_commands_are_understood_and_today_s_are_said() -> anyhow::Result<()> {
    for (former, now) in [
        ("process-chemistry", "fit"),
        ("monitor-batch", "monitor"),
        ("simulate-stream", "simulate"),
        ("cert", "certificate"),
        ("dashboard", "serve"),
    ] {
        let (status, help, errors) = run(&["--log-format", "json", former, "--help"], b"").await?;
        assert_eq!(status, Some(0), "{errors}");
        assert!(help.contains(&format!("Usage: owsc {now}")), "{help}");
        assert!(errors.contains(&format!("{former} is now called {now}")), "{errors}");
    }
    let (status, stdout, errors) =
        run(&["monitor-batch", "--json", "-"], b"time,species,concentration\n1,SO4,300\n").await?;
    assert_eq!(status, Some(1), "{stdout}{errors}");
    let document: Value = serde_json::from_str(&stdout).context("one document and nothing else")?;
    assert!(document.is_object() && errors.starts_with("monitor-batch is now called monitor"), "{document}{errors}");
    Ok(())
}

#[tokio::test]
async fn every_command_says_what_it_is_for_and_is_documented() -> anyhow::Result<()> {
    let commands = commands().await?;
    assert!(commands.len() > 10, "{commands:?}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs/commands.md");
    let page = fs::read_to_string(page)?;
    for command in commands.iter().filter(|command| *command != "help") {
        let (status, help, errors) = run(&[command, "--help"], b"").await?;
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{command}");
        assert!(help.contains(&format!("Usage: owsc {command}")), "{help}");
        assert!(page.contains(&format!("owsc {command}")), "docs/commands.md does not name {command}");
        // A wrong command line is bad input, whatever clap's own status is.
        assert_eq!(run(&[command, "--no-such-option"], b"").await?.0, Some(3), "{command}");
    }
    assert_eq!(run(&["--version"], b"").await?.0, Some(0));
    assert_eq!(run(&["no-such-command"], b"").await?.0, Some(3));
    Ok(())
}

#[tokio::test]
async fn monitor_finds_epas_eight_exceedances_in_a_file_and_in_a_pipe() -> anyhow::Result<()> {
    let chart = fs::read(CHART)?;
    for (file, input) in [(CHART, &b""[..]), ("-", &chart)] {
        let (status, document) = json_of(&["monitor", file, "--json"], input).await?;
        assert_eq!((status, &document["alerts_total"]), (Some(1), &json!(8)), "{document}");
        assert_eq!((&document["outcome"], &document["status"]), (&json!("exceedances"), &json!(1)));
        let percents: Vec<_> =
            document["alerts"].as_array().into_iter().flatten().map(|alert| &alert["percent"]).collect();
        assert_eq!(json!(percents), json!([62, 55, 60, 44, 8, 10, 28, 4]), "in the order of time");
    }
    let (status, text, errors) = run(&["monitor", CHART, "--limit", "3"], b"").await?;
    assert_eq!((status, errors.as_str()), (Some(1), ""));
    assert!(text.contains("and 5 earlier ones") && text.trim_end().ends_with("8 exceedances"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text:?}");
    Ok(())
}

#[tokio::test]
async fn the_status_of_monitor_is_what_the_files_come_to() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text);
    write("permit.json", json!({"limits": [{"parameter": "Zn", "value": 5, "unit": "mg/L", "direction": "max", "statistic": "instant"}]}).to_string())?;
    write("limits.json", "{\"limits\": 7}".into())?;
    write("good.csv", format!("{HEADER}\n1,Zn,2\n"))?;
    write("beyond.csv", format!("{HEADER}\n2,Zn,9\n"))?;
    write("doubtful.csv", format!("{HEADER}\n3,Zn,3\nx,Zn,4\n"))?;
    write("unlimited.csv", format!("{HEADER}\n1,Unheard of,2\n"))?;
    write("sites.csv", format!("site,{HEADER}\nnorth,1,Zn,9\nsouth,1,Zn,9\n"))?;
    write("correction.csv", format!("{HEADER}\n2,Zn,1\n"))?;
    for (files, expected, said) in [
        (vec!["good.csv"], 0, "Nothing is beyond its limit"),
        (vec!["good.csv", "beyond.csv"], 1, "1 exceedance"),
        (vec!["doubtful.csv", "beyond.csv"], 1, "1 exceedance"),
        (vec!["doubtful.csv"], 2, "line 3, time: \"x\""),
        (vec!["unlimited.csv"], 2, "not everything could be judged"),
        (vec!["sites.csv"], 1, "2 exceedances"),
        // A later file corrects what an earlier one had.
        (vec!["beyond.csv", "correction.csv"], 0, "Nothing is beyond its limit"),
        (vec!["good.csv", "missing.csv"], 3, "No such file"),
    ] {
        let paths: Vec<String> = files.iter().map(|file| folder.path().join(file).display().to_string()).collect();
        let permit = folder.path().join("permit.json").display().to_string();
        let arguments: Vec<&str> =
            ["monitor", "--permit", &permit].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let (status, stdout, stderr) = run(&arguments, b"").await?;
        assert_eq!(status, Some(expected), "{files:?}: {stdout}{stderr}");
        assert!(stdout.contains(said), "{files:?}: {stdout}");
    }
    let (bad, good) = (folder.path().join("limits.json"), folder.path().join("good.csv"));
    let (status, _, stderr) =
        run(&["monitor", "--permit", &bad.display().to_string(), &good.display().to_string()], b"").await?;
    assert!(status == Some(3) && stderr.contains("limits"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_command_leaves_nothing_behind() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut command = owsc();
    command.args(["monitor", "-"]).env("TMPDIR", folder.path()).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    let entries = || fs::read_dir(folder.path()).map(|entries| entries.count()).unwrap_or_default();
    assert!(until(async || Ok(entries()), |count| *count > 0).await? > 0, "it has a folder");
    // Waiting for the child closes its input: what would be complete only now is not judged any more.
    signal(&child, "-INT").await?;
    assert_eq!(child.wait().await?.code(), Some(130));
    assert_eq!(entries(), 0);
    Ok(())
}

#[tokio::test]
async fn what_is_simulated_is_the_same_for_a_seed_and_a_server_takes_it() -> anyhow::Result<()> {
    let once = run(&["simulate", "--days", "2", "--seed", "5"], b"").await?;
    assert_eq!(once, run(&["simulate", "--days", "2", "--seed", "5"], b"").await?);
    assert_ne!(once.1, run(&["simulate", "--days", "2", "--seed", "6"], b"").await?.1);
    let (_, document) = json_of(&["monitor", "-", "--json"], once.1.as_bytes()).await?;
    assert_eq!(document["files"][0]["answer"]["rows_refused"], 0, "{document}");
    let server = Server::options().env("OW_SC_RL_PER_SEC", "1000").env("OW_SC_WS_MSGS_PER_SEC", "1000").start().await?;
    let (api, url) = (Api::new(&server), server.url(""));
    let posted =
        run(&["simulate", "--post", "--days", "2", "--calm", "--every", "1h", "--site", "posted", "--url", &url], b"")
            .await?;
    assert_eq!(posted.0, Some(0), "{posted:?}");
    let live = run(
        &[
            "simulate", "--live", "--days", "1", "--calm", "--every", "6h", "--site", "live", "--rate", "200", "--url",
            &url,
        ],
        b"",
    )
    .await?;
    assert_eq!(live.0, Some(0), "{live:?}");
    for (site, readings) in [("posted", 48), ("live", 4)] {
        let series = api.list(&format!("/api/series?site={site}"), "series").await?;
        assert_eq!(series.len(), 8, "{site}: {series:?}");
        for id in series.iter().filter_map(|series| series["id"].as_str()) {
            let found = api.json(&format!("/api/readings?site={site}&series={id}")).await?;
            assert_eq!(found["total"], readings, "{site}: {found}");
        }
    }
    Ok(())
}

/// A server on a port, once it answers.
async fn serve(data: &Path, port: u16) -> anyhow::Result<(Child, Api)> {
    let mut command = owsc();
    command.args(["serve", "--port", &port.to_string()]).env("OW_SC_DATA_DIR", data);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let api = Api::at(&format!("http://127.0.0.1:{port}"));
    let ready = async || Ok(api.get("/readyz").await.is_ok_and(|answer| answer.status() == 200));
    let is_ready = until(ready, |is_ready| *is_ready).await?;
    anyhow::ensure!(is_ready, "it does not start");
    Ok((child, api))
}

async fn signal(child: &Child, signal: &str) -> anyhow::Result<()> {
    let id = child.id().context("it runs")?.to_string();
    anyhow::ensure!(Command::new("kill").args([signal, &id]).status().await?.success());
    Ok(())
}

#[tokio::test]
async fn alerts_are_shown_as_they_come_and_a_restart_of_the_server_loses_none() -> anyhow::Result<()> {
    let data = TempDir::new()?;
    // Free now, and unlikely to be taken before it is used.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let (mut server, api) = serve(data.path(), port).await?;
    let url = format!("http://127.0.0.1:{port}");
    let mut command = owsc();
    command.args(["monitor", "--live", "--json", "--site", "north", "--url", &url]).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("it prints")?).lines();
    let mut next = async || -> anyhow::Result<Value> {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??;
        Ok(serde_json::from_str(&line.context("it goes on")?)?)
    };
    // It sees nothing before it is connected.
    let connected = async || Ok(api.get("/metrics").await?.text().await?.contains("ws_active_connections 1"));
    assert!(until(connected, |is_there| *is_there).await?, "it is connected");
    api.ingest("?site=north", format!("{HEADER}\n1,SO4,900\n")).await?;
    assert_eq!(next().await?["alerts"][0]["value"], 900.0);
    signal(&server, "-TERM").await?;
    server.wait().await?;
    let (_server, api) = serve(data.path(), port).await?;
    api.ingest("?site=north", format!("{HEADER}\n2,SO4,901\n")).await?;
    assert_eq!(next().await?["alerts"][0]["value"], 901.0);
    signal(&child, "-INT").await?;
    assert_eq!(child.wait().await?.code(), Some(1), "it has seen exceedances");
    Ok(())
}

#[tokio::test]
async fn certificates_and_advice_of_files_and_of_a_server() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let page = folder.path().join("certificate.html").display().to_string();
    let (status, of_file) = json_of(&["certificate", CHART, "--out", &page, "--json", "--site", "north"], b"").await?;
    assert_eq!((status, &of_file["status"], &of_file["exceedances"]), (Some(1), &json!("non_compliant"), &json!(8)));
    assert!(fs::read_to_string(&page)?.contains("NON-COMPLIANT"));
    let server = Server::start().await?;
    Api::new(&server).ingest("?site=north", fs::read(CHART)?).await?;
    let url = server.url("");
    let (status, mut of_server) = json_of(&["certificate", "--site", "north", "--url", &url, "--json"], b"").await?;
    of_server["generated_at"] = of_file["generated_at"].clone();
    assert_eq!((status, &of_server), (Some(1), &of_file));
    let (status, text, _) =
        run(&["certificate", "--site", "north", "--url", &url, "--from", "2020-01-01", "--to", "2020-01-31"], b"")
            .await?;
    assert!(status == Some(2) && text.contains("INSUFFICIENT DATA"), "{text}");
    assert_eq!(run(&["certificate", "--site", "nowhere", "--url", &url], b"").await?.0, Some(3));
    // Nobody answers, and the command must not wait for minutes to say so.
    let asked = Instant::now();
    let (status, _, stderr) = run(&["certificate", "--site", "north", "--url", "http://127.0.0.1:9"], b"").await?;
    assert!(status == Some(3) && stderr.contains("refused"), "{stderr}");
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    let (_, found, _) = run(&["monitor", CHART, "--json"], b"").await?;
    let (status, advice) = json_of(&["advise", "--alerts", "-", "--json"], found.as_bytes()).await?;
    assert_eq!((status, &advice["alert_count"]), (Some(0), &json!(8)), "{advice}");
    let (status, text, _) = run(&["advise", "pH", "--direction", "min"], b"").await?;
    assert!(status == Some(0) && text.contains("too low"), "{text}");
    assert_eq!(run(&["advise", "--alerts", "-"], b"7").await?.0, Some(3));
    Ok(())
}

#[tokio::test]
async fn shells_and_the_manual_get_what_they_need() -> anyhow::Result<()> {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (status, script, _) = run(&["completions", shell], b"").await?;
        assert!(status == Some(0) && script.contains("monitor"), "{shell}");
    }
    let folder = TempDir::new()?;
    let pages = folder.path().join("man/man1");
    assert_eq!(run(&["man", "--to", &pages.display().to_string()], b"").await?.0, Some(0));
    for command in commands().await?.iter().filter(|command| *command != "help") {
        assert!(pages.join(format!("owsc-{command}.1")).is_file(), "{command}");
    }
    Ok(())
}

#[tokio::test]
async fn logs_are_what_was_asked_for_and_never_in_the_way_of_json() -> anyhow::Result<()> {
    let (status, stdout, stderr) =
        run(&["certificate", "/nowhere.csv", "--log-format", "json", "--json", "--site", "x"], b"").await?;
    assert_eq!((status, stdout.as_str()), (Some(3), ""), "{stderr}");
    let line: Value = serde_json::from_str(stderr.lines().next().unwrap_or_default())?;
    assert_eq!(line["file"], "/nowhere.csv");
    Ok(())
}

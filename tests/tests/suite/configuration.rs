//! Starting and stopping: settings, the command line, ports, data directories, signals.

use crate::support::{serve, served, taken, tidy};
use serde_json::json;
use std::collections::BTreeSet;
use std::process::Output;
use std::time::{Duration, Instant};
use tests::server::{Options, owsc};
use tests::{Api, Server, Socket};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn typed(arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let Output { status, stdout, stderr } = owsc().args(arguments).output().await?;
    Ok((status.code(), String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

/// A start that must fail: its message.
async fn fails(options: Options) -> anyhow::Result<String> {
    let (status, log) = options.run_to_end().await?;
    anyhow::ensure!(status.code() == Some(1), "{status}: {log}");
    anyhow::ensure!(!log.contains("panicked"), "{log}");
    Ok(log)
}

/// A bad value of each setting, and what its message says is expected.
const REFUSED: [(&str, &str, &str); 33] = [
    ("OW_SC_API_TOKEN", "two words", "visible ASCII"),
    ("OW_SC_ALLOW_ANONYMOUS", "maybe", "0, 1, true or false"),
    ("OW_SC_HOSTS", "https://plant.example", "a comma list of host names"),
    ("OW_SC_BACKUP", "/dev/null/below", "a folder"),
    ("OW_SC_BACKUP_EVERY", "1d", "a whole number"),
    ("OW_SC_BACKUP_KEEP", "0", "a whole number"),
    ("OW_SC_HSTS", "31536000", "max-age=SECONDS"),
    ("OW_SC_METRICS_PROTECT", "maybe", "0, 1, true or false"),
    ("OW_SC_METRICS_TOKEN", "two words", "visible ASCII"),
    ("OW_SC_RL_PER_SEC", "ten", "a whole number from 1 to 1000000"),
    ("OW_SC_RL_PER_SEC", "0", "a whole number from 1 to 1000000"),
    ("OW_SC_WS_MSGS_PER_SEC", "-1", "a whole number"),
    ("OW_SC_WS_MAX_MESSAGE_BYTES", "8k", "a whole number"),
    ("OW_SC_MAX_CSV_BYTES", "10 MB", "a whole number"),
    ("OW_SC_MAX_CSV_ROWS", "1e6", "a whole number"),
    ("OW_SC_SWEEP_EVERY", "30s", "a whole number"),
    ("OW_SC_MAX_BATCH_BYTES", "5 GB", "a whole number"),
    ("OW_SC_INBOX", "/dev/null/below", "a folder"),
    ("OW_SC_SOURCE_HOSTS", "https://lims.plant.example", "a comma list of hosts"),
    ("OW_SC_SOURCE_SECRETS", r#"{"lab": "Bearer two-words"}"#, "authorization"),
    ("OW_SC_CORS_ORIGINS", "*", "a comma list of origins"),
    ("OW_SC_TRUSTED_PROXIES", "10.0.0.0/33", "a comma list of addresses and networks"),
    ("OW_SC_LIVE_URL", "https://api/ws", "a ws or wss URL"),
    ("OW_SC_UPLOAD_URL", "s3://plant", "an http or https URL"),
    ("OW_SC_PUSH_URL", "wss://api/ws", "an http or https URL"),
    ("OW_SC_TABLE", "a b", "3 to 255"),
    // A file.
    ("OW_SC_DATA_DIR", "/dev/null", "a folder"),
    ("OW_SC_DATA_DIR", "/dev/null/below", "a folder"),
    ("OW_SC_REDIS_URL", "http://:two words@host", "redis://"),
    ("OW_SC_REDIS_URL", "redis://:two-words@host:notaport", "redis://"),
    ("OW_SC_REDIS_CHANNEL", "two words", "visible ASCII"),
    ("LOG_FORMAT", "xml", "text or json"),
    ("LOG_LEVEL", "loud", "off, error, warn, info, debug or trace"),
];

/// Settings whose values appear in no message.
const SECRETS: [&str; 4] = ["OW_SC_API_TOKEN", "OW_SC_METRICS_TOKEN", "OW_SC_REDIS_URL", "OW_SC_SOURCE_SECRETS"];

#[tokio::test]
async fn a_value_that_does_not_parse_stops_the_start_and_is_named_with_what_was_expected() -> anyhow::Result<()> {
    for (name, value, expected) in REFUSED {
        let log = fails(Server::options().env(name, value)).await?;
        for part in [&format!("{name}="), expected] {
            assert!(log.contains(part), "{part} is not in {log}");
        }
        assert_eq!(log.contains(value), !SECRETS.contains(&name), "{name}: {log}");
        assert!(!SECRETS.contains(&name) || !log.contains("words"), "{log}");
    }
    Ok(())
}

#[test]
fn every_documented_setting_is_refused_once() {
    let page = include_str!("../../../docs/configure.md");
    let section = page.split("\n## ").find(|section| section.starts_with("Settings\n")).unwrap_or_default();
    let documented: BTreeSet<_> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(documented, REFUSED.iter().map(|(name, ..)| *name).collect());
}

#[tokio::test]
async fn unknown_settings_are_warned_about_and_known_ones_are_not() -> anyhow::Result<()> {
    let options =
        Server::options().env("OW_SC_RL_PERSEC", "5").env("OW_SC_REDIS_CHANNEL", "x").env("OW_SC_TABLE", "plant-1");
    let (server, api) = serve(options).await?;
    assert_eq!(api.get("/readyz").await?.status(), 200);
    let log = server.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("OW_SC_RL_PERSEC") && warnings[0].contains("unknown setting"), "{log}");
    Ok(())
}

#[tokio::test]
async fn an_empty_value_is_as_good_as_none() -> anyhow::Result<()> {
    let (_server, api) = serve(Server::options().env("OW_SC_API_TOKEN", "").env("LOG_LEVEL", " ")).await?;
    assert_eq!(api.get("/api/status").await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn fault_21_the_command_line_starts_and_explains_itself() -> anyhow::Result<()> {
    let (code, out, _) = typed(&["--help"]).await?;
    assert_eq!(code, Some(0));
    assert!(out.contains("serve") && out.contains("effluent monitor"), "{out}");
    let (code, out, _) = typed(&["serve", "--help"]).await?;
    assert_eq!(code, Some(0));
    for option in ["--host", "--port", "127.0.0.1", "8000", "--database", "--demo"] {
        assert!(out.contains(option), "{option} is not in {out}");
    }
    assert_eq!(typed(&["--version"]).await?, (Some(0), format!("owsc {}\n", env!("CARGO_PKG_VERSION")), String::new()));
    for wrong in
        [&["serve", "--prot", "1"][..], &["serve", "--port", "99999"], &["serve", "--host", "here"], &["swerve"], &[]]
    {
        let (code, _, err) = typed(wrong).await?;
        // Not clap's own 2, which says here that not everything could be judged.
        assert_eq!(code, Some(3), "{wrong:?}");
        assert!(err.contains("--help"), "{err}");
    }
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() -> anyhow::Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let (data, port) = (tempfile::tempdir()?, taken.local_addr()?.port().to_string());
    let mut command = owsc();
    command.args(["serve", "--database", "embedded", "--port", &port]).env("OW_SC_DATA_DIR", data.path());
    let output = command.output().await?;
    let log = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("cannot listen on 127.0.0.1:{port}")) && log.contains("in use"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() -> anyhow::Result<()> {
    let (mut server, api) = served().await?;
    let data = server.data().to_str().unwrap_or_default().to_owned();
    let log = fails(Server::options().env("OW_SC_DATA_DIR", &data)).await?;
    assert!(log.contains("another process uses the database") && log.contains(&data), "{log}");
    assert_eq!(api.get("/readyz").await?.status(), 200);
    server.kill().await?;
    // The lock ends with the process, however it ends.
    let (_server, api) = serve(Server::options().env("OW_SC_DATA_DIR", &data)).await?;
    assert_eq!(api.get("/readyz").await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_a_clear_error() -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    let below = file.path().join("data").to_str().unwrap_or_default().to_owned();
    let log = fails(Server::options().env("OW_SC_DATA_DIR", &below)).await?;
    assert!(log.contains("cannot create") && log.contains(&below), "{log}");
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_a_quiet_server_with_status_0_and_nothing_is_lost() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let (mut server, api) = serve(Server::options().data(data.path())).await?;
    taken(&api, "", tidy(&["1,SO4,900"])).await?;
    let mut socket = Socket::ready(&server.ws_url("/ws/effluent")).await?;
    let started = Instant::now();
    let status = server.terminate().await?;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let (close, _) = socket.closed().await?;
    assert_eq!(close.map(|frame| u16::from(frame.code)), Some(1001), "going away");
    let (_server, api) = serve(Server::options().data(data.path())).await?;
    assert_eq!(api.json("/api/alerts").await?["alerts"][0]["value"], json!(900.0));
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_a_server_within_ten_seconds_even_if_a_body_never_arrives() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let mut stalled = TcpStream::connect(server.address()).await?;
    let head =
        "POST /api/ingest HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n\r\ntime,species";
    stalled.write_all(head.as_bytes()).await?;
    // An answer to a later request shows that the server has accepted the first.
    assert_eq!(Api::new(&server).get("/health").await?.status(), 200);
    let started = Instant::now();
    let status = server.terminate().await?;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(status.code(), Some(0), "{}", server.log());
    Ok(())
}

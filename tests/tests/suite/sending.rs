//! `owsc ingest`: sends files from the command line, with an exit status for scripts.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use tests::Server;
use tests::server::owsc;

const HEADER: &str = "time,species,concentration";

async fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let Output { status, stdout, stderr } = owsc().args(arguments).current_dir(folder).output().await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((status.code(), text(stdout), text(stderr)))
}

#[tokio::test]
async fn the_status_tells_what_became_of_the_files() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::start().await?;
    let url = server.url("");
    for (name, rows) in [
        ("good.csv", "1,SO4,2\n"),
        ("beyond.csv", "2,SO4,900\n"),
        ("doubtful.csv", "3,SO4,3\nx,SO4,4\n"),
        ("mixed.csv", "100,SO4,900\nx,SO4,4\n"),
        ("bad.csv", "x,SO4,much\n"),
    ] {
        fs::write(folder.path().join(name), format!("{HEADER}\n{rows}"))?;
    }
    for (files, expected, said) in [
        (vec!["good.csv"], 0, "1 of 1 rows taken"),
        (vec!["doubtful.csv"], 2, "line 3, time: \"x\""),
        (vec!["beyond.csv", "good.csv"], 1, "2 exceedances"),
        (vec!["mixed.csv"], 1, "line 3, time: \"x\""),
        (vec!["good.csv", "bad.csv"], 3, "1 of 1 rows cannot be read"),
        (vec!["missing.csv"], 3, "No such file"),
    ] {
        let arguments: Vec<&str> =
            ["ingest", "--url", &url, "--site", "north"].into_iter().chain(files.clone()).collect();
        let (status, stdout, stderr) = run(folder.path(), &arguments).await?;
        assert_eq!(status, Some(expected), "{files:?}: {stdout}{stderr}");
        assert!(stdout.contains(said), "{files:?}: {stdout}");
    }
    let nobody = run(folder.path(), &["ingest", "--check", "good.csv", "doubtful.csv"]).await?;
    assert_eq!(nobody.0, Some(2), "{nobody:?}");
    assert!(nobody.1.contains("1 of 2 rows can be taken"), "{nobody:?}");
    Ok(())
}

#[tokio::test]
async fn a_long_file_goes_in_parts_and_json_is_all_that_is_printed() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let server = Server::options().env("OW_SC_API_TOKEN", "a-secret").start().await?;
    let talk = "x".repeat(60_000);
    let rows: String = (0..300).map(|row| format!("{row},SO4,2,{talk}\n")).collect();
    fs::write(folder.path().join("long.csv"), format!("{HEADER},talk\n{rows}"))?;
    let url = server.url("/");
    let arguments = ["ingest", "long.csv", "--url", &url, "--site", "north", "--token", "a-secret", "--json"];
    let (status, stdout, stderr) = run(folder.path(), &arguments).await?;
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    let document: Value = serde_json::from_str(&stdout)?;
    let file = &document["files"][0];
    assert_eq!((&file["answer"]["rows_taken"], &document["outcome"]), (&json!(300), &json!("compliant")), "{document}");
    assert!(!format!("{stdout}{stderr}").contains("a-secret"));
    let (status, stdout, _) =
        run(folder.path(), &["ingest", "long.csv", "--url", &url, "--token", "wrong", "--json"]).await?;
    let document: Value = serde_json::from_str(&stdout)?;
    assert_eq!((status, &document["files"][0]["error"]["code"]), (Some(3), &json!("unauthorized")), "{document}");
    Ok(())
}

//! `owsc fit` and `owsc criteria`, and the page that documents them.

use crate::commands::{json_of, run};
use anyhow::Context;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tests::host;
use tests::{Api, Server};
use tokio::process::Command;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs")
}

/// One of NIST's data sets as CSV: the columns after its header.
fn certified(name: &str) -> anyhow::Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests have a folder")?;
    let text = fs::read_to_string(root.join("shared/chemistry/tests/data").join(name))?;
    let (_, data) = text.rsplit_once("Data:").context("it has data")?;
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(",");
    Ok(data.lines().skip(1).filter(|line| !line.trim().is_empty()).map(|line| row(line) + "\n").collect())
}

/// The blocks of a page: commands, and their output.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```") {
        let Some((block, later)) = after.split_once("```") else { break };
        found.extend(block.split_once('\n'));
        rest = later;
    }
    found
}

/// The page's pictures are checked too: its commands draw them into a copy of its folder.
#[tokio::test]
async fn what_the_page_shows_is_what_its_commands_print() -> anyhow::Result<()> {
    let (folder, page) = (tempfile::tempdir()?, fs::read_to_string(docs().join("chemistry.md"))?);
    for name in ["examples", "images"] {
        fs::create_dir(folder.path().join(name))?;
    }
    for file in fs::read_dir(docs().join("examples"))? {
        let file = file?;
        fs::copy(file.path(), folder.path().join("examples").join(file.file_name()))?;
    }
    let server = Server::start().await?;
    let api = Api::new(&server);
    let path = format!("{}:{}", host::binaries().display(), std::env::var("PATH")?);
    let (mut printed, mut shown) = (String::new(), 0);
    for (kind, text) in blocks(&page) {
        if kind == "text" {
            assert_eq!(text, printed, "docs/chemistry.md");
            shown += 1;
            continue;
        }
        if let Some((_, body)) = text.split_once("-d '") {
            // The page's `curl` requests are sent to a real server.
            let wanted = serde_json::from_str(body.trim_end().trim_end_matches('\''))?;
            let (status, answer) = api.post("/api/chemistry/fit", &wanted).await?;
            assert_eq!(status, 202, "{answer}");
            let id = answer["id"].as_str().context("an id")?;
            assert_eq!(crate::fits::over(&api, id).await?["state"], "done");
            continue;
        }
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", text]).current_dir(folder.path()).env("PATH", &path);
        let done = command.output().await?;
        assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
        printed = String::from_utf8(done.stdout)?;
    }
    assert!(shown >= 5, "{shown} answers are shown");
    for picture in ["fit-peroxide.svg", "fit-peroxide-zero.svg"] {
        let (drawn, kept) = (folder.path().join("images").join(picture), docs().join("images").join(picture));
        assert!(fs::read(drawn)? == fs::read(kept)?, "docs/images/{picture} is not what the command draws");
    }
    Ok(())
}

fn close(found: &Value, expected: f64) -> bool {
    found.as_f64().is_some_and(|found| ((found - expected) / expected).abs() < 5e-7)
}

#[tokio::test]
async fn a_file_gives_nists_certified_numbers() -> anyhow::Result<()> {
    for (file, expected) in [
        ("misra1a.dat", [(238.94212918, 2.7070075241), (5.5015643181e-4, 7.2668688436e-6)]),
        ("boxbod.dat", [(213.80940889, 12.354515176), (0.54723748542, 0.10455993237)]),
    ] {
        let rows = format!("y,x\n{}", certified(file)?);
        let (status, fit) = json_of(&["fit", "-", "--model", "bod_first", "--json"], rows.as_bytes()).await?;
        assert_eq!(status, Some(0));
        let estimates = fit["parameters"].as_array().context("parameters")?;
        assert_eq!(estimates.len(), expected.len(), "{fit}");
        for (estimate, (value, error)) in std::iter::zip(estimates, expected) {
            assert!(close(&estimate["value"], value) && close(&estimate["standard_error"], error), "{estimate}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_servers_readings_are_fitted_by_their_hours() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let rows: String = (0..48)
        .map(|hour| {
            format!(
                "2026-03-0{}T{:02}:00:00Z,H2O2,{}\n",
                1 + hour / 24,
                hour % 24,
                50.0 * (-0.1 * f64::from(hour)).exp()
            )
        })
        .collect();
    let file = format!("time,species,concentration\n{rows}2026-03-03T00:00:00Z,H2O2,<0.1\n");
    Api::new(&server).ingest("?site=jars", file).await?;
    let url = server.url("");
    let arguments = ["fit", "--model", "decay_first", "--site", "jars", "--parameter", "h2o2", "--json", "--url", &url];
    let (status, fit) = json_of(&arguments, b"").await?;
    assert_eq!((status, &fit["points"]), (Some(0), &json!(48)), "a non-detect is not a point: {fit}");
    assert!(close(&fit["parameters"][1]["value"], 0.1), "{fit}");
    let part = [&arguments[..], &["--from", "2026-03-01T10:00:00Z", "--to", "2026-03-01T19:00:00Z"]].concat();
    assert_eq!(json_of(&part, b"").await?.1["points"], 10);
    let (status, _, stderr) = run(&["fit", "--model", "linear", "--parameter", "gold", "--url", &url], b"").await?;
    assert!(status == Some(3) && stderr.contains("no gold"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_fitted_is_said() -> anyhow::Result<()> {
    let data = b"x,y,s\n1,2,0.1\n2,4.1,0.1\n3,5.9,0.1\n";
    for (arguments, input, said) in [
        (&["--model", "cubic"][..], &data[..], "there are decay_zero, decay_first"),
        (&["--model", "linear", "--x", "z"], data, "there is no column \"z\"; there are x, y, s"),
        (&["--model", "linear", "--fix", "Kd"], data, "NAME=VALUE is expected"),
        (&["--model", "linear", "--fix", "K=1"], data, "it has Kd"),
        (&["--model", "temkin", "--linear"], data, "not drawn as a straight line"),
        (&["--model", "linear"], b"x,y\n1,much\n", "line 2, y: \"much\" is not a number"),
        (&["--model", "linear"], b"", "there is no column 1"),
        (&["--model", "linear"], b"x,y\n", "no point"),
    ] {
        let (status, stdout, stderr) = run(&[&["fit", "-"], arguments].concat(), input).await?;
        assert_eq!((status, stdout.as_str()), (Some(3), ""), "{arguments:?}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    // Few points give a fit with a warning.
    let (status, fit) = json_of(&["fit", "-", "--model", "langmuir", "--json"], b"x,y\n1,2\n2,3\n").await?;
    assert_eq!((status, &fit["warnings"][0]["kind"]), (Some(0), &json!("too_few_points")), "{fit}");
    Ok(())
}

#[tokio::test]
async fn criteria_are_those_of_the_water() -> anyhow::Result<()> {
    let (status, found) = json_of(&["criteria", "zn_acute_hardness", "--hardness", "100", "--json"], b"").await?;
    let value = found["criteria"][0]["value"].as_f64().unwrap_or_default();
    assert!(status == Some(0) && (115.0..125.0).contains(&value), "{found}");
    let (_, text, _) = run(&["criteria", "--ph", "8", "--temperature", "20"], b"").await?;
    assert!(text.contains("unionised_ammonia_fraction: 0.038") && !text.contains("zn_"), "{text}");
    for (arguments, said) in [
        (&["criteria", "zn_acute_hardness"][..], "needs the hardness"),
        (&["criteria", "zn_acute_hardness", "--hardness", "-1"], "above 0"),
        (&["criteria", "gold"], "no criterion"),
    ] {
        let (status, _, stderr) = run(arguments, b"").await?;
        assert!(status == Some(3) && stderr.contains(said), "{stderr}");
    }
    Ok(())
}

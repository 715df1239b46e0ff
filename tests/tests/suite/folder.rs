//! Properties of an inbox in a folder: files that grow, and servers that share it.

use crate::support::{alerts, serve, until};
use anyhow::ensure;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tests::faults::Chances;
use tests::inbox::put;
use tests::table::Table;
use tests::{Api, Faults, Server};

const HEADER: &str = "time,species,concentration";

/// A server with an inbox.
async fn with_inbox(folder: &Path) -> anyhow::Result<(Server, Api)> {
    serve(Server::options().env("OW_SC_INBOX", &folder.display().to_string())).await
}

/// The account beside a file once it has left the inbox.
async fn account(inbox: &TempDir, place: &str) -> anyhow::Result<Value> {
    let path = inbox.path().join(place);
    let is_there = until(async || Ok(path.exists()), |there| *there).await?;
    ensure!(is_there, "{} has not left the inbox", path.display());
    let mut beside = path.into_os_string();
    beside.push(".json");
    Ok(serde_json::from_slice(&fs::read(&beside)?)?)
}

#[tokio::test]
async fn a_file_that_is_being_written_is_left_until_it_is_whole() -> anyhow::Result<()> {
    let inbox = TempDir::new()?;
    let (_server, _api) = with_inbox(inbox.path()).await?;
    fs::create_dir(inbox.path().join("slow"))?;
    // One program keeps it open and writes now and then; the other opens it for each line.
    let (held, appended) = (inbox.path().join("slow/held.csv"), inbox.path().join("slow/appended.csv"));
    let mut open = fs::File::create(&held)?;
    writeln!(open, "{HEADER}")?;
    fs::write(&appended, format!("{HEADER}\n"))?;
    for row in 0..9 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fs::OpenOptions::new().append(true).open(&appended)?.write_all(format!("{row},SO4,1\n").as_bytes())?;
        assert!(held.exists() && appended.exists(), "after {row} rows");
    }
    assert_eq!(account(&inbox, "done/slow/appended.csv").await?["answer"]["rows_taken"], 9);
    assert!(held.exists(), "nobody has closed it");
    writeln!(open, "1,SO4,2")?;
    drop(open);
    assert_eq!(account(&inbox, "done/slow/held.csv").await?["answer"]["rows_taken"], 1);
    Ok(())
}

#[tokio::test]
async fn a_server_that_was_killed_finishes_what_it_had_begun() -> anyhow::Result<()> {
    let (inbox, data) = (TempDir::new()?, TempDir::new()?);
    let options = || Server::options().data(data.path()).env("OW_SC_INBOX", &inbox.path().display().to_string());
    let (mut server, api) = serve(options()).await?;
    let rows: String = (0..300_000).map(|row| format!("{row},SO4,{}\n", row % 500)).collect();
    put(inbox.path(), "north/long.csv", format!("{HEADER}\n{rows}"))?;
    let begun = until(async || api.list("/api/ingests", "ingests").await, |ledger| !ledger.is_empty()).await?;
    ensure!(!begun.is_empty(), "it has not begun");
    server.kill().await?;
    let (_server, api) = serve(options()).await?;
    let account = account(&inbox, "done/north/long.csv").await?;
    assert_eq!(account["answer"]["rows_taken"], 300_000, "{account}");
    assert_eq!(api.json("/api/overview?site=north").await?["pending"], 0);
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), 1);
    Ok(())
}

/// Two servers watch one folder.
#[tokio::test]
async fn many_files_are_taken_in_once_each_in_the_order_of_their_names() -> anyhow::Result<()> {
    let inbox = TempDir::new()?;
    let fleet = tests::fleet::Fleet::start(2, &[("OW_SC_INBOX", &inbox.path().display().to_string())]).await?;
    let files = 60;
    for file in 0..files {
        for site in ["north", "south"] {
            // Each corrects the previous one.
            put(
                inbox.path(),
                &format!("{site}/{file:03}.csv"),
                format!("{HEADER}\n1,SO4,{file}\n2,SO4,{}\n", file + 1000),
            )?;
        }
    }
    for site in ["north", "south"] {
        account(&inbox, &format!("done/{site}/{:03}.csv", files - 1)).await?;
    }
    let api = fleet.api(0);
    let ledger = api.list("/api/ingests?limit=100", "ingests").await?;
    assert_eq!(ledger.len(), 2 * files);
    for site in ["north", "south"] {
        let mut of_site: Vec<&Value> = ledger.iter().filter(|record| record["site"] == site).collect();
        of_site.reverse();
        let sources: Vec<&str> = of_site.iter().map(|record| record["source"].as_str().unwrap_or_default()).collect();
        assert!(sources.is_sorted(), "{sources:?}");
        let alerts = alerts(&api, site).await?;
        let last = alerts.iter().find(|alert| alert["statistic"] == "instant");
        assert_eq!(last.map(|alert| &alert["value"]), Some(&json!(files as f64 + 999.0)), "{alerts:?}");
    }
    assert!(!inbox.path().join("done/north/000 (2).csv").exists(), "none was taken in twice");
    Ok(())
}

/// The table throttles, reports conflicts, fails and delays answers; and a client posts the same files without waiting.
#[tokio::test]
async fn a_table_that_misbehaves_and_others_with_the_same_files_change_nothing() -> anyhow::Result<()> {
    let (inbox, table) = (TempDir::new()?, Table::new()?);
    let faults = Faults::before(table.endpoint(), 7)?;
    let options = Server::options().table(faults.endpoint(), table.name());
    let (_server, api) = serve(options.env("OW_SC_INBOX", &inbox.path().display().to_string())).await?;
    faults.set(Chances::every(0.05));
    faults.on();
    let file = |number: usize| format!("{HEADER}\n{number},SO4,900\n");
    for number in 0..8 {
        put(inbox.path(), &format!("north/{number}.csv"), file(number))?;
    }
    for number in 0..8 {
        let posted = api.ingest("?site=north", file(number));
        // Some are answered; the clients of others disconnect.
        drop(tokio::time::timeout(Duration::from_millis(300 * (number as u64 % 3)), posted).await);
    }
    for number in 0..8 {
        assert_eq!(account(&inbox, &format!("done/north/{number}.csv")).await?["answer"]["rows_taken"], 1);
    }
    faults.off();
    assert_eq!(api.list("/api/ingests", "ingests").await?.len(), 8, "{}", faults.report());
    let of_one = |alerts: &[Value]| alerts.iter().filter(|alert| alert["statistic"] == "instant").count();
    let found = until(async || alerts(&api, "north").await, |alerts| of_one(alerts) == 8).await?;
    assert_eq!(of_one(&found), 8, "{found:?}");
    Ok(())
}

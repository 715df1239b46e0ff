//! Sources with several servers on one table, with a killed server, and with a table that misbehaves.

use crate::support::until;
use serde_json::json;
use tests::faults::{Chances, Faults, Kind};
use tests::fleet::Fleet;
use tests::inbox::started;
use tests::lab::{Lab, Page};
use tests::table::Table;
use tests::{Api, Server};

const HEADER: &str = "time,species,concentration";

async fn set(api: &Api, name: &str, url: &str) -> anyhow::Result<()> {
    let source = json!({"url": url, "site": "north", "schedule": "0 0 29 2 *"});
    let (status, body) = api.put(&format!("/api/sources/{name}"), &source).await?;
    anyhow::ensure!(status.is_success(), "{status} {body}");
    Ok(())
}

async fn taken(api: &Api, names: &[&str]) -> anyhow::Result<bool> {
    let sources = api.list("/api/sources", "sources").await?;
    Ok(sources.len() == names.len() && sources.iter().all(|source| source["last"]["file"]["state"] == "done"))
}

#[tokio::test]
async fn of_several_servers_one_asks() -> anyhow::Result<()> {
    let (lab, inbox) = (Lab::start().await?, tempfile::tempdir()?);
    let folder = inbox.path().display().to_string();
    let settings = [("OW_SC_INBOX", &*folder), ("OW_SC_SOURCE_HOSTS", lab.host()), ("OW_SC_SWEEP_EVERY", "1")];
    let fleet = Fleet::start(3, &settings).await?;
    let names = ["a", "b", "c", "d", "e"];
    for (number, name) in names.into_iter().enumerate() {
        // Slow, so that the others check while one fetches.
        let rows = (0..20).map(|row| format!("{number}.{row:02},SO4,{row}\n"));
        let rows = std::iter::once(format!("{HEADER}\n")).chain(rows).collect();
        set(&fleet.api(number % 3), name, &lab.page(&format!("/{name}"), Page::Slow(rows))).await?;
    }
    assert!(until(async || taken(&fleet.api(0), &names).await, |taken| *taken).await?, "not all came");
    let mut asked: Vec<_> = lab.asked().into_iter().map(|(path, _)| path).collect();
    asked.sort();
    assert_eq!(asked, ["/a", "/b", "/c", "/d", "/e"]);
    assert_eq!(fleet.api(1).list("/api/ingests", "ingests").await?.len(), names.len());
    Ok(())
}

#[tokio::test]
async fn a_source_whose_server_is_killed_meanwhile_is_asked_again() -> anyhow::Result<()> {
    let (lab, data) = (Lab::start().await?, tempfile::tempdir()?);
    let options = || {
        let options = Server::options().env("OW_SC_SOURCE_HOSTS", lab.host()).env("OW_SC_SWEEP_EVERY", "1");
        options.data(data.path())
    };
    let (_inbox, mut server, api) = started(options()).await?;
    let rows = (0..100).map(|row| format!("{row},SO4,{row}\n"));
    let url = lab.page("/slow.csv", Page::Slow(std::iter::once(format!("{HEADER}\n")).chain(rows).collect()));
    set(&api, "lab", &url).await?;
    assert_eq!(until(async || Ok(lab.asked().len()), |asked| *asked > 0).await?, 1);
    server.kill().await?;
    let (_inbox, _server, api) = started(options()).await?;
    assert!(until(async || taken(&api, &["lab"]).await, |taken| *taken).await?, "it is not fetched again");
    let ledger = api.list("/api/ingests", "ingests").await?;
    assert_eq!((ledger.len(), &ledger[0]["answer"]["rows_taken"]), (1, &json!(100)));
    assert_eq!(lab.asked().len(), 2);
    Ok(())
}

/// Each call fails with a probability of one in ten, in each of a table's ways.
#[tokio::test]
async fn a_table_that_misbehaves_loses_no_file_of_a_source_and_doubles_none() -> anyhow::Result<()> {
    let (lab, inbox, table) = (Lab::start().await?, tempfile::tempdir()?, Table::new()?);
    let faults = Faults::before(table.endpoint(), 14)?;
    let options = Server::options().table(faults.endpoint(), table.name()).env("OW_SC_SWEEP_EVERY", "1");
    let options = options.env("OW_SC_INBOX", &inbox.path().display().to_string());
    let server = options.env("OW_SC_SOURCE_HOSTS", lab.host()).start().await?;
    let (api, names) = (Api::new(&server), ["a", "b", "c"]);
    faults.set(Chances::every(0.1));
    faults.on();
    for (number, name) in names.into_iter().enumerate() {
        let url = lab.page(&format!("/{name}"), Page::File(format!("{HEADER}\n{number},SO4,900\n"), Some("\"1\"")));
        // A client that gets a 503 retries.
        assert!(until(async || Ok(set(&api, name, &url).await.is_ok()), |done| *done).await?, "{name} is not set");
    }
    let is_there = async || Ok(taken(&api, &names).await.unwrap_or(false));
    assert!(until(is_there, |taken| *taken).await?, "not all came: {}", faults.report());
    faults.off();
    // Each reading, and the mean of the three.
    assert_eq!(api.list("/api/alerts?site=north", "alerts").await?.len(), names.len() + 1);
    let ledger = api.list("/api/ingests", "ingests").await?;
    let files = ledger.iter().filter(|record| record["state"] == "done").count();
    assert_eq!(files, names.len(), "{ledger:?}");
    assert!(faults.count(Kind::Conflict) + faults.count(Kind::Throttled) > 0, "{}", faults.report());
    Ok(())
}

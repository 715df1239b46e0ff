//! Files in the inbox are ingested without a request: on the server from a folder, in AWS from a bucket.

use crate::support::{alerts, until};
use serde_json::json;
use std::io::Write;
use tests::Server;
use tests::inbox::{Inbox, started};

const HEADER: &str = "time,species,concentration";

#[tokio::test]
async fn a_file_is_taken_in_judged_and_put_away_with_its_account() -> anyhow::Result<()> {
    let (inbox, _server, api) = started(Server::options()).await?;
    let place = "plant two/lab results, 1+1 %ü.csv";
    inbox.put(place, format!("{HEADER}\n1,SO4,200\n2,SO4,900\n")).await?;
    let account = inbox.account(&format!("done/{place}")).await?;
    assert_eq!((&account["state"], &account["site"]), (&json!("done"), &json!("plant two")), "{account}");
    assert_eq!(account["answer"]["rows_taken"], 2, "{account}");
    assert!(account["source"].as_str().is_some_and(|source| source.ends_with(place)), "{account}");
    assert_eq!(
        api.json(&format!("/api/ingests/{}", account["id"].as_str().unwrap_or_default())).await?["answer"],
        account["answer"]
    );
    assert_eq!(alerts(&api, "plant two").await?.len(), 1);
    assert!(!inbox.waits(place).await?, "it is gone");
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_put_away_and_said_in_the_ledger_once() -> anyhow::Result<()> {
    let (inbox, _server, api) = started(Server::options()).await?;
    inbox.put("north/report.pdf", "%PDF-1.7").await?;
    inbox.put("north/rows.csv", format!("{HEADER}\nyesterday,SO4,much\n")).await?;
    inbox.put("a\tsite/rows.csv", format!("{HEADER}\n1,SO4,2\n")).await?;
    let pdf = inbox.account("refused/north/report.pdf").await?;
    assert_eq!(pdf["error"]["code"], "unknown_columns", "{pdf}");
    assert!(pdf["error"]["message"].as_str().is_some_and(|message| message.contains("PDF")), "{pdf}");
    let rows = inbox.account("refused/north/rows.csv").await?;
    assert_eq!(rows["error"]["details"]["rows_refused"], 1, "{rows}");
    inbox.account("refused/a\tsite/rows.csv").await?;
    let ledger = api.list("/api/ingests", "ingests").await?;
    assert_eq!(ledger.len(), 3, "{ledger:?}");
    for record in &ledger {
        assert_eq!(record["state"], "refused");
        assert!(record["error"]["code"].is_string() && record["sites"] == json!([]), "{record}");
    }
    assert_eq!(api.json("/api/status").await?["sites"], json!([]), "nothing of them is stored");
    Ok(())
}

#[tokio::test]
async fn a_file_that_comes_twice_changes_nothing_and_what_differs_is_kept() -> anyhow::Result<()> {
    let (inbox, _server, api) = started(Server::options()).await?;
    let rows = format!("{HEADER}\n1,SO4,900\n");
    inbox.put("north/night.csv", &rows).await?;
    assert_eq!(inbox.account("done/north/night.csv").await?["answer"]["rows_taken"], 1);
    inbox.put("north/night.csv", &rows).await?;
    let (again, other) = if matches!(inbox, Inbox::Folder(_)) {
        ("done/north/night (2).csv", "done/north/night (3).csv")
    } else {
        // A copy of the same bytes is there already.
        let gone = until(async || inbox.waits("north/night.csv").await, |waits| !waits).await?;
        assert!(!gone);
        ("done/north/night.csv", "done/north/night (2).csv")
    };
    inbox.account(again).await?;
    assert_eq!((api.list("/api/ingests", "ingests").await?.len(), alerts(&api, "north").await?.len()), (1, 1));
    // The same name with other bytes is another file.
    inbox.put("north/night.csv", format!("{HEADER}\n1,SO4,100\n")).await?;
    assert_eq!(inbox.account(other).await?["answer"]["readings_replaced"], 1);
    assert_eq!((api.list("/api/ingests", "ingests").await?.len(), alerts(&api, "north").await?.len()), (2, 0));
    Ok(())
}

#[tokio::test]
async fn packed_files_are_known_by_their_bytes() -> anyhow::Result<()> {
    let (inbox, _server, _api) = started(Server::options()).await?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(format!("{HEADER}\n1,SO4,2\n").as_bytes())?;
    let packed = gzip.finish()?;
    inbox.put("packed.csv", &packed).await?;
    inbox.put("broken.csv.gz", &packed[..packed.len() - 6]).await?;
    assert_eq!(inbox.account("done/packed.csv").await?["answer"]["rows_taken"], 1);
    assert_eq!(inbox.account("refused/broken.csv.gz").await?["error"]["code"], "bad_gzip");
    Ok(())
}

/// The inbox accepts files that are too large for a request, and has its own limit.
#[tokio::test]
async fn the_limit_of_bytes_is_the_inboxs_own() -> anyhow::Result<()> {
    let row = format!("{HEADER}\n1,SO4,2\n");
    let limit = row.len().to_string();
    let options = Server::options()
        .env("OW_SC_MAX_CSV_BYTES", "10")
        .env("OW_SC_MAX_CSV_ROWS", "1")
        .env("OW_SC_MAX_BATCH_BYTES", &limit);
    let (inbox, _server, _api) = started(options).await?;
    inbox.put("fits.csv", &row).await?;
    inbox.put("longer.csv", format!("{HEADER}\n1,SO4,20\n")).await?;
    assert_eq!(inbox.account("done/fits.csv").await?["answer"]["rows_taken"], 1);
    let error = inbox.account("refused/longer.csv").await?["error"].clone();
    assert_eq!((&error["code"], &error["details"]["max_bytes"]), (&json!("too_large"), &json!(row.len())));
    Ok(())
}

//! Many small files, dropped at once.

use ::tests::{Api, Server};
use anyhow::ensure;
use reqwest::StatusCode;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SITES: usize = 10;
const OF_SITE: usize = 200;
const ROWS: usize = 100;

pub(crate) async fn files(out: &mut impl Write) -> anyhow::Result<()> {
    let inbox = TempDir::new()?;
    let elsewhere = inbox.path().join(".made");
    for site in 0..SITES {
        fs::create_dir_all(elsewhere.join(format!("site-{site}")))?;
        for file in 0..OF_SITE {
            // Each corrects the previous one, so the final values show the order in which they were ingested.
            let rows: String = (0..ROWS).map(|row| format!("{row},SO4,{file}\n")).collect();
            let name = elsewhere.join(format!("site-{site}/{file:04}.csv"));
            fs::write(name, format!("time,species,concentration\n{rows}"))?;
        }
    }
    let options = Server::options().env("LOG_LEVEL", "warn");
    let server = options.env("OW_SC_INBOX", &inbox.path().display().to_string()).start().await?;
    let api = Api::new(&server);
    let began = Instant::now();
    for site in 0..SITES {
        fs::rename(elsewhere.join(format!("site-{site}")), inbox.path().join(format!("site-{site}")))?;
    }
    let (mut slowest, mut asked) = (Duration::ZERO, 0);
    while (0..SITES).any(|site| !inbox.path().join(format!("done/site-{site}/{:04}.csv.json", OF_SITE - 1)).exists()) {
        let sent = Instant::now();
        let answer = api.get("/api/overview").await?;
        ensure!(answer.status() == StatusCode::OK, "a request was refused: {}", answer.status());
        (slowest, asked) = (slowest.max(sent.elapsed()), asked + 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let time = began.elapsed();
    check(&api).await?;
    writeln!(
        out,
        "{} files of {ROWS} rows: {:.0} files/s; {asked} requests meanwhile, the slowest {:.0} ms",
        SITES * OF_SITE,
        (SITES * OF_SITE) as f64 / time.as_secs_f64(),
        slowest.as_secs_f64() * 1e3,
    )?;
    Ok(())
}

/// Checks that each was ingested once, in the order of their names.
async fn check(api: &Api) -> anyhow::Result<()> {
    let ledger = api.list("/api/ingests?limit=100", "ingests").await?;
    ensure!(ledger.len() == SITES * OF_SITE, "{} files in the ledger", ledger.len());
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in ledger.iter().rev() {
        ensure!(record["state"] == "done" && record["answer"]["rows_taken"] == ROWS, "{record}");
        let (site, name) = (record["site"].as_str().unwrap_or_default(), record["source"].as_str().unwrap_or_default());
        names.entry(site.to_owned()).or_default().push(name.to_owned());
    }
    ensure!(names.values().all(|names| names.is_sorted()), "{names:?}");
    Ok(())
}

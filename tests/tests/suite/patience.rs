//! Files on a table that takes seconds to answer. A request waits at most 25 s for verdicts, but as long as it takes to
//! find out whether its file is refused: nobody would tell the client later.

use crate::support::{taken, tidy, until};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::fmt::Write;
use std::time::{Duration, Instant};
use tests::faults::{Call, Chances, Fault};
use tests::table::Table;
use tests::{Api, Faults, Server};

/// How long the product waits.
const WAITS: Duration = Duration::from_secs(25);
/// How long the table takes. A reason to refuse a file is found after about seven calls, one after the other.
const ANSWERS: Duration = Duration::from_secs(5);
const SERIES: usize = 20;
/// The most units of a series: a further one is refused once the stored ones are known.
const UNITS: usize = 64;

struct Slow {
    api: Api,
    faults: Faults,
    _server: Server,
    _table: Table,
}

impl Slow {
    async fn start() -> anyhow::Result<Self> {
        let table = Table::new()?;
        let faults = Faults::before(table.endpoint(), 1)?;
        let server = Server::options().table(faults.endpoint(), table.name()).start().await?;
        let api = Api::new(&server);
        let mut full = "time,species,concentration,unit\n".to_owned();
        (0..UNITS).try_for_each(|unit| writeln!(full, "{unit},Zn,9,unit {unit}"))?;
        taken(&api, "?site=plant", full).await?;
        faults.set(Chances::slow(ANSWERS));
        faults.on();
        Ok(Self { api, faults, _server: server, _table: table })
    }

    async fn post(&self, query: &str) -> anyhow::Result<(u16, Value)> {
        let mut file = "time,species,concentration,unit,outfall\n".to_owned();
        (0..SERIES).try_for_each(|series| writeln!(file, "0,SO4,9,mg/L,{series}"))?;
        writeln!(file, "0,Zn,9,one more,001")?;
        let started = Instant::now();
        let (status, answer) = self.api.ingest(query, file).await?;
        let took = started.elapsed();
        ensure!(took >= WAITS, "{status} after {took:.1?}, which shows nothing: {answer}");
        Ok((status.as_u16(), answer))
    }
}

#[tokio::test]
async fn a_refusal_is_the_answer_to_its_request_however_long_it_takes_to_find() -> anyhow::Result<()> {
    let slow = Slow::start().await?;
    let (status, answer) = slow.post("?site=plant&strict=true").await?;
    assert_eq!((status, &answer["error"]["details"]["rows_refused"]), (422, &1.into()), "{answer}");
    slow.faults.off();
    assert_eq!(slow.api.list("/api/ingests", "ingests").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_file_that_takes_long_is_answered_with_its_record_and_done_by_itself() -> anyhow::Result<()> {
    let slow = Slow::start().await?;
    let (status, answer) = slow.post("?site=plant").await?;
    assert_eq!(status, 202, "{answer}");
    let path = format!("/api/ingests/{}", answer["id"].as_str().context("no id")?);
    let record = slow.api.json(&path).await?;
    ensure!(record["state"] != "done" && record["answer"].is_null(), "{record}");
    slow.faults.off();
    let record = until(async || slow.api.json(&path).await, |record| record["state"] == "done").await?;
    assert_eq!((&record["answer"]["rows_taken"], &record["answer"]["rows_refused"]), (&SERIES.into(), &1.into()));
    Ok(())
}

/// No write is retried long enough, and no sweep comes: the settler's next attempt writes the answer.
#[tokio::test]
async fn an_answer_that_could_not_be_written_does_not_wait_for_a_sweep() -> anyhow::Result<()> {
    let table = Table::new()?;
    let faults = Faults::before(table.endpoint(), 1)?;
    let options = Server::options().table(faults.endpoint(), table.name()).env("OW_SC_SWEEP_EVERY", "3600");
    let server = options.start().await?;
    let api = Api::new(&server);
    // The record is JSON in a text.
    let writes_answer = |call: &Call| call.operation == "PutItem" && call.mentions(r#"\"state\":\"done\""#);
    faults.rule(move |call| writes_answer(call).then_some(Fault::Failed));
    faults.on();
    let posting = tokio::spawn(async move { api.ingest("?site=plant", tidy(&["1,SO4,900"])).await });
    let log = until(async || Ok(server.log()), |log| log.contains("a site could not be settled")).await?;
    ensure!(log.contains("a site could not be settled"), "{log}");
    faults.off();
    let (status, answer) = posting.await??;
    let path = format!("/api/ingests/{}", answer["id"].as_str().context("no id")?);
    let api = Api::new(&server);
    let record = until(async || api.json(&path).await, |record| record["state"] == "done").await?;
    ensure!(record["state"] == "done" && record["answer"]["rows_taken"] == 1, "{status} {record}");
    Ok(())
}

//! Removing sites while others work there: acknowledged data is lost only together with its site, and nothing of a
//! removed site is visible.

use super::{LOOK, Plant, REST, SITE, hourly, permit};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Instant;
use tests::Socket;
use tests::faults::{Chances, Hold};
use tests::host::{Host, under_test};

/// What stays of a removed site: three items forever, and its last event until that expires.
const LEFT: [(&str, &str); 4] = [("FEED#", "E#"), ("FEED#", "HEAD"), ("MARKS#", "LEASE"), ("PERMIT#", "PERMIT")];

fn removal(site: &str) -> String {
    format!("/api/sites/{site}?confirm={site}&reason=moved")
}

/// Half of its readings exceed a limit of 250.
fn file() -> String {
    hourly(0..100, |hour| if hour % 2 == 0 { 900.0 } else { 100.0 })
}

impl Plant {
    /// A site with a permit, 102 readings of two series and 51 alerts, at rest.
    async fn in_use(&self) -> anyhow::Result<()> {
        self.permit(SITE, &[("instant", 250.0)]).await?;
        self.file(SITE, file()).await?;
        let mut socket = self.publisher().await?;
        for (species, value) in [("SO4", 900), ("NO3", 1)] {
            socket.send(&json!({"site": SITE, "time": 200, "species": species, "concentration": value})).await?;
        }
        socket.barrier().await?;
        self.judged(51).await
    }

    async fn remove(&self) -> anyhow::Result<(u16, Value)> {
        let (status, body) = self.api.delete(&removal(SITE)).await?;
        Ok((status.as_u16(), body))
    }

    /// The last removal, once it is complete.
    async fn removed(&self) -> anyhow::Result<Value> {
        let until = Instant::now() + REST;
        loop {
            let removals = self.api.json("/api/removals").await?;
            if removals["removals"][0]["state"] == "removed" {
                return Ok(removals["removals"][0].clone());
            }
            ensure!(Instant::now() < until, "not removed: {removals}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The site is unknown, and only the items that protect a new site from late writes are left.
    async fn is_gone(&self) -> anyhow::Result<()> {
        let status = self.api.json("/api/status").await?;
        ensure!(status["sites"] == json!([]) && status["removing"] == json!([]), "{status}");
        ensure!(self.api.get(&format!("/api/certificate?site={SITE}")).await?.status() == 404);
        ensure!(self.api.list(&format!("/api/alerts?site={SITE}"), "alerts").await?.is_empty());
        ensure!(self.api.list(&format!("/api/series?site={SITE}"), "series").await?.is_empty());
        let (status, answer) = self.api.delete(&removal(SITE)).await?;
        ensure!(status == 404, "{status} {answer}");
        for (pk, sk) in self.table.keys().await? {
            let is_left = LEFT.iter().any(|(partition, key)| pk == format!("{partition}{SITE}") && sk.starts_with(key));
            let is_of_site = pk.ends_with(&format!("#{SITE}")) && !pk.starts_with("DELIVERY#");
            ensure!(is_left || !is_of_site, "{pk} {sk} is left");
            ensure!(!pk.starts_with("SERIES#") && sk != format!("ACCOUNT#{SITE}"), "{pk} {sk} is left");
            ensure!(pk != "SITES", "{pk} {sk} is left");
        }
        Ok(())
    }

    /// Ingests a file as at a new site: judging finds what is stored.
    async fn is_as_new(&self) -> anyhow::Result<()> {
        self.permit(SITE, &[("instant", 250.0)]).await?;
        self.file(SITE, file()).await?;
        self.judged(50).await
    }

    /// The site's status, once all is judged.
    async fn settled(&self) -> anyhow::Result<Value> {
        let until = Instant::now() + REST;
        loop {
            let status = self.status(SITE).await?;
            if status["pending"] == 0 {
                return Ok(status);
            }
            ensure!(Instant::now() < until, "not judged: {status}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the site is judged. It then has this number of alerts, and judging everything finds the same ones.
    async fn judged(&self, alerts: u64) -> anyhow::Result<()> {
        self.settled().await?;
        let path = format!("/api/permits/{SITE}");
        let limits = json!({"limits": self.api.json(&path).await?["limits"]});
        let (_, preview) = self.api.post(&format!("{path}/preview"), &limits).await?;
        let found = ["new", "withdrawn", "total"].map(|field| preview[field].as_u64());
        ensure!(found == [Some(0), Some(0), Some(alerts)], "judging finds {found:?} for {alerts}");
        assert_eq!(self.status(SITE).await?["alerts"], alerts);
        Ok(())
    }

    /// The number of readings stored for the site's first series.
    async fn readings(&self) -> anyhow::Result<u64> {
        let series = self.api.list(&format!("/api/series?site={SITE}"), "series").await?;
        let Some(id) = series.first().and_then(|series| series["id"].as_str()) else { return Ok(0) };
        let readings = self.api.json(&format!("/api/readings?site={SITE}&series={id}")).await?;
        readings["total"].as_u64().context("no total")
    }
}

#[tokio::test]
async fn a_site_that_is_removed_leaves_nothing_and_may_be_made_anew() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    plant.in_use().await?;
    let before = plant.status(SITE).await?["seq"].as_u64().context("no seq")?;
    let known = plant.api.list("/api/ingests", "ingests").await?[0].clone();
    ensure!(known["removed"] == json!([]), "{known}");
    let mut socket = Socket::ready(&plant.server.ws_url(&format!("/ws/effluent?site={SITE}"))).await?;
    let (status, answer) = plant.remove().await?;
    ensure!([200, 202].contains(&status), "{status} {answer}");
    let told = socket.next_of("removed").await?;
    assert_eq!(told["seq"], before + 1);
    let removed = plant.removed().await?;
    let counts = ["series", "readings", "alerts"].map(|name| removed[name].as_u64());
    assert_eq!(counts, [Some(2), Some(102), Some(51)], "{removed}");
    assert_eq!((removed["site"].as_str(), removed["reason"].as_str()), (Some(SITE), Some("moved")));
    plant.is_gone().await?;
    // The ledger keeps the file, and names the removal.
    let id = known["id"].as_str().context("no id")?;
    let record = plant.api.json(&format!("/api/ingests/{id}")).await?;
    ensure!(record["state"] == "done" && record["removed"][0]["reason"] == "moved", "{record}");
    let (status, answer) = plant.api.delete(&format!("/api/ingests/{id}?reason=late")).await?;
    ensure!(status == 200 && answer["ingest"]["withdrawn"]["reason"] == "late", "{status} {answer}");
    plant.is_gone().await?;
    // The same bytes are a new file, and a client that has seen earlier events misses none.
    plant.is_as_new().await?;
    let records = plant.api.list("/api/ingests", "ingests").await?;
    ensure!(records.len() == 2 && records[0]["id"] != id && records[0]["removed"] == json!([]), "{records:?}");
    let next = socket.next().await?;
    assert_eq!(next["seq"], before + 2, "{next}");
    let mut late = Socket::connect(&plant.server.ws_url(&format!("/ws/effluent?site={SITE}&wait=true"))).await?;
    late.send(&json!({"type": "subscribe", "site": SITE, "after": before - 1})).await?;
    assert_eq!(late.next_of("removed").await?["seq"], before + 1);
    assert_eq!(late.next().await?["seq"], before + 2);
    let (status, _) = plant.remove().await?;
    ensure!([200, 202].contains(&status));
    assert_eq!(plant.removed().await?["readings"], 100);
    plant.is_gone().await
}

#[tokio::test]
async fn a_site_at_which_a_file_is_being_recorded_stays() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    plant.in_use().await?;
    let held = plant.hold("BatchWriteItem", &["\"MARKS#", "\"M#"]);
    let meanwhile = async {
        held.reached().await?;
        let (status, answer) = plant.remove().await?;
        ensure!(status == 409 && answer["error"]["code"] == "unfinished", "{status} {answer}");
        ensure!(answer["error"]["details"]["ingests"].as_array().is_some_and(|ids| ids.len() == 1), "{answer}");
        held.release();
        Ok(())
    };
    tokio::try_join!(plant.file(SITE, hourly(300..310, |_| 900.0)), meanwhile)?;
    assert_eq!(plant.rested(SITE).await?.alerts, 61);
    Ok(())
}

/// A file whose upload began before the removal and reaches the site after it is refused; sent again, it is accepted.
#[tokio::test]
async fn a_file_that_meets_a_removal_is_refused_and_taken_when_it_is_sent_again() -> anyhow::Result<()> {
    let windows: [(&'static str, &'static [&'static str]); 3] = [
        // The writes of its revision, its record, and its mark.
        ("UpdateItem", &["ADD rev", "\"FEED#plant"]),
        ("PutItem", &["\"INGEST#", "\"RECORD"]),
        ("TransactWriteItems", &["\"F#", "files_begun"]),
    ];
    for (operation, texts) in windows {
        let plant = Plant::start().await?;
        plant.in_use().await?;
        let held = plant.hold(operation, texts);
        let more = || hourly(300..310, |_| 900.0);
        let api = plant.api.clone();
        let sending = tokio::spawn(async move { api.ingest(&format!("?site={SITE}"), more()).await });
        held.reached().await?;
        // Within one process, the site is locked while a revision is requested.
        let is_kept_off = operation == "UpdateItem" && under_test() == Host::Server;
        if is_kept_off {
            let api = plant.api.clone();
            let removing = tokio::spawn(async move { api.delete(&removal(SITE)).await });
            super::a_moment(300).await;
            held.release();
            let (status, answer) = removing.await??;
            ensure!([200, 202, 409].contains(&status.as_u16()), "{status} {answer}");
            drop(sending.await?);
            if status == 409 {
                continue;
            }
        } else {
            let (status, answer) = plant.remove().await?;
            ensure!([200, 202].contains(&status), "{status} {answer}");
            plant.removed().await?;
            held.release();
            let (status, answer) = sending.await??;
            ensure!(status == 409 && answer["error"]["code"] == "being_removed", "{texts:?}: {status} {answer}");
        }
        plant.permit(SITE, &[("instant", 250.0)]).await?;
        plant.file(SITE, more()).await?;
        plant.judged(10).await?;
        assert_eq!(plant.readings().await?, 10, "{texts:?}");
    }
    Ok(())
}

/// During the removal nobody can read or write the site, and concurrent removals count as one.
#[tokio::test]
async fn a_site_that_is_being_removed_is_nobodys() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    plant.in_use().await?;
    let mut publisher = plant.publisher().await?;
    let held = plant.hold("TransactWriteItems", &["n_readings", "\"S#"]);
    let first = {
        let api = plant.api.clone();
        tokio::spawn(async move { api.delete(&removal(SITE)).await })
    };
    held.reached().await?;
    let status = plant.api.json("/api/status").await?;
    ensure!(status["sites"] == json!([]) && status["removing"] == json!([SITE]), "{status}");
    for path in ["overview?", "readings?series=x&", "series?", "alerts?", "streams?", "certificate?", "status?"] {
        let response = plant.api.get(&format!("/api/{path}site={SITE}")).await?;
        let (status, body) = tests::client::read(response).await?;
        ensure!(status == 409 && body["error"]["code"] == "being_removed", "{path}: {status} {body}");
    }
    let path = format!("/api/permits/{SITE}");
    let limits = permit(&[("instant", 100.0)]);
    for (status, body) in [
        plant.api.ingest(&format!("?site={SITE}"), hourly(300..310, |_| 900.0)).await?,
        // A file that is known, and is being removed with the site.
        plant.api.ingest(&format!("?site={SITE}"), file()).await?,
        plant.api.put(&path, &limits).await?,
        plant.api.post(&format!("{path}/preview"), &limits).await?,
    ] {
        ensure!(status == 409 && body["error"]["code"] == "being_removed", "{status} {body}");
    }
    publisher.send(&json!({"site": SITE, "time": 400, "species": "SO4", "concentration": 1})).await?;
    let refused = publisher.next_of("error").await?;
    ensure!(refused.to_string().contains("being removed"), "{refused}");
    let second = {
        let api = plant.api.clone();
        tokio::spawn(async move { api.delete(&removal(SITE)).await })
    };
    super::a_moment(200).await;
    held.release();
    for answer in [first.await??, second.await??] {
        ensure!([200, 202].contains(&answer.0.as_u16()), "{answer:?}");
    }
    let removed = plant.removed().await?;
    assert_eq!(removed["readings"], 102, "{removed}");
    assert_eq!(plant.api.json("/api/removals").await?["removals"].as_array().map(Vec::len), Some(1));
    plant.is_gone().await?;
    plant.is_as_new().await
}

/// The process that removes the site is killed: another one continues, and counts nothing twice.
#[tokio::test]
async fn a_removal_whose_process_is_killed_comes_to_its_end() -> anyhow::Result<()> {
    let windows: [(bool, &'static [&'static str]); 5] = [
        (true, &["\"R#\"", "being_removed"]),
        (false, &["n_readings", "\"S#"]),
        (true, &["n_readings", "\"S#"]),
        (true, &["n_readings", "\"ALERTS#"]),
        (false, &["ended_at", "\"R#\""]),
    ];
    for (carried_out, texts) in windows {
        let mut plant = Plant::start().await?;
        plant.in_use().await?;
        let held: Hold = match carried_out {
            true => plant.hold_answer("TransactWriteItems", texts),
            false => plant.hold("TransactWriteItems", texts),
        };
        plant.leave((Method::DELETE, &removal(SITE), "application/json"), "", held.reached()).await?;
        plant.kill("api").await?;
        if under_test() == Host::Functions {
            // The stream may have triggered it already.
            let _ = plant.kill("settle").await;
        }
        drop(held);
        let removed = plant.removed().await?;
        let counts = ["series", "readings", "alerts"].map(|name| removed[name].as_u64());
        assert_eq!(counts, [Some(2), Some(102), Some(51)], "{texts:?}: {removed}");
        plant.is_gone().await?;
        plant.is_as_new().await?;
    }
    Ok(())
}

/// Readings, a permit and a removal at once: what is acknowledged as stored belongs completely either to the removed
/// site or to the new one.
#[tokio::test]
async fn readings_and_permits_that_meet_a_removal_are_of_one_site_or_the_next() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    for round in 0..4_u32 {
        plant.in_use().await?;
        let publishing = async {
            let mut socket = plant.publisher().await?;
            for hour in 0..200 {
                socket
                    .send(&json!({"site": SITE, "time": 1000 + hour, "species": "SO4", "concentration": 900}))
                    .await?;
                super::a_moment(4).await;
            }
            // Refusals arrive before the pong.
            socket.send(&json!({"type": "ping"})).await?;
            socket.next_of("pong").await
        };
        let putting = async {
            super::a_moment(200).await;
            let limits = permit(&[("instant", 250.0 - f64::from(round))]);
            let (status, body) = plant.api.put(&format!("/api/permits/{SITE}"), &limits).await?;
            ensure!([200, 202, 409].contains(&status.as_u16()), "{status} {body}");
            Ok(())
        };
        let removing = async {
            super::a_moment(200).await;
            let (status, answer) = plant.remove().await?;
            ensure!([200, 202].contains(&status), "{status} {answer}");
            Ok(())
        };
        tokio::try_join!(publishing, putting, removing)?;
        plant.removed().await?;
        // Some readings have created the site again. Without a permit of its own it is judged by the built-in one.
        let readings = plant.readings().await?;
        ensure!(readings <= 200, "{readings} are left");
        let alerts = plant.settled().await?["alerts"].as_u64().context("no alerts")?;
        plant.judged(alerts).await?;
        plant.remove().await?;
        plant.removed().await?;
        plant.is_gone().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_table_that_misbehaves_delays_a_removal_and_breaks_nothing() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    plant.in_use().await?;
    plant.faults.set(Chances::every(0.2));
    plant.faults.on();
    let until = Instant::now() + REST;
    loop {
        let (status, answer) = plant.remove().await?;
        if [200, 202, 404].contains(&status) {
            break;
        }
        ensure!(status == 503 && Instant::now() < until, "{status} {answer}");
    }
    plant.faults.off();
    let removed = plant.removed().await?;
    assert_eq!((removed["readings"].as_u64(), removed["alerts"].as_u64()), (Some(102), Some(51)), "{removed}");
    plant.is_gone().await?;
    plant.is_as_new().await
}

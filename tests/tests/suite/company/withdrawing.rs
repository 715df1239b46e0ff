//! Files that are withdrawn, under concurrency.

use super::{Plant, SITE, a_moment, hourly};
use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::faults::Hold;

impl Plant {
    /// A file half of which exceeds, over a compliant one: its id.
    async fn corrected(&self) -> anyhow::Result<String> {
        self.file(SITE, hourly(0..100, |_| 100.0)).await?;
        let answer = self.file(SITE, hourly(0..100, |hour| if hour % 2 == 0 { 900.0 } else { 100.0 })).await?;
        assert_eq!(self.rested(SITE).await?.alerts, 50);
        Ok(answer["id"].as_str().context("no id")?.to_owned())
    }

    async fn withdraw(&self, id: &str, reason: &str) -> anyhow::Result<(u16, Value)> {
        let response = self.api.request(Method::DELETE, &withdrawal(id, reason)).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Ledger and verdicts agree that the file is withdrawn, or that it is not.
    async fn is_withdrawn(&self, id: &str) -> anyhow::Result<bool> {
        let alerts = self.rested(SITE).await?.alerts;
        let record = self.api.json(&format!("/api/ingests/{id}")).await?;
        ensure!(record["withdrawn"].is_null() == (alerts == 50), "{alerts} alerts: {record}");
        Ok(alerts == 0)
    }
}

fn withdrawal(id: &str, reason: &str) -> String {
    format!("/api/ingests/{id}?reason={reason}")
}

#[tokio::test]
async fn a_file_that_is_withdrawn_by_several_at_once_is_withdrawn_once() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    let id = plant.corrected().await?;
    let reasons = ["one", "two", "three"];
    let answers = try_join_all(reasons.map(|reason| plant.withdraw(&id, reason))).await?;
    ensure!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let reason = |answer: &Value| answer["ingest"]["withdrawn"]["reason"].clone();
    ensure!(answers.iter().all(|(_, answer)| reason(answer) == reason(&answers[0].1)), "{answers:?}");
    let permit = plant.api.json(&format!("/api/permits/{SITE}")).await?;
    assert_eq!(permit["version"], 2, "it was written for one of them");
    ensure!(plant.is_withdrawn(&id).await?);
    Ok(())
}

/// A permit and a file meet a withdrawal; all of them count in the end.
#[tokio::test]
async fn a_withdrawal_a_permit_and_a_file_at_once_all_count() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    for round in 1..=4 {
        let id = plant.corrected().await?;
        let limits = [("instant", 250.0 - f64::from(round))];
        let (permit, (status, answer), _) = tokio::try_join!(
            plant.permit(SITE, &limits),
            plant.withdraw(&id, "why"),
            plant.file(SITE, hourly(200 * round..200 * round + 9, |_| 100.0)),
        )?;
        ensure!([200, 202].contains(&status), "{status}: {answer} {permit}");
        assert_eq!(plant.rested(SITE).await?.alerts, 0);
        let again = plant.file(SITE, hourly(0..100, |hour| if hour % 2 == 0 { 900.0 } else { 100.0 })).await?;
        ensure!(again["id"] != id.as_str(), "the same bytes are a new file: {again}");
        let (status, answer) = plant.withdraw(again["id"].as_str().context("no id")?, "why").await?;
        ensure!([200, 202].contains(&status), "{status}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_file_is_withdrawn_though_its_client_has_gone() -> anyhow::Result<()> {
    let windows: [fn(&Plant) -> Hold; 3] = [
        |plant| plant.hold("TransactWriteItems", &["\"withdrawals\"", "\"K#"]),
        |plant| plant.hold_answer("TransactWriteItems", &["\"withdrawals\"", "\"K#"]),
        |plant| plant.hold("TransactWriteItems", &["\"Delete\"", "\"M#", "\"PERMIT#"]),
    ];
    for window in windows {
        let plant = Plant::with(&[("instant", 250.0)]).await?;
        let id = plant.corrected().await?;
        let held = window(&plant);
        plant.leave((Method::DELETE, &withdrawal(&id, "gone"), "text/plain"), "", held.reached()).await?;
        a_moment(100).await;
        drop(held);
        plant.in_force(SITE, 2).await?;
        ensure!(plant.is_withdrawn(&id).await?, "it goes on");
    }
    Ok(())
}

/// Wherever the process dies, repeating the request completes it; the next process finds what was carried out. A call
/// in progress may be carried out later; then the next sweep finds it.
#[tokio::test]
async fn a_process_that_dies_leaves_no_file_half_withdrawn() -> anyhow::Result<()> {
    let windows: [fn(&Plant) -> Hold; 2] = [
        |plant| plant.hold("TransactWriteItems", &["\"withdrawals\"", "\"K#"]),
        |plant| plant.hold_answer("TransactWriteItems", &["\"withdrawals\"", "\"K#"]),
    ];
    for (window, is_done) in windows.into_iter().zip([false, true]) {
        let mut plant = Plant::with(&[("instant", 250.0)]).await?;
        let id = plant.corrected().await?;
        let held = window(&plant);
        let (api, path) = (plant.api.clone(), withdrawal(&id, "why"));
        let withdrawing = tokio::spawn(async move { api.request(Method::DELETE, &path).send().await });
        held.reached().await?;
        plant.restart().await?;
        drop(held);
        // There was no answer.
        drop(withdrawing.await?);
        if is_done {
            ensure!(plant.is_withdrawn(&id).await?);
        }
        assert_eq!(plant.withdraw(&id, "again").await?.0, 200);
        ensure!(plant.is_withdrawn(&id).await?);
    }
    Ok(())
}

/// Neither of two decisions overwrites the other.
#[tokio::test]
async fn a_withdrawal_and_a_resolution_at_once_are_both_kept() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 250.0)]).await?;
    for round in 0..4 {
        let file = format!("{}{round}.5,SO4,x\n", hourly(round * 10..round * 10 + 5, |_| 100.0));
        let answer = plant.file(SITE, file).await?;
        let id = answer["id"].as_str().context("no id")?;
        let (resolution, reason) = (format!("/api/ingests/{id}/resolution"), json!({"reason": "a footer"}));
        let ((withdrawn, _), (resolved, _)) =
            tokio::try_join!(plant.withdraw(id, "why"), plant.api.post(&resolution, &reason))?;
        assert_eq!((withdrawn, resolved.as_u16()), (200, 200));
        let record = plant.api.json(&format!("/api/ingests/{id}")).await?;
        let kept = [&record["withdrawn"]["reason"], &record["resolution"]["reason"]];
        assert_eq!(kept, [&json!("why"), &json!("a footer")], "{record}");
    }
    Ok(())
}

//! Permits that meet files and each other.

use super::{Plant, SITE, a_moment, hourly, permit};
use anyhow::ensure;
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::client::read;
use tests::faults::Hold;

const HOURS: u32 = 300;
const OLD: [(&str, f64); 2] = [("instant", 50.0), ("rolling_mean(3)", 60.0)];
const NEW: [(&str, f64); 2] = [("instant", 200.0), ("daily_max", 210.0)];

/// Values from 0 to 300.
fn file(salt: u32) -> String {
    hourly(salt..salt + HOURS, |hour| f64::from(hour * 7919 % 301))
}

/// Every alert belongs to a limit in force.
async fn judged_by(plant: &Plant, site: &str, limits: &[(&str, f64)]) -> anyhow::Result<()> {
    let rest = plant.rested(site).await?;
    ensure!(rest.alerts > 20, "too few to see anything: {}", rest.alerts);
    for alert in &rest.listed {
        let of = |(statistic, value): &(&str, f64)| alert["statistic"] == *statistic && alert["limit"] == *value;
        ensure!(limits.iter().any(of), "{site}: an alert of a permit that is not in force: {alert}");
    }
    Ok(())
}

/// What is held while the other one arrives.
#[derive(Debug, Clone, Copy)]
enum Window {
    /// The file's readings are about to be stored.
    Storing,
    /// They are judged, and the result is about to be written.
    Settling,
    /// The permit is about to be put in force.
    Adopting,
    /// It is in force, but nobody has been told.
    Adopted,
    /// The site's series are about to be marked for it.
    Marking,
}

impl Window {
    fn hold(self, plant: &Plant) -> Hold {
        match self {
            Self::Storing => plant.hold("BatchWriteItem", &["\"SERIES#", "\"S#"]),
            Self::Settling => plant.hold("TransactWriteItems", &["\"M#", "\"PERMIT#"]),
            Self::Adopting => plant.hold("TransactWriteItems", &["\"document\"", "\"K#"]),
            Self::Adopted => plant.hold_answer("TransactWriteItems", &["\"document\"", "\"K#"]),
            Self::Marking => plant.hold("TransactWriteItems", &["\"Delete\"", "\"K#"]),
        }
    }
}

/// A2
#[tokio::test]
async fn a_permit_and_a_file_that_meet_leave_alerts_of_the_permit_in_force() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    for window in [Window::Storing, Window::Settling] {
        let site = format!("{window:?}");
        plant.permit(&site, &OLD).await?;
        plant.file(&site, file(1000)).await?;
        let held = window.hold(&plant);
        let change = async {
            held.reached().await?;
            // It is put in force, but cannot be judged before the file continues.
            let adopting = plant.permit(&site, &NEW);
            let going_on = async {
                plant.in_force(&site, 2).await?;
                held.release();
                anyhow::Ok(())
            };
            tokio::try_join!(adopting, going_on)
        };
        tokio::try_join!(plant.file(&site, file(0)), change)?;
        judged_by(&plant, &site, &NEW).await?;
    }
    for window in [Window::Adopting, Window::Adopted, Window::Marking] {
        let site = format!("{window:?}");
        plant.permit(&site, &OLD).await?;
        plant.file(&site, file(1000)).await?;
        let held = window.hold(&plant);
        let meeting = async {
            held.reached().await?;
            let going_on = async {
                // Whoever marks holds the site: the file waits for it.
                match window {
                    Window::Marking => plant.files_are("judging", 1).await?,
                    _ => a_moment(200).await,
                }
                held.release();
                anyhow::Ok(())
            };
            tokio::try_join!(plant.file(&site, file(0)), going_on)
        };
        tokio::try_join!(plant.permit(&site, &NEW), meeting)?;
        judged_by(&plant, &site, &NEW).await?;
    }
    Ok(())
}

/// A2
#[tokio::test]
async fn a_permit_and_a_file_at_the_same_time_leave_alerts_of_the_permit_in_force() -> anyhow::Result<()> {
    let plant = Plant::with(&OLD).await?;
    for round in 0..6 {
        let limits = if round % 2 == 0 { NEW } else { OLD };
        let adopting = async {
            a_moment(60).await;
            plant.permit(SITE, &limits).await
        };
        let sending = async {
            a_moment(20).await;
            plant.file(SITE, file(round * HOURS / 2)).await
        };
        tokio::try_join!(adopting, sending)?;
        judged_by(&plant, SITE, &limits).await?;
    }
    Ok(())
}

async fn put(plant: &Plant, value: f64, version: Option<u64>) -> anyhow::Result<(u16, Value)> {
    let mut request = plant.api.request(Method::PUT, &format!("/api/permits/{SITE}"));
    if let Some(version) = version {
        request = request.header("if-match", format!("\"{version}\""));
    }
    a_moment(5).await;
    let (status, body) = read(request.json(&permit(&[("instant", value)])).send().await?).await?;
    Ok((status.as_u16(), body))
}

/// A3
#[tokio::test]
async fn of_two_permits_at_once_the_one_in_force_is_judged_by() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 20.0)]).await?;
    plant.file(SITE, file(0)).await?;
    let mut version = 1;
    for round in 0..8 {
        let if_match = (round % 2 == 0).then_some(version);
        let values = [50.0 + f64::from(round), 150.0 + f64::from(round)];
        let answers = try_join_all(values.map(|value| put(&plant, value, if_match))).await?;
        let mut statuses = [answers[0].0, answers[1].0];
        statuses.sort_unstable();
        ensure!(statuses == [200, 409] || if_match.is_none() && statuses == [200, 200], "{answers:?}");
        let in_force = plant.api.json(&format!("/api/permits/{SITE}")).await?;
        let latest = answers.iter().max_by_key(|(_, body)| body["version"].as_u64());
        ensure!(latest.is_some_and(|(_, body)| body["limits"] == in_force["limits"]), "{in_force} {answers:?}");
        version = in_force["version"].as_u64().unwrap_or_default();
        let value = in_force["limits"][0]["value"].as_f64().unwrap_or_default();
        judged_by(&plant, SITE, &[("instant", value)]).await?;
    }
    Ok(())
}

/// A3: the first one's result is about to be written when the second one arrives.
#[tokio::test]
async fn a_permit_that_another_one_overtakes_leaves_no_alerts() -> anyhow::Result<()> {
    let plant = Plant::with(&[("instant", 20.0)]).await?;
    plant.file(SITE, file(0)).await?;
    for (version, window) in (2..).step_by(2).zip([Window::Settling, Window::Marking]) {
        let held = window.hold(&plant);
        let overtaking = async {
            held.reached().await?;
            let second = put(&plant, 150.0, Some(version));
            let going_on = async {
                plant.in_force(SITE, version + 1).await?;
                held.release();
                anyhow::Ok(())
            };
            tokio::try_join!(second, going_on)
        };
        let (first, (second, ())) = tokio::try_join!(put(&plant, 50.0, Some(version - 1)), overtaking)?;
        assert_eq!((first.0, second.0), (200, 200), "{first:?} {second:?}");
        assert_eq!((&first.1["version"], &second.1["version"]), (&json!(version), &json!(version + 1)));
        judged_by(&plant, SITE, &[("instant", 150.0)]).await?;
    }
    Ok(())
}

//! Limits, tested on both sides and with others approaching them at the same time.

use super::{Plant, SITE, a_moment};
use crate::support::permitted;
use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::fmt::Write;

/// The units that a series may have.
const UNITS: usize = 64;

/// A reading an hour, each in another unit.
fn in_units(units: std::ops::Range<usize>) -> String {
    let mut file = "time,species,concentration,unit\n".to_owned();
    for (unit, hour) in units.zip(0..) {
        writeln!(file, "{hour},SO4,900,unit {unit}").expect("a string takes every text");
    }
    file
}

/// Everything that reads all readings still answers.
async fn answers(plant: &Plant, site: &str) -> anyhow::Result<()> {
    plant.api.json(&format!("/api/overview?site={site}")).await?;
    plant.certificate(site, "").await?;
    plant
        .permit(site, &[("instant", 250.0), ("rolling_mean(3)", 250.0), ("daily_avg", 250.0), ("weekly_avg", 1.0)])
        .await?;
    plant.rested(site).await?;
    Ok(())
}

/// The answer to a reading, if it is refused.
async fn published(plant: &Plant, reading: &Value) -> anyhow::Result<Option<Value>> {
    let mut socket = plant.publisher().await?;
    socket.send(reading).await?;
    socket.send(&json!({"type": "ping"})).await?;
    let frame = socket.next().await?;
    Ok((frame["type"] != "pong").then_some(frame))
}

/// A8
#[tokio::test]
async fn a_series_has_64_units_and_a_row_or_reading_in_another_one_is_refused_by_name() -> anyhow::Result<()> {
    let plant = Plant::start().await?;
    let refused = async |csv: String| {
        let answer = plant.file(SITE, csv).await?;
        let units: Vec<_> =
            answer["errors"].as_array().into_iter().flatten().map(|error| error["text"].clone()).collect();
        anyhow::Ok((answer["rows_refused"].clone(), units))
    };
    assert_eq!(refused(in_units(0..UNITS - 1)).await?, (json!(0), vec![]));
    let reading = |unit: &str| json!({"time": 1000, "species": "SO4", "concentration": 9, "unit": unit, "site": SITE});
    assert_eq!(published(&plant, &reading("unit 63")).await?, None, "the last one that has room");
    let error = published(&plant, &reading("unit 64")).await?.unwrap_or_default();
    assert_eq!(error["code"], "bad_message", "{error}");
    ensure!(
        error["detail"].as_str().is_some_and(|text| text.contains("unit 64") && text.contains("64 units")),
        "{error}"
    );
    // The others are accepted, in one file and in two.
    assert_eq!(refused(in_units(60..65)).await?, (json!(1), vec![json!("unit 64")]));
    assert_eq!(published(&plant, &reading("unit 7")).await?, None);
    answers(&plant, SITE).await?;

    let many = plant.file("many", in_units(0..2000)).await?;
    assert_eq!((&many["rows_taken"], &many["rows_refused"]), (&json!(UNITS), &json!(2000 - UNITS)));
    answers(&plant, "many").await
}

/// A8: none of the files sees what the others bring before all of them have begun.
#[tokio::test]
async fn files_at_once_bring_no_more_units_than_a_series_has_room_for() -> anyhow::Result<()> {
    const FILES: usize = 8;
    let plant = Plant::start().await?;
    // The first of them is held after it has seen that there is room.
    let held = plant.hold("TransactWriteItems", &["\"SITE#", "\"SERIES#"]);
    let files = (0..FILES).map(|number| plant.api.ingest("?site=plant", in_units(number * 48..(number + 1) * 48)));
    let going_on = async {
        held.reached().await?;
        a_moment(300).await;
        held.release();
        Ok(())
    };
    let (answers_of, ()) = tokio::try_join!(try_join_all(files), going_on)?;
    let mut taken = 0;
    for (status, answer) in &answers_of {
        // A file without a row that fits is refused as a whole.
        let expected =
            if status.as_u16() == 422 { &answer["error"]["details"]["rows_taken"] } else { &answer["rows_taken"] };
        ensure!([200, 422].contains(&status.as_u16()), "{status}: {answer}");
        taken += expected.as_u64().unwrap_or_default();
    }
    answers(&plant, SITE).await?;
    assert_eq!(taken, UNITS as u64);
    Ok(())
}

/// A9
#[tokio::test]
async fn readings_of_long_names_under_many_limits_are_taken_however_many_come_at_once() -> anyhow::Result<()> {
    const READINGS: usize = 512;
    const OUTFALLS: usize = 32;
    let plant = Plant::start().await?;
    let (site, parameter) = ("s".repeat(250), "p".repeat(250));
    let limit = |number: usize| json!({"parameter": parameter, "value": 200 + number, "unit": "mg/L", "statistic": "instant", "action": format!("{number:->600}")});
    permitted(&plant.api, &site, &json!({"limits": (0..40).map(limit).collect::<Vec<_>>()})).await?;
    let mut socket = plant.publisher().await?;
    for number in 0..READINGS {
        let outfall = format!("{:o>250}", number % OUTFALLS);
        let value = if (number / OUTFALLS).is_multiple_of(8) { 900 } else { 100 };
        let reading = json!({"time": number, "species": parameter, "outfall": outfall, "concentration": value, "unit": "mg/L", "site": site});
        socket.send(&reading).await?;
    }
    socket.barrier().await?;
    let rest = plant.rested(&site).await?;
    assert_eq!(rest.alerts, (READINGS / 8 * 40) as u64);
    assert_eq!(plant.status(&site).await?["series"], OUTFALLS);
    Ok(())
}

/// A9
#[tokio::test]
async fn a_file_of_long_names_under_limits_with_long_actions_is_done() -> anyhow::Result<()> {
    const SERIES: usize = 200;
    let plant = Plant::start().await?;
    let (site, outfall) = ("s".repeat(250), "o".repeat(250));
    let name = |number: usize| format!("{number:p>250}");
    let limit = |number: usize| json!({"parameter": name(number), "value": 200, "unit": "mg/L", "statistic": "instant", "action": format!("{number:->600}")});
    permitted(&plant.api, &site, &json!({"limits": (0..SERIES).map(limit).collect::<Vec<_>>()})).await?;
    let mut file = "time,species,concentration,outfall,site\n".to_owned();
    for row in 0..SERIES * 3 {
        writeln!(file, "{},{},900,{outfall},{site}", row / SERIES, name(row % SERIES))?;
    }
    let answer = plant.file(&site, file).await?;
    assert_eq!((&answer["rows_taken"], &answer["alerts"]["new"]), (&json!(SERIES * 3), &json!(SERIES * 3)));
    assert_eq!(plant.rested(&site).await?.alerts, SERIES as u64 * 3);
    Ok(())
}

//! Fits as jobs: requested, computed in the background, watched and cancelled.

use crate::support::until;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use table::fits::Noted;
use table::leases::{Watch, Work};
use tests::host::{Host, under_test};
use tests::server::Options;
use tests::table::Table;
use tests::{Api, Faults, Server};
use tokio::process::Command;

pub(crate) const FIT: &str = "/api/chemistry/fit";

/// Requests a fit, and waits until it is done.
async fn fitted(api: &Api, wanted: &Value) -> anyhow::Result<Value> {
    let id = asked(api, wanted).await?;
    over(api, &id).await
}

pub(crate) async fn asked(api: &Api, wanted: &Value) -> anyhow::Result<String> {
    let (status, job) = api.post(FIT, wanted).await?;
    ensure!(status == 202, "{status}: {job}");
    Ok(job["id"].as_str().context("an id")?.to_owned())
}

pub(crate) async fn over(api: &Api, id: &str) -> anyhow::Result<Value> {
    let is_over = |job: &Value| job["state"] != "waiting" && job["state"] != "running";
    let job = until(async || api.json(&format!("{FIT}/{id}")).await, is_over).await?;
    ensure!(is_over(&job), "{job}");
    Ok(job)
}

fn close(found: &Value, expected: f64) -> bool {
    found.as_f64().is_some_and(|found| ((found - expected) / expected).abs() < 1e-6)
}

/// NIST's BoxBOD.
fn boxbod() -> Value {
    json!({"x": [1, 2, 3, 5, 7, 10], "y": [109, 149, 149, 191, 213, 224]})
}

/// A fit of so many points that decay, each slightly off the curve.
pub(crate) fn decaying(count: usize) -> Value {
    let x: Vec<f64> = (0..count).map(|at| at as f64 / 1000.0).collect();
    let y: Vec<f64> = x.iter().map(|x| 50.0 * (-0.1 * x).exp() + (x * 12.9898).sin()).collect();
    json!({"model": "decay_first", "points": {"x": x, "y": y}})
}

#[tokio::test]
async fn points_are_fitted_apart_from_the_request() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    let job = fitted(&api, &json!({"model": "bod_first", "points": boxbod()})).await?;
    assert_eq!((&job["state"], &job["model"], &job["error"]), (&json!("done"), &json!("bod_first"), &Value::Null));
    let result = &job["result"];
    let parameters = &result["fit"]["parameters"];
    assert!(close(&parameters[0]["value"], 213.80940889) && close(&parameters[1]["value"], 0.54723748542), "{job}");
    assert!(close(&parameters[1]["standard_error"], 0.10455993237), "{job}");
    let (curve, points) =
        (result["curve"].as_array().context("a curve")?, result["points"].as_array().context("points")?);
    assert_eq!((curve.len(), points.len()), (201, 6));
    assert!(curve[0]["lower_95"].as_f64() < curve[0]["y"].as_f64(), "it has a band");
    let missing = json!({"x": [1, 2, 3, 5, null, 7, 10], "y": [109, 149, 149, 191, 5, 213, 224]});
    let again = fitted(&api, &json!({"model": "bod_first", "points": missing})).await?;
    assert_eq!((&again["result"]["fit"]["points"], &again["result"]["fit"]["points_left_out"]), (&json!(6), &json!(1)));
    let line = json!({"model": "langmuir", "linear": true, "points": {"x": [1, 2, 4], "y": [0.5, 0.7, 0.8]}});
    assert_eq!(fitted(&api, &line).await?["result"]["fit"]["form"]["kind"], "linearised");
    let none = fitted(&api, &json!({"model": "langmuir", "points": {"x": [], "y": []}})).await?;
    assert_eq!((&none["state"], &none["error"]["code"]), (&json!("failed"), &json!("no_fit")), "{none}");
    Ok(())
}

#[tokio::test]
async fn the_models_are_listed() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let models = Api::new(&server).json("/api/chemistry/models").await?;
    let models = models["models"].as_array().context("models")?;
    let with_line = models.iter().filter(|model| model["has_line"] == true);
    let lines: Vec<_> = with_line.filter_map(|model| model["id"].as_str()).collect();
    assert_eq!((models.len(), lines), (8, vec!["decay_first", "decay_second", "langmuir", "freundlich"]));
    Ok(())
}

#[tokio::test]
async fn readings_of_a_series_are_fitted_by_their_hours() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    let value = |hour: u32| 50.0 * (-0.1 * f64::from(hour)).exp();
    let rows: String = (0..24).map(|hour| format!("2026-03-01T{hour:02}:00:00Z,H2O2,{}\n", value(hour))).collect();
    api.ingest("?site=jars", format!("time,species,concentration\n{rows}2026-03-02T00:00:00Z,H2O2,<0.1\n")).await?;
    let series = api.list("/api/series?site=jars", "series").await?[0]["id"].clone();
    let job = fitted(&api, &json!({"model": "decay_first", "series": {"site": "jars", "series": series}})).await?;
    assert_eq!(job["result"]["fit"]["points"], 24, "a non-detect is not a point: {job}");
    assert!(close(&job["result"]["fit"]["parameters"][1]["value"], 0.1), "{job}");
    let part = json!({"site": "jars", "series": series, "from": "2026-03-01T10:00:00Z", "to": "2026-03-01T19:00:00Z"});
    let job = fitted(&api, &json!({"model": "decay_first", "series": part})).await?;
    assert_eq!(job["result"]["fit"]["points"], 10);
    assert!(close(&job["result"]["fit"]["parameters"][0]["value"], value(10)), "hours count from the first: {job}");
    assert_eq!(job["result"]["y_unit"], "mg/L");
    for (from, to) in [("2030-01-01", "2030-01-02"), ("2026-03-01T19:00:00Z", "2026-03-01T10:00:00Z")] {
        let part = json!({"site": "jars", "series": series, "from": from, "to": to});
        let (status, answer) = api.post(FIT, &json!({"model": "decay_first", "series": part})).await?;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("no readings")), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_fitted_is_said_at_once() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    let points = json!({"x": [1, 2], "y": [3, 4]});
    for (wanted, status, said) in [
        (json!({"model": "decay", "points": points}), 422, "there is no model"),
        (json!({"model": "linear", "points": points, "parameters": {"k": {"start": 1}}}), 422, "no parameter \"k\""),
        (json!({"model": "linear", "points": {"x": [1], "y": []}}), 422, "1 values of x, 0 of y"),
        (json!({"model": "linear"}), 422, "either points or a series"),
        (json!({"model": "linear", "points": points, "series": {"site": "a", "series": "b"}}), 422, "either"),
        (json!({"model": "linear", "series": {"site": "a", "series": "b"}}), 404, "no such series"),
        (json!({"model": "linear", "series": {"site": "x".repeat(5000), "series": "b"}}), 400, "site: "),
        (json!({"model": "linear", "series": {"site": "a", "series": "x".repeat(5000)}}), 404, "no such series"),
        (json!({"model": "linear", "points": points, "weight": "none"}), 400, "unknown field"),
        (json!({"model": "linear", "points": {"x": ["1"], "y": [1]}}), 400, "invalid type"),
    ] {
        let (found, answer) = api.post(FIT, &wanted).await?;
        assert_eq!(found, status, "{wanted}: {answer}");
        assert!(
            answer["error"]["message"].as_str().is_some_and(|message| message.contains(said)),
            "{wanted}: {answer}"
        );
    }
    assert_eq!(api.get(&format!("{FIT}/0")).await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn a_fit_that_waits_is_cancelled_and_one_that_is_over_stays_as_it_is() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let api = Api::new(&server);
    // Many, so that some wait.
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(asked(&api, &decaying(40_000)).await?);
    }
    let delete = async |id: &str| {
        let (status, job) = api.delete(&format!("{FIT}/{id}")).await?;
        assert_eq!(status, 200, "{job}");
        Ok::<_, anyhow::Error>(job["state"].clone())
    };
    let state = delete(&ids[7]).await?;
    assert!(state == "cancelled" || (state == "done" && under_test() == Host::Functions), "{state}");
    assert_eq!(over(&api, &ids[0]).await?["state"], "done");
    assert_eq!(delete(&ids[0]).await?, "done");
    for id in &ids {
        over(&api, id).await?;
    }
    assert_eq!(over(&api, &ids[7]).await?["state"], state);
    Ok(())
}

#[tokio::test]
async fn no_more_fits_wait_than_there_is_room_for() -> anyhow::Result<()> {
    if under_test() == Host::Functions {
        // There are as many environments as fits.
        return Ok(());
    }
    let server = Options::default().env("OW_SC_RL_PER_SEC", "1000").start().await?;
    let api = Api::new(&server);
    let wanted = decaying(50_000);
    let mut refused = None;
    for _ in 0..200 {
        let (status, answer) = api.post(FIT, &wanted).await?;
        if status == 429 {
            refused = Some(answer);
            break;
        }
        ensure!(status == 202, "{status}: {answer}");
    }
    let refused = refused.context("all of them were taken")?;
    assert_eq!(refused["error"]["code"], "too_many_fits", "{refused}");
    Ok(())
}

/// The points are in the table, so another process can continue after a kill.
#[tokio::test]
async fn a_fit_outlives_the_process_that_worked_on_it() -> anyhow::Result<()> {
    let table = Table::new()?;
    let faults = Faults::before(table.endpoint(), 7)?;
    let start = async || match under_test() {
        Host::Server => Server::options().table(faults.endpoint(), table.name()).start().await,
        // Lambda retries after a minute.
        Host::Functions => {
            let options = Server::options().argument("--database").argument(faults.endpoint());
            options.argument("--minute").argument("1s").start().await
        }
    };
    let mut server = start().await?;
    let held = faults.hold(|call| call.operation == "Query" && call.mentions("P#") && call.mentions("FIT#"));
    let id = asked(&Api::new(&server), &decaying(50_000)).await?;
    held.reached().await?;
    assert_eq!(Api::new(&server).json(&format!("{FIT}/{id}")).await?["state"], "running");
    match under_test() {
        Host::Server => {
            server.kill().await?;
            server = start().await?;
        }
        Host::Functions => {
            let processes = server.environments("chemistry")?;
            assert!(!processes.is_empty(), "nobody is at work");
            for process in processes {
                Command::new("kill").args(["-9", &process.to_string()]).status().await?;
            }
        }
    }
    held.release();
    let api = Api::new(&server);
    // A request to a function that was just killed is answered with 500, as by API Gateway.
    let look = async || Ok(api.json(&format!("{FIT}/{id}")).await.unwrap_or_default());
    let job = until(look, |job| job["state"] == "done").await?;
    assert_eq!(job["state"], "done", "{job}");
    Ok(())
}

/// A fit that crashes its process would crash a server again at each start, if it were resumed.
#[tokio::test]
async fn a_fit_that_breaks_off_again_and_again_is_given_up() -> anyhow::Result<()> {
    if under_test() == Host::Functions {
        // They use the table of their gateway.
        return Ok(());
    }
    let table = Table::new()?;
    let store = table.store();
    store.create_table_if_missing().await?;
    let asked = json!({"question": {"model": "linear"}, "from": {"points": {"with_sigma": false}}}).to_string();
    let points: Vec<u8> = [1.0_f64, 2.0, 2.0, 4.1].iter().flat_map(|number| number.to_le_bytes()).collect();
    for (id, attempts) in [("twice", 2), ("thrice", 3)] {
        assert!(store.begin_fit(id, &asked, &points).await?);
        for _ in 0..attempts {
            let lease = store.take_lease(Work::Fit(id.into()), &mut Watch::default()).await?.context("it is free")?;
            assert_eq!(store.fit_begins(&lease, id).await?, Noted::Yes);
            store.give_back(&lease).await?;
        }
    }
    let server = Server::options().table(table.endpoint(), table.name()).start().await?;
    let api = Api::new(&server);
    assert_eq!(over(&api, "twice").await?["state"], "done");
    let given_up = over(&api, "thrice").await?;
    assert_eq!((&given_up["state"], &given_up["error"]["code"]), (&json!("failed"), &json!("broke_off")), "{given_up}");
    assert!(store.fit_points("twice").await?.is_empty() && store.open_fits().await?.is_empty(), "nothing is left");
    Ok(())
}

//! Helpers shared by the modules of the suite.

use serde_json::Value;
use std::time::{Duration, Instant};
use tests::{Api, PATIENCE, Server};

/// A server of its own, and its API.
pub(crate) async fn served() -> anyhow::Result<(Server, Api)> {
    serve(Server::options()).await
}

/// The same with options.
pub(crate) async fn serve(options: tests::server::Options) -> anyhow::Result<(Server, Api)> {
    let server = options.start().await?;
    let api = Api::new(&server);
    Ok((server, api))
}

/// A tidy file of these rows.
pub(crate) fn tidy(rows: &[&str]) -> String {
    format!("time,species,concentration\n{}\n", rows.join("\n"))
}

/// How long a file that was answered with 202 may take: a file of hundreds of sites, on a busy machine.
const DONE_WITHIN: Duration = Duration::from_secs(120);

/// Posts a file that must be accepted: the answer.
pub(crate) async fn taken(api: &Api, query: &str, csv: impl Into<reqwest::Body>) -> anyhow::Result<Value> {
    let (status, mut answer) = api.ingest(query, csv).await?;
    if status == 202 {
        // Like a client: polls the record until it is done.
        let path = format!("/api/ingests/{}", answer["id"].as_str().unwrap_or_default());
        let end = Instant::now() + DONE_WITHIN;
        let mut record = api.json(&path).await?;
        while record["state"] != "done" {
            anyhow::ensure!(Instant::now() < end, "{record}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            record = api.json(&path).await?;
        }
        answer = record["answer"].take();
    } else {
        anyhow::ensure!(status == 200, "{status}: {answer}");
    }
    Ok(answer)
}

/// Posts a file that must be refused with a status: the code, and the whole error.
pub(crate) async fn refused(
    api: &Api,
    query: &str,
    csv: impl Into<reqwest::Body>,
    expected: u16,
) -> anyhow::Result<(String, Value)> {
    let (status, mut body) = api.ingest(query, csv).await?;
    anyhow::ensure!(status == expected, "{status} instead of {expected}: {body}");
    let error = body["error"].take();
    Ok((error["code"].as_str().unwrap_or_default().to_owned(), error))
}

/// Puts a permit that must be accepted: the answer.
pub(crate) async fn permitted(api: &Api, site: &str, permit: &Value) -> anyhow::Result<Value> {
    let (status, answer) = api.put(&format!("/api/permits/{site}"), permit).await?;
    anyhow::ensure!(status == 200, "{status}: {answer}");
    Ok(answer)
}

/// The alerts of a site, earliest first.
pub(crate) async fn alerts(api: &Api, site: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = api.list(&format!("/api/alerts?limit=1000&site={site}"), "alerts").await?;
    all.reverse();
    Ok(all)
}

/// One field of all entries, as numbers.
pub(crate) fn numbers(entries: &[Value], field: &str) -> Vec<f64> {
    entries.iter().map(|entry| entry[field].as_f64().unwrap_or(f64::NAN)).collect()
}

/// One field of all entries, as texts.
pub(crate) fn texts<'a>(entries: &'a [Value], field: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[field].as_str().unwrap_or("?")).collect()
}

/// The id of the series of a parameter.
pub(crate) async fn series_id(api: &Api, site: &str, parameter: &str) -> anyhow::Result<String> {
    let all = api.list(&format!("/api/series?site={site}"), "series").await?;
    let found = all.iter().find(|series| series["parameter"] == parameter);
    let found = found.ok_or_else(|| anyhow::anyhow!("no series of {parameter} among {all:?}"))?;
    Ok(found["id"].as_str().unwrap_or_default().to_owned())
}

/// The readings of a parameter, with further query parameters.
pub(crate) async fn readings(api: &Api, site: &str, parameter: &str, query: &str) -> anyhow::Result<Value> {
    let id = series_id(api, site, parameter).await?;
    api.json(&format!("/api/readings?site={site}&series={id}{query}")).await
}

/// Everything that the API shows of a site.
pub(crate) async fn everything(api: &Api, site: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = vec![
        Value::from(api.list(&format!("/api/series?site={site}"), "series").await?),
        Value::from(api.list(&format!("/api/alerts?site={site}"), "alerts").await?),
        api.json(&format!("/api/streams?site={site}")).await?,
        api.json(&format!("/api/status?site={site}")).await?,
    ];
    for series in all[0].as_array().cloned().unwrap_or_default() {
        let id = series["id"].as_str().unwrap_or_default();
        all.push(api.json(&format!("/api/readings?site={site}&series={id}&max_points=100000")).await?);
    }
    Ok(all)
}

/// The readings of a parameter as `time value unit qualifier`.
pub(crate) async fn stored(api: &Api, site: &str, parameter: &str) -> anyhow::Result<Vec<String>> {
    let all = readings(api, site, parameter, "").await?;
    let all = all["readings"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(all.iter().map(|r| ["time", "value", "unit", "qualifier"].map(|field| text(&r[field])).join(" ")).collect())
}

/// Retries until the result is as expected, or time is up: a function reports its counts when its invocation ends, a
/// moment after the clients have its answers.
pub(crate) async fn until<T>(
    look: impl AsyncFn() -> anyhow::Result<T>,
    expected: impl Fn(&T) -> bool,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look().await?;
        if expected(&found) || Instant::now() > deadline {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

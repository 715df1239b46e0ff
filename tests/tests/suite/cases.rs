//! Small files with their correct outcomes: `tests/fixtures/cases`, whose README describes the folders.

use crate::support::{served, until};
use anyhow::{Context, bail, ensure};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tests::Api;
use tests::client::read;

/// Counts of the answer, or of a refusal's details; a missing one is 0.
const COUNTS: [&str; 6] = [
    "rows_taken",
    "rows_refused",
    "rows_repeated",
    "rows_without_reading",
    "readings_replaced",
    "readings_quality_control",
];

/// The result of a case.
#[derive(Default)]
struct Seen {
    status: u64,
    answer: Value,
    message: String,
    alerts: Vec<Value>,
    certificate: String,
}

fn folders() -> anyhow::Result<Vec<PathBuf>> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases"))?;
    let mut folders: Vec<_> = all.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

fn document(path: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(path).with_context(|| path.display().to_string())?)?)
}

/// The steps: permits first, the oldest without a date, then the file; or as the case says.
fn steps(folder: &Path, expect: &Value) -> anyhow::Result<Vec<String>> {
    if let Some(steps) = expect["steps"].as_array() {
        return Ok(steps.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    let mut names: Vec<String> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<_>>()?;
    names.sort_by_key(|name| (name != "permit.json", name.clone()));
    let permits = names.iter().filter(|name| name.starts_with("permit")).map(|name| format!("put {name}"));
    let files = names.iter().filter(|name| name.starts_with("input")).map(|name| format!("post {name}"));
    Ok(permits.chain(files).collect())
}

async fn run(api: &Api, folder: &Path, expect: &Value) -> anyhow::Result<Seen> {
    let site = folder.file_name().context("no name")?.to_string_lossy()[..2].to_owned();
    let mut seen = Seen::default();
    let mut sent = Map::new();
    for step in steps(folder, expect)? {
        let (verb, name) = step.split_once(' ').context("no step")?;
        let path = folder.join(name);
        match verb {
            "put" => {
                let from = name.strip_prefix("permit-").and_then(|rest| rest.strip_suffix(".json"));
                let query = from.map_or_else(String::new, |day| format!("?effective_from={day}"));
                let (status, answer) = api.put(&format!("/api/permits/{site}{query}"), &document(&path)?).await?;
                ensure!(status == 200, "{name}: {status} {answer}");
            }
            "post" => {
                let (status, answer) = api.ingest(&format!("?site={site}"), fs::read(&path)?).await?;
                (seen.status, seen.answer) = (status.as_u16().into(), answer);
                if seen.status == 202 {
                    let path = format!("/api/ingests/{}", seen.answer["id"].as_str().unwrap_or_default());
                    let mut record = until(async || api.json(&path).await, |record| record["state"] == "done").await?;
                    (seen.status, seen.answer) = (200, record["answer"].take());
                }
                let error = seen.answer["error"].take();
                let text = if error.is_null() { &seen.answer["message"] } else { &error["message"] };
                seen.message = text.as_str().unwrap_or_default().to_owned();
                if !error.is_null() {
                    seen.answer = error["details"].clone();
                }
                sent.insert(name.to_owned(), seen.answer["id"].clone());
            }
            "withdraw" => {
                let id = sent[name].as_str().context("not sent")?;
                let path = format!("/api/ingests/{id}?reason=a+case");
                let (status, answer) = read(api.request(Method::DELETE, &path).send().await?).await?;
                ensure!(status == 200, "{status}: {answer}");
            }
            other => bail!("no step {other}"),
        }
    }
    seen.alerts = api.list(&format!("/api/alerts?limit=1000&site={site}"), "alerts").await?;
    if let Some([from, to]) = expect["range"].as_array().map(Vec::as_slice) {
        let query = format!("site={site}&from={}&to={}", from.as_str().unwrap_or(""), to.as_str().unwrap_or(""));
        let response = api.get(&format!("/api/certificate?{query}")).await?;
        let (status, page) = (response.status(), response.text().await?);
        let said = page.split_once(r#"<p class="status">"#).and_then(|(_, rest)| rest.split('<').next());
        seen.certificate = said.map_or_else(|| format!("answered {status}"), str::to_owned);
    }
    Ok(seen)
}

/// The allowed values of an expectation: a single one, or a list.
fn choices(expected: &Value) -> Vec<&Value> {
    expected.as_array().map_or_else(|| vec![expected], |list| list.iter().collect())
}

fn fits(expected: &Value, alert: &Value) -> bool {
    let Some(expected) = expected.as_object() else { return false };
    expected.iter().all(|(key, wanted)| {
        let found = &alert[key];
        choices(wanted).into_iter().any(|choice| match (key.as_str(), choice.as_f64(), found.as_f64()) {
            // An exact half may be rounded either way.
            ("percent", Some(wanted), Some(found)) => (wanted - found).abs() <= 1.0,
            (_, Some(wanted), Some(found)) => (wanted - found).abs() <= wanted.abs() * 1e-9,
            ("period", ..) => {
                let (wanted, found) = (choice.as_str().unwrap_or_default(), found.as_str().unwrap_or_default());
                found == wanted || found.starts_with(&format!("{wanted}T"))
            }
            _ => choice.to_string().to_lowercase() == found.to_string().to_lowercase(),
        })
    })
}

/// Pairs each expected alert with a found one: what is left on either side.
fn unmatched(expected: &[Value], found: &[&Value]) -> (Vec<Value>, Vec<Value>) {
    fn place(of: usize, expected: &[Value], found: &[&Value], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
        for at in 0..found.len() {
            if !seen[at] && fits(&expected[of], found[at]) {
                seen[at] = true;
                if owner[at].is_none_or(|other| place(other, expected, found, owner, seen)) {
                    owner[at] = Some(of);
                    return true;
                }
            }
        }
        false
    }
    let mut owner = vec![None; found.len()];
    let missing = (0..expected.len())
        .filter(|&of| !place(of, expected, found, &mut owner, &mut vec![false; found.len()]))
        .map(|of| expected[of].clone())
        .collect();
    let extra = std::iter::zip(found, &owner).filter(|(_, owner)| owner.is_none()).map(|(alert, _)| (*alert).clone());
    (missing, extra.collect())
}

/// The differences from the expectation, in words.
fn differences(expect: &Value, seen: &Seen) -> Vec<String> {
    let mut out = Vec::new();
    let one_of = |list: &Value, found: &Value| list.as_array().is_none_or(|list| list.contains(found));
    if !one_of(&expect["status"], &json!(seen.status)) {
        out.push(format!("answered {} {:?}", seen.status, seen.message));
    }
    for key in COUNTS.iter().filter(|key| !expect[**key].is_null()) {
        let found = seen.answer[key].as_u64().unwrap_or_default();
        if expect[key] != found {
            out.push(format!("{key} {found}, expected {}", expect[key]));
        }
    }
    let kind = |kind: &str| seen.alerts.iter().filter(|alert| alert["kind"] == kind).collect::<Vec<_>>();
    if let Some(expected) = expect["alerts"].as_array() {
        let (missing, extra) = unmatched(expected, &kind("limit"));
        out.extend(missing.iter().map(|alert| format!("no alert {alert}")));
        out.extend(extra.iter().map(|alert| format!("unexpected alert {alert}")));
    }
    if expect["benchmarks"].as_u64().is_some_and(|count| count != kind("benchmark").len() as u64) {
        out.push(format!("{} benchmarks", kind("benchmark").len()));
    }
    if !one_of(&expect["certificate"], &json!(seen.certificate)) {
        out.push(format!("certificate {}", seen.certificate));
    }
    let errors = seen.answer["errors"].as_array().into_iter().flatten();
    let said: String = errors.map(|error| format!("{} {} ", error["text"], error["reason"])).collect();
    for (key, text) in [("refused_reasons_contain", said.as_str()), ("message_contains", &seen.message)] {
        for words in expect[key].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !words.split('|').any(|word| text.to_lowercase().contains(&word.to_lowercase())) {
                out.push(format!("{key}: {words:?} is not in {text:?}"));
            }
        }
    }
    if let Some(several) = expect["any_of"].as_array() {
        let outcomes: Vec<_> = several.iter().map(|one| differences(one, seen)).collect();
        if outcomes.iter().all(|outcome| !outcome.is_empty()) {
            out.push(format!("none of {outcomes:?}"));
        }
    }
    out
}

#[tokio::test]
async fn every_case_has_the_right_outcome() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let mut wrong = Vec::new();
    let folders = folders()?;
    for folder in &folders {
        let expect = document(&folder.join("expect.json"))?;
        let seen = run(&api, folder, &expect).await.with_context(|| folder.display().to_string())?;
        for difference in differences(&expect, &seen) {
            wrong.push(format!("{}: {difference}", folder.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    ensure!(folders.len() > 50, "{} cases", folders.len());
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

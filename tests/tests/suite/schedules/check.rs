//! What must hold for every site at rest: `alerts = judge(all results, permit in force)`, each change announced once,
//! every number correct, and no acknowledged reading lost.

use super::look::{Seen, Site};
use super::plan::{Plan, Row};
use super::replay::{Counts, Replay};
use super::stage::{Notes, Removed, Sent};
use domain::time::{from_clock, from_hours, rfc3339};
use serde_json::Value;
use std::collections::BTreeMap;
use tests::host::{Host, under_test};

/// The most examples that are shown of each kind.
const EXAMPLES: usize = 3;

/// A violation: the name of the check, and an example.
pub(super) type Violation = (&'static str, String);

pub(super) fn all(plan: &Plan, notes: &Notes, seen: &Seen) -> Vec<Violation> {
    let mut found: Vec<Violation> = notes.wrong.iter().map(|what| ("answers", what.clone())).collect();
    found.extend(seen.sites.iter().flat_map(judged));
    if plan.removes() {
        // The events of a removed site are gone, too, so they cannot be added up.
        found.extend(stored(notes, seen));
        return found;
    }
    let replays: Vec<_> = seen.sites.iter().map(|site| (site, Replay::of(&site.feed))).collect();
    for (site, replay) in &replays {
        let told = replay.problems.iter().take(EXAMPLES).cloned().chain(replay.compare(&site.alerts));
        found.extend(told.map(|what| ("feed", format!("{}: {what}", site.name))));
    }
    found.extend(sums(notes, seen, &replays));
    // A process's counts end with it. A function's environment reports its counts when an invocation ends, so counts of
    // a task that outlives its invocation come with the next one, if there is one.
    let raised = raised(&seen.sites);
    let is_exact = under_test() == Host::Server && plan.kills() == 0;
    if is_exact && seen.counted != raised {
        found.push(("metric", format!("{} alerts are counted, {raised} were told", seen.counted)));
    }
    found.extend(stored(notes, seen));
    found
}

/// How many alerts the feeds announce.
pub(super) fn raised(sites: &[Site]) -> u64 {
    sites.iter().map(|site| Replay::of(&site.feed).told.raised).sum()
}

/// The alerts are those that judging everything finds, and as many as the status says.
fn judged(site: &Site) -> Vec<Violation> {
    let mut found = Vec::new();
    let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
    let (new, withdrawn) = (number(&site.preview["new"]), number(&site.preview["withdrawn"]));
    let (name, listed) = (&site.name, site.alerts.len() as u64);
    if (new, withdrawn) != (0, 0) {
        let what = format!("{name}: the permit in force would bring {new} of {listed} alerts and withdraw {withdrawn}");
        found.push(("preview", what));
    }
    let (total, counted) = (number(&site.preview["total"]), number(&site.status["alerts"]));
    if (total, counted) != (listed, listed) {
        let what =
            format!("{name}: {listed} alerts are listed, {counted} counted by the status, {total} by the preview");
        found.push(("total", what));
    }
    found
}

/// The sums over answers match those over the feeds.
fn sums(notes: &Notes, seen: &Seen, replays: &[(&Site, Replay)]) -> Vec<Violation> {
    let mut found = Vec::new();
    let (mut told, mut by_file) = (Counts::default(), BTreeMap::<&str, Counts>::new());
    for (_, replay) in replays {
        told.add(replay.told);
        replay.by_file.iter().for_each(|(id, counts)| by_file.entry(id).or_default().add(*counts));
    }
    let mut answered = Counts::default();
    for (name, record) in seen.files.iter().filter(|(_, record)| record["state"] == "done") {
        let counts = answered_by(record);
        answered.add(counts);
        let own = by_file.remove(record["id"].as_str().unwrap_or_default()).unwrap_or_default();
        if own != counts {
            found.push(("file", format!("{name} was answered with {counts:?}, its events tell {own:?}")));
        }
    }
    for (raised, withdrawn) in notes.permits.iter().flatten() {
        answered.add(Counts { raised: *raised, withdrawn: *withdrawn });
    }
    let unfinished = seen.files.values().any(|record| record["state"] != "done");
    let lost = notes.permits.iter().any(Option::is_none) || unfinished || notes.readings_sent;
    if answered.raised > told.raised || answered.withdrawn > told.withdrawn || (!lost && answered != told) {
        let rest = if lost { "at least that" } else { "just that" };
        found.push(("sums", format!("answers count {answered:?}; {rest} should have been told, which is {told:?}")));
    }
    found
}

fn answered_by(record: &Value) -> Counts {
    let number = |field: &str| record["answer"]["alerts"][field].as_u64().unwrap_or_default();
    Counts { raised: number("new"), withdrawn: number("withdrawn") }
}

/// The place of a reading: site, outfall, parameter and microseconds.
type Spot<'a> = (&'a str, &'a str, &'a str, i64);

/// Every acknowledged reading and every row of a finished file is there, unless a later one replaced it.
fn stored(notes: &Notes, seen: &Seen) -> Vec<Violation> {
    let mut writes: BTreeMap<Spot<'_>, Vec<(&Sent, &Row)>> = BTreeMap::new();
    for sent in &notes.sent {
        for row in &sent.rows {
            writes.entry((row.site, row.outfall, row.parameter, row.time)).or_default().push((sent, row));
        }
    }
    let mut readings: BTreeMap<Spot<'_>, Vec<&Value>> = BTreeMap::new();
    for site in &seen.sites {
        for (outfall, parameter, all) in &site.series {
            for reading in all {
                let spot = (site.name.as_str(), outfall.as_str(), parameter.as_str(), time_of(reading));
                readings.entry(spot).or_default().push(reading);
            }
        }
    }
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for (spot, writes) in &writes {
        let found = readings.remove(spot).unwrap_or_default();
        if found.is_empty() && writes.iter().any(|(sent, row)| is_certain(sent, row, (notes, seen))) {
            missing.push(format!("{} {} {} {}", spot.0, spot.1, spot.2, rfc3339(spot.3)));
        }
        let admitted = admitted(writes, (notes, seen));
        let strange = found.into_iter().filter(|reading| !admitted.iter().any(|row| is(row, reading)));
        wrong.extend(strange.map(|reading| format!("{reading} in place of {admitted:?}")));
    }
    wrong.extend(readings.into_values().flatten().map(|reading| format!("{reading}, which nobody sent")));
    let mut out = finished(notes, seen);
    for (what, all) in [("are not there", missing), ("are not the last", wrong)] {
        if !all.is_empty() {
            let some = all[..all.len().min(EXAMPLES)].join("; ");
            out.push(("stored", format!("{} readings {what}: {some}", all.len())));
        }
    }
    out
}

/// Each answered file has its record, with all of its rows.
fn finished(notes: &Notes, seen: &Seen) -> Vec<Violation> {
    let mut found = Vec::new();
    for sent in &notes.sent {
        let Some(name) = &sent.file else { continue };
        let record = seen.files.get(name).unwrap_or(&Value::Null);
        let state = record["state"].as_str().unwrap_or("without a record");
        if sent.end.is_some() && state != "done" {
            found.push(("stored", format!("{name} was answered and is {state}")));
        }
        if state == "done" && record["answer"]["rows_taken"] != sent.rows.len() {
            let taken = &record["answer"]["rows_taken"];
            found.push(("stored", format!("{taken} of {} rows of {name} were taken", sent.rows.len())));
        }
    }
    found
}

/// Whether a row must be there: it was acknowledged, and its site was not removed later or meanwhile.
fn is_certain(sent: &Sent, row: &Row, (notes, seen): (&Notes, &Seen)) -> bool {
    let is_before = |removal: &Removed| removal.end.is_some_and(|end| end < sent.start);
    if !notes.removed.iter().filter(|removal| removal.site == row.site).all(is_before) {
        return false;
    }
    match &sent.file {
        Some(name) => seen.files.get(name).is_some_and(|record| record["state"] == "done"),
        None => sent.end.is_some(),
    }
}

/// The rows that may be the last at their place: all except those stored before a certain one was sent, or before their
/// site was removed.
fn admitted<'a>(writes: &[(&Sent, &'a Row)], (notes, seen): (&Notes, &Seen)) -> Vec<&'a Row> {
    let certain: Vec<_> = writes.iter().filter(|(sent, row)| is_certain(sent, row, (notes, seen))).collect();
    let replaced = |sent: &Sent| sent.end.is_some_and(|end| certain.iter().any(|(later, _)| later.start > end));
    let removed = |sent: &Sent, row: &Row| {
        let took = |removal: &Removed| removal.end.is_some() && sent.end.is_some_and(|end| end < removal.start);
        notes.removed.iter().any(|removal| removal.site == row.site && took(removal))
    };
    let open = writes.iter().filter(|(sent, row)| !replaced(sent) && !removed(sent, row));
    open.map(|(_, row)| *row).collect()
}

fn is(row: &Row, reading: &Value) -> bool {
    reading["value"] == row.value && reading["unit"] == row.unit && reading["qualifier"] == row.qualifier
}

fn time_of(reading: &Value) -> i64 {
    let time = &reading["time"];
    let read = time.as_str().map_or_else(|| from_hours(time.as_f64().unwrap_or(f64::NAN)), from_clock);
    read.unwrap_or(i64::MIN)
}

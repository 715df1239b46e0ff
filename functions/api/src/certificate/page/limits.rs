//! The limits in force: those of the permit, and those that came with the readings.

use super::{NUMBER, ROOM, TEXT, table};
use crate::certificate::facts::{Facts, SeriesFacts};
use crate::certificate::scan::OwnLimit;
use crate::certificate::text::{count, direction, limit_value, listed, name, statistic, value};
use domain::permit::{Limit, NonDetect, Other};
use domain::permit_json::MAX_LIMITS;
use maud::{Markup, html};

const COLUMNS: [(&str, &str); 7] = [
    ("Parameter", TEXT),
    ("Outfall", TEXT),
    ("Statistic", TEXT),
    ("Direction", TEXT),
    ("Limit", NUMBER),
    ("Months", TEXT),
    ("Non-detects count as", TEXT),
];

pub(super) fn section(facts: &Facts) -> Markup {
    let limits = &facts.permit.permit().limits;
    let rows = listed(limits, MAX_LIMITS, ROOM, limit_row);
    let own: Vec<_> = facts.present().filter(|series| !series.scan.own_limits.is_empty()).collect();
    html! {
        section {
            h2 { "Permit in force" }
            @if !facts.permit.is_own() {
                p { "The site has no permit of its own here; the built-in default permit applies. A limit of it that met no reading is not held against the site." }
            } @else {
                p { "Each value of the period is judged by the version of the permit that was in force when its own period began. These are the limits of the version that is in force now." }
            }
            @if limits.is_empty() { p { "It has no limits." } } @else {
                (table("Limits of the permit", &COLUMNS, &rows, "GET /api/permits has all of them."))
            }
            @if !own.is_empty() { (own_limits(&own)) }
        }
    }
}

fn limit_row(limit: &Limit) -> Markup {
    html! {
        tr {
            td { (name(&limit.parameter)) }
            td { @if let Some(outfall) = &limit.outfall { (name(outfall)) } @else { "every" } }
            td { (statistic(limit.statistic)) }
            td { (direction(limit.direction)) }
            td.number { (limit_value(limit)) (depends_on(limit)) }
            td { (months(limit)) }
            td { @if limit.statistic.is_average() { (non_detect(limit.non_detect)) } @else { "–" } }
        }
    }
}

/// Properties of the water on which the limit, or the value compared with it, depends.
fn depends_on(limit: &Limit) -> Markup {
    html! {
        @if let Some(Other::Water { formula, parameters }) = &limit.with {
            br; span.muted {
                @if !formula.gives_limit() { (formula.label()) "; " }
                "by " (parameters.join(" and "))
            }
        }
    }
}

fn months(limit: &Limit) -> String {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    if limit.season.is_all() {
        return "all year".into();
    }
    let months = limit.season.months().into_iter();
    months.filter_map(|month| NAMES.get(usize::from(month).checked_sub(1)?).copied()).collect::<Vec<_>>().join(", ")
}

fn non_detect(rule: NonDetect) -> &'static str {
    match rule {
        NonDetect::Zero => "zero",
        NonDetect::Half => "half the detection limit",
        NonDetect::Full => "the detection limit",
    }
}

const OWN_COLUMNS: [(&str, &str); 6] = [
    ("Parameter", TEXT),
    ("Outfall", TEXT),
    ("Reported as", TEXT),
    ("Direction", TEXT),
    ("Limit", NUMBER),
    ("Readings", NUMBER),
];

/// The limits that came with readings, for example in an effluent chart.
fn own_limits(own: &[&SeriesFacts]) -> Markup {
    let all = own.iter().flat_map(|series| series.scan.own_limits.iter().map(move |limit| (*series, limit)));
    let rows = listed(all, MAX_LIMITS, ROOM, |(series, limit)| own_row(series, limit));
    let others: u64 = own.iter().map(|series| series.scan.other_limits).sum();
    html! {
        h3 { "Limits that came with the readings" }
        (table("Limits that came with the readings", &OWN_COLUMNS, &rows, ""))
        @if others > 0 { p.note { (count(others)) " readings came with yet other limits, and were judged by those." } }
    }
}

fn own_row(series: &SeriesFacts, limit: &OwnLimit) -> Markup {
    let key = &series.entry.series;
    html! {
        tr {
            td { (name(&key.parameter)) }
            td { (name(&key.outfall)) }
            td { @if key.is_raw() { "single readings" } @else { (name(&key.base)) } }
            td { (direction(limit.direction)) }
            td.number { (value(limit.value)) " " (name(&limit.unit)) }
            td.number { (count(limit.readings)) }
        }
    }
}

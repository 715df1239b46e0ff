//! The head of the page: the status, the subject, and the reasons why the status is no better.

use crate::certificate::facts::Facts;
use crate::certificate::status::{Gap, Status, Why};
use crate::certificate::text::{count, counted, limit_value, listed, name, plain, sign, statistic, tidy};
use domain::alert::Severity;
use domain::columns::Row;
use domain::name::key;
use domain::permit::{Limit, Other};
use domain::time;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The most outfalls that are named.
const MAX_OUTFALLS: usize = 50;
/// The most gaps that are described one by one.
const MAX_GAPS: usize = 100;

pub(super) fn head(facts: &Facts) -> Markup {
    html! {
        header {
            p.issuer { "OpenWorld Specialty Chemicals · effluent monitor" }
            h1 { "Certificate of compliance" }
            (badge(facts))
            (summary(facts))
            (gaps(facts))
        }
    }
}

/// The status in words, with a shape and a colour of its own.
fn badge(facts: &Facts) -> Markup {
    let (class, words) = match facts.verdict.status {
        Status::Compliant => ("compliant", "COMPLIANT"),
        Status::NonCompliant => ("noncompliant", "NON-COMPLIANT"),
        Status::Insufficient => ("insufficient", "INSUFFICIENT DATA"),
    };
    html! {
        div.badge.(class) role="status" {
            svg viewBox="0 0 48 48" aria-hidden="true" {
                @match facts.verdict.status {
                    Status::Compliant => { circle.shape cx="24" cy="24" r="22" {} path.sign d="M13 25l8 8 15-17" {} }
                    Status::NonCompliant => {
                        path.shape d="M15 2h18l13 13v18L33 46H15L2 33V15z" {}
                        path.sign d="M16 16l16 16M32 16L16 32" {}
                    }
                    Status::Insufficient => {
                        path.shape d="M24 3l22 41H2z" {}
                        path.sign d="M24 18v13M24 37v1" {}
                    }
                }
            }
            div { p.status { (words) } p.why { (sentence(facts)) } }
        }
    }
}

fn sentence(facts: &Facts) -> Markup {
    let total = facts.exceedances_total();
    html! {
        @match facts.verdict.status {
            Status::Compliant => {
                "Nothing that was measured in the period and compared with a limit is beyond it"
                @if facts.permit.is_own() { ", and every limit of the permit that holds in the period was compared" }
                "."
            }
            Status::NonCompliant => {
                (counted(total, "exceedance", "exceedances")) " in the period" (by_severity(&facts.by_severity)) "."
            }
            Status::Insufficient => "No exceedance was found, but what was measured is not enough to certify compliance.",
        }
    }
}

fn by_severity(counts: &BTreeMap<Severity, u64>) -> String {
    let parts: Vec<_> = counts
        .iter()
        .rev()
        .map(|(severity, number)| format!("{} {}", count(*number), severity.label().to_lowercase()))
        .collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

fn summary(facts: &Facts) -> Markup {
    let readings: u64 = facts.present().map(|series| series.scan.readings).sum();
    let non_detects: u64 = facts.present().map(|series| series.scan.non_detects).sum();
    html! {
        dl.facts {
            div { dt { "Site" } dd { (name(&facts.site)) } }
            div { dt { "Outfalls" } dd { (outfalls(facts)) } }
            div { dt { "Period" } dd { (period(facts)) } }
            div { dt { "Permit" } dd { (permit(facts)) } }
            div {
                dt { "Readings" }
                dd { (count(readings)) @if readings > 0 { ", of which " (counted(non_detects, "non-detect", "non-detects")) } }
            }
            div { dt { "Exceedances" } dd { (count(facts.exceedances_total())) } }
        }
    }
}

fn outfalls(facts: &Facts) -> Markup {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for series in facts.present() {
        names.entry(key(&series.entry.series.outfall)).or_insert(&series.entry.series.outfall);
    }
    for outfall in facts.permit.permit().limits.iter().filter_map(|limit| limit.outfall.as_deref()) {
        names.entry(key(outfall)).or_insert(outfall);
    }
    html! {
        @if names.is_empty() { "none" }
        @for (index, outfall) in names.values().take(MAX_OUTFALLS).enumerate() {
            @if index > 0 { ", " }
            (name(outfall))
        }
        @if names.len() > MAX_OUTFALLS { " and " (count((names.len() - MAX_OUTFALLS) as u64)) " more" }
    }
}

/// The requested period; where it is open, the first or last reading.
fn period(facts: &Facts) -> Markup {
    let first = facts.present().filter_map(|series| series.scan.first).min_by_key(|row| row.time);
    let last = facts.present().filter_map(|series| series.scan.last).max_by_key(|row| row.time);
    let calendar = &facts.permit.history.calendar;
    let shown = |row: Option<Row>| row.map(|row| tidy(&calendar.shown(row.time, row.flags.kind()).to_string()));
    let from = facts.range.shown_from().or(shown(first));
    let to = facts.range.shown_to().or(shown(last));
    let whole = facts.range.shown_from().is_none() && facts.range.shown_to().is_none();
    html! {
        @match (from, to) {
            (Some(from), Some(to)) => { (from) " to " (to) },
            (Some(from), None) => { "from " (from) " on" },
            (None, Some(to)) => { "until " (to) },
            (None, None) => "no readings at any time",
        }
        @if whole && first.is_some() { " (the whole record)" }
        span.muted { " · days are those of " (facts.permit.history.calendar.zone_name()) ", times are UTC" }
        @if !facts.is_over { span.muted { " · not final: the period is not over" } }
    }
}

fn permit(facts: &Facts) -> Markup {
    let limits = facts.permit.permit().limits.len() as u64;
    html! {
        @match facts.permit.updated_at() {
            Some(adopted) if facts.permit.is_own() => {
                "version " (facts.permit.version) ", adopted " (tidy(&time::rfc3339_seconds(adopted)))
            },
            _ => "built-in default permit",
        }
        " (" (counted(limits, "limit", "limits")) ")"
    }
}

fn gaps(facts: &Facts) -> Markup {
    let verdict = &facts.verdict;
    let rows = listed(&verdict.gaps, MAX_GAPS, super::ROOM, |gap| html! { li { (tell(gap)) } });
    html! {
        @if !verdict.gaps.is_empty() {
            section.gaps aria-label="What could not be judged" {
                h2 { @if verdict.status == Status::Insufficient { "Why the data are not sufficient" } @else { "Besides, this could not be judged" } }
                ul { (rows) }
                (super::left_out(&rows, ""))
            }
        }
        @if verdict.out_of_step {
            p.note { "Readings of this site were being judged while this page was made. Generate it again in a moment." }
        }
    }
}

/// What could not be judged, as text.
pub(in crate::certificate) fn reason(gap: &Gap) -> String {
    plain(&tell(gap))
}

fn tell(gap: &Gap) -> Markup {
    html! {
        @match gap {
            Gap::NoReadings => "There is no reading in the period.",
            Gap::NothingCompared => "No reading of the period was compared with any limit: no limit covers what was measured.",
            Gap::Unmet { limit, why } => {
                (limit_name(limit)) ": "
                @match why {
                    Why::NoReadings => "no reading of it in the period.",
                    Why::OtherUnits => "its readings are in units that cannot be compared with the limit's.",
                    Why::TooFew(readings) => { "fewer than the " (readings) " consecutive readings that it asks for." },
                    Why::NoPeriod => "it has no value in the period.",
                }
            }
            Gap::Missing { limit, outfall, periods, count } => {
                (limit_name(limit)) " at outfall " (name(outfall)) ": no value for " (periods.join(", "))
                @if *count > periods.len() as u64 { " and " (counted(*count - periods.len() as u64, "more period", "more periods")) }
                "."
            }
            Gap::Inconclusive { limit, outfall, count } => {
                (name(&limit.parameter)) " at outfall " (name(outfall)) ": " (counted(*count, "value", "values")) " of the "
                (statistic(limit.statistic)) " may be beyond " (limit_value(limit)) " or not: their sign leaves it open."
            }
            Gap::NoWater { limit, outfall, count } => {
                (limit_name(limit)) " at outfall " (name(outfall)) ": nothing was compared in " (counted(*count, "period", "periods"))
                " with results, as " (others(limit).join(" or ")) " is not known there."
            }
            Gap::Refused { ingest, source, rows } => {
                (counted(*rows, "row", "rows")) " of the file " (name(source)) " (ingest " code { (ingest) } ") could not be read."
            }
            Gap::Unjudged { outfall, parameter, count } => {
                (name(parameter)) " at outfall " (name(outfall)) ": " (counted(*count, "value", "values"))
                " came with a limit that is not judged: it is stayed, or neither a maximum nor a minimum."
            }
            Gap::NoPermit => "The site has no permit of its own. The built-in one was not written for it.",
            Gap::Units { outfall, parameter, unit, limit_unit, readings } => {
                (name(parameter)) " at outfall " (name(outfall)) ": " (counted(*readings, "reading", "readings")) " in "
                (name(if unit.is_empty() { "no unit" } else { unit })) " cannot be compared with a limit in " (name(limit_unit)) "."
            }
            Gap::Unfinished { ingest } => {
                "The file of ingest " code { (ingest) } " is not completely taken in. Post it again to finish it."
            }
            Gap::Unsettled => "Verdicts on readings or limits of this site are still being worked out. Generate this page again in a moment.",
        }
    }
}

/// The parameters that a limit needs besides its own.
fn others(limit: &Limit) -> &[String] {
    limit.with.as_ref().map_or(&[], Other::parameters)
}

fn limit_name(limit: &Limit) -> Markup {
    html! {
        (name(&limit.parameter)) @if let Some(outfall) = &limit.outfall { " at outfall " (name(outfall)) }
        ", " (statistic(limit.statistic)) " " (sign(limit.direction)) " " (limit_value(limit))
    }
}

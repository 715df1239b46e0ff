//! The values of the statistics, and the numbers of readings.

use super::{NUMBER, ROOM, TEXT, table};
use crate::certificate::facts::{Facts, LimitFacts, SeriesFacts};
use crate::certificate::text::{
    self, count, counted, listed, name, percent_of, qualified, sign, statistic_of, tidy, value,
};
use domain::calendar::Calendar;
use domain::columns::Row;
use domain::evaluate::{Observed, Rule};
use domain::permit::Other;
use maud::{Markup, html};

/// The most rows of each table.
const MAX_ROWS: usize = 1000;

const STATISTICS: [(&str, &str); 9] = [
    ("Outfall", TEXT),
    ("Parameter", TEXT),
    ("Statistic", TEXT),
    ("Limit", NUMBER),
    ("Values", NUMBER),
    ("Average", NUMBER),
    ("Worst", NUMBER),
    ("Worst, % of limit", NUMBER),
    ("Exceedances", NUMBER),
];

/// The value of each limit's statistic.
pub(super) fn statistics(facts: &Facts) -> Markup {
    let rows = listed(facts.compared(), MAX_ROWS, ROOM, |(series, limit)| statistic_row(series, limit));
    html! {
        section {
            h2 { "Statistics" }
            @if rows.rows.is_empty() {
                p { "Nothing was compared with a limit." }
            } @else {
                (table("Statistics", &STATISTICS, &rows, ""))
                p.note {
                    "Values are readings, days, weeks, months or means, as the statistic says. Worst is the highest under a maximum and the lowest under a minimum; "
                    "under a minimum, less than 100 % is beyond the limit. A value that cannot exceed, such as a non-detect under a maximum, is not among the values of single readings and daily extremes."
                }
                @if facts.compared().any(|(_, limit)| limit.survey.inconclusive > 0) {
                    p.note { "Inconclusive are readings below a detection limit that is itself above the limit (or the like under a minimum): they are no exceedances, and no evidence of compliance." }
                }
            }
        }
    }
}

fn statistic_row(series: &SeriesFacts, limit: &LimitFacts) -> Markup {
    let (rule, survey, key) = (&limit.rule, &limit.survey, &series.entry.series);
    let exceedances = limit.exceeding.total().max(survey.exceedances_total());
    html! {
        tr {
            td { (name(&key.outfall)) }
            td { (name(&key.parameter)) }
            td { (statistic_of(rule.statistic, &key.base)) }
            td.number { (limit_cell(series, limit)) }
            td.number {
                (count(survey.values))
                @if survey.values == 0 { (no_values(limit)) }
                @if survey.inconclusive > 0 { br; span.muted { (count(survey.inconclusive)) " inconclusive" } }
                @if survey.incomplete > 0 { br; span.muted { (counted(survey.incomplete, "period", "periods")) (without(rule)) } }
                @if survey.gaps > 0 { br; span.muted { (counted(survey.gaps, "excursion", "excursions")) " cut short by missing readings" } }
            }
            td.number { @if let Some(mean) = survey.mean() { (text::mean(mean)) } @else { "–" } }
            td.number { @if let Some(worst) = &survey.worst { (observed(worst)) } @else { "–" } }
            td.number { @if let Some(worst) = &survey.worst { (percent_of(worst.row.value, worst.row.limit)) } @else { "–" } }
            td.number.beyond[exceedances > 0] { (count(exceedances)) }
        }
    }
}

/// The limit; if readings bring their own, that limit if they all agree.
fn limit_cell(series: &SeriesFacts, limit: &LimitFacts) -> Markup {
    let own = (series.scan.own_limits.as_slice(), series.scan.other_limits);
    html! {
        @match (limit.rule.formula(), &limit.rule.limit, own) {
            (Some(formula), ..) => (formula.label()),
            (None, Some(fixed), _) => { (sign(fixed.direction)) " " (value(fixed.value)) " " (name(fixed.unit.as_str())) },
            (None, None, ([one], 0)) => { (sign(one.direction)) " " (value(one.value)) " " (name(&one.unit)) },
            _ => "each its own",
        }
    }
}

/// What a period without a value is short of.
fn without(rule: &Rule) -> &'static str {
    match rule.other() {
        Some(Other::Water { .. }) => " of which nothing is known of the water",
        _ => " with one of the two alone",
    }
}

fn no_values(limit: &LimitFacts) -> Markup {
    html! {
        @if limit.was_compared() { br; span.muted { "non-detects only" } }
        @else if !limit.survey.incomparable.is_empty() { br; span.muted { "other units" } }
    }
}

fn observed(worst: &Observed) -> Markup {
    html! { (qualified(worst.row.flags.qualifier(), value(worst.row.value))) " " (name(&worst.unit)) }
}

const COUNTS: [(&str, &str); 8] = [
    ("Outfall", TEXT),
    ("Parameter", TEXT),
    ("Reported as", TEXT),
    ("Unit", TEXT),
    ("Readings", NUMBER),
    ("Non-detects", NUMBER),
    ("First and last", TEXT),
    ("Limits", NUMBER),
];

/// How many readings each series has in the period.
pub(super) fn counts(facts: &Facts) -> Markup {
    let mut rows = listed(facts.present(), MAX_ROWS, ROOM, |series| count_row(series, &facts.permit.history.calendar));
    let total = |number: fn(&SeriesFacts) -> u64| count(facts.present().map(number).sum());
    let series = facts.present().count() as u64;
    rows.rows.push(html! {
        tr.total {
            td colspan="4" { "All " (counted(series, "series", "series")) }
            td.number { (total(|series| series.scan.readings)) }
            td.number { (total(|series| series.scan.non_detects)) }
            td {}
            td {}
        }
    });
    html! {
        section {
            h2 { "Readings in the period" }
            @if series == 0 { p { "There are none." } } @else {
                (table("Readings in the period", &COUNTS, &rows, "GET /api/series has all of them."))
                p.note { "A series without limits is kept and shown, and not judged." }
            }
        }
    }
}

fn count_row(series: &SeriesFacts, calendar: &Calendar) -> Markup {
    let (key, scan) = (&series.entry.series, &series.scan);
    let shown = |row: Row| tidy(&calendar.shown(row.time, row.flags.kind()).to_string());
    let time = |row: Option<Row>| row.map(shown).unwrap_or_default();
    html! {
        tr {
            td { (name(&key.outfall)) }
            td { (name(&key.parameter)) }
            td {
                @if key.is_raw() { "single readings" } @else { (name(&key.base)) }
                @if !key.variant.is_empty() { br; span.variant { (name(&key.variant)) } }
            }
            td { (name(&series.entry.unit)) }
            td.number { (count(scan.readings)) }
            td.number { (count(scan.non_detects)) }
            td { span.nowrap { (time(scan.first)) " –" } " " span.nowrap { (time(scan.last)) } }
            td.number { @if series.limits.is_empty() { "none" } @else { (count(series.limits.len() as u64)) } }
        }
    }
}

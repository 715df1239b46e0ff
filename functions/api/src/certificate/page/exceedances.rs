//! All exceedances, and the responses to them.

use super::{NUMBER, ROOM, TEXT, left_out, table};
use crate::certificate::exceeding::MAX_LISTED;
use crate::certificate::facts::Facts;
use crate::certificate::text::{listed, name, percent, qualified, sign, statistic_of, tidy, value, value_against};
use domain::alert::{Alert, Severity, WaterInput};
use domain::name::key;
use domain::reading::Direction;
use domain::remedy::remedy;
use domain::statistic::Statistic;
use maud::{Markup, html};
use std::collections::HashMap;

const COLUMNS: [(&str, &str); 9] = [
    ("Period", TEXT),
    ("Outfall", TEXT),
    ("Parameter", TEXT),
    ("Statistic", TEXT),
    ("Value", NUMBER),
    ("Limit", NUMBER),
    ("Over by", NUMBER),
    ("Severity", TEXT),
    ("Action", TEXT),
];

pub(super) fn section(facts: &Facts) -> Markup {
    let (responses, numbers) = responses(&facts.exceedances);
    let mut numbers = numbers.into_iter();
    let mut rows =
        listed(&facts.exceedances, MAX_LISTED, 3 * ROOM, |(_, alert)| row(alert, numbers.next().unwrap_or(0)));
    rows.left_out = facts.exceedances_total().saturating_sub(rows.rows.len() as u64);
    let used = responses.iter().take_while(|response| response.first_row < rows.rows.len());
    let actions = listed(used, MAX_LISTED, ROOM, Response::show);
    html! {
        section {
            h2 { "Exceedances" }
            @if facts.exceedances_total() == 0 {
                p { "None was found in the period." }
            } @else {
                (table("Exceedances", &COLUMNS, &rows, "They are listed in time order; GET /api/alerts has all of them."))
                h3 { "Actions" }
                ol.actions { (actions) }
                (left_out(&actions, ""))
            }
        }
    }
}

fn row(alert: &Alert, response: usize) -> Markup {
    let statistic = alert.statistic.parse().unwrap_or(Statistic::AS_REPORTED);
    html! {
        tr {
            td.nowrap { (tidy(&alert.period)) }
            td { (name(&alert.outfall)) }
            td { (name(&alert.parameter)) }
            td { (statistic_of(statistic, &alert.base)) }
            td.number { (qualified(alert.qualifier, value_against(alert.value, alert.limit))) " " (name(&alert.unit)) }
            td.number {
                (sign(alert.direction)) " " (value(alert.limit)) " " (name(&alert.unit))
                @for input in &alert.water { br; span.muted { "at " (name(&input.parameter)) " " (value(input.value)) " " (unit_of(input)) } }
            }
            td.number { (percent(alert)) }
            td { (severity(alert.severity)) }
            td.nowrap { "A" (response + 1) }
        }
    }
}

/// The unit of a property of the water; pH has none in words.
fn unit_of(input: &WaterInput) -> Markup {
    html! { @if input.unit != "SU" { (name(&input.unit)) } }
}

fn severity(severity: Severity) -> Markup {
    html! { span.severity.(severity.as_str()) { (severity.label()) } }
}

/// The response to exceedances of a parameter on one side of its limit.
struct Response<'a> {
    parameter: &'a str,
    direction: Direction,
    text: &'a str,
    /// Whether it comes from the permit.
    permitted: bool,
    /// The first row that refers to it.
    first_row: usize,
}

/// The distinct responses, in order of appearance, and for each exceedance the number of its response.
fn responses(exceedances: &[(i64, Alert)]) -> (Vec<Response<'_>>, Vec<usize>) {
    let (mut responses, mut known) = (Vec::new(), HashMap::new());
    let mut numbers = Vec::with_capacity(exceedances.len());
    for (first_row, (_, alert)) in exceedances.iter().enumerate() {
        let text = alert.action.trim();
        let permitted = text != remedy(&alert.parameter, Some(alert.direction));
        let number = *known.entry((key(&alert.parameter), alert.direction, text)).or_insert_with(|| {
            responses.push(Response {
                parameter: &alert.parameter,
                direction: alert.direction,
                text,
                permitted,
                first_row,
            });
            responses.len() - 1
        });
        numbers.push(number);
    }
    (responses, numbers)
}

impl Response<'_> {
    fn show(&self) -> Markup {
        let side = if self.direction == Direction::Max { "above its maximum" } else { "below its minimum" };
        let source = if self.permitted { "the permit's action" } else { "built-in advice; the permit names no action" };
        html! {
            li { strong { (name(self.parameter)) } " " (side) ": " bdi { (self.text) } span.muted { " (" (source) ")" } }
        }
    }
}

//! A chart for each series.

use super::{ROOM, left_out};
use crate::certificate::chart::{caption, chart};
use crate::certificate::facts::{Facts, SeriesFacts};
use crate::certificate::text::{listed, name, unmarked};
use maud::{Markup, html};

/// The most charts on a page. A sheet has two side by side.
const MAX_CHARTS: usize = 80;

pub(super) fn section(facts: &Facts) -> Markup {
    let mut number = 0;
    let figures =
        listed(facts.present().filter(|series| !series.scan.points.is_empty()), MAX_CHARTS, 3 * ROOM, |series| {
            number += 1;
            figure(series, number)
        });
    let without = facts.present().filter(|series| series.scan.points.is_empty()).count() as u64;
    let figures = super::Listed { left_out: figures.left_out + without, ..figures };
    html! {
        @if !figures.rows.is_empty() {
            section {
                h2 { "Charts" }
                (legend())
                div.charts { (figures) }
                (left_out(&figures, "GET /api/readings has the readings of every series."))
            }
        }
    }
}

fn figure(series: &SeriesFacts, number: usize) -> Markup {
    let key = &series.entry.series;
    let title = [&key.parameter, &key.outfall, &key.base, &series.entry.unit].map(String::as_str);
    let [parameter, outfall, base, unit] = title;
    let base = if base.is_empty() { "readings" } else { base };
    html! {
        figure {
            figcaption {
                strong { (name(parameter)) } " · outfall " (name(outfall)) " · " (name(base)) @if !unit.is_empty() { ", " (name(unit)) }
            }
            (chart(series, &unmarked(&format!("{parameter}, outfall {outfall}, {base}, {unit}")), number))
            p.caption { (caption(series)) }
        }
    }
}

/// The legend, once for all charts.
fn legend() -> Markup {
    html! {
        ul.legend {
            li { svg viewBox="0 0 24 12" aria-hidden="true" { path.line d="M1 6H23" {} path.dots d="M10 6a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z" {} } "reading" }
            li { svg viewBox="0 0 24 12" aria-hidden="true" { path.open d="M9 6a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z" {} } "non-detect, at its detection limit" }
            li { svg viewBox="0 0 24 12" aria-hidden="true" { path.beyond d="M12 1l5 10h-10z" {} } "exceedance (pointing down: below a minimum)" }
            li { svg viewBox="0 0 24 12" aria-hidden="true" { path.limit d="M1 6H23" {} } "limit" }
        }
    }
}

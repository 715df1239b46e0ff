//! The page. Every text from outside passes through maud, which escapes it.

mod charts;
mod exceedances;
mod head;
mod limits;
mod provenance;
mod readings;
mod signature;

use super::facts::Facts;
use super::text::{Listed, count, unmarked};
pub(super) use head::reason;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The page's only style, embedded in it. It also works with `main.certificate` as its root, so that the page can be
/// shown within another one.
pub(super) const STYLE: &str = include_str!("style.css");

/// The most bytes of a list. The longest names make rows of a few kilobytes; all lists together stay below the 6 MB of
/// a Lambda function's answer.
const ROOM: usize = 350_000;

/// The certificate.
pub(super) fn page(facts: &Facts) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Certificate of compliance · " (unmarked(&facts.site)) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main.certificate lang="en" {
                    (head::head(facts))
                    (exceedances::section(facts))
                    (readings::statistics(facts))
                    (limits::section(facts))
                    (readings::counts(facts))
                    (charts::section(facts))
                    (provenance::section(facts))
                    (signature::section(facts))
                }
            }
        }
    }
}

/// A table that may be wider than a screen. Its head is repeated on every sheet.
fn table(caption: &str, columns: &[(&str, &str)], rows: &Listed, more: &str) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                thead { tr { @for (column, class) in columns { th.(class) scope="col" { (column) } } } }
                tbody { (rows) }
            }
        }
        (left_out(rows, more))
    }
}

/// How many entries of a list were left out.
fn left_out(rows: &Listed, more: &str) -> Markup {
    html! { @if rows.left_out > 0 { p.note { "Not listed here: " (count(rows.left_out)) " more. " (more) } } }
}

/// The CSS class of number columns, and of text columns.
const NUMBER: &str = "number";
const TEXT: &str = "text";

//! Where the readings came from.

use super::{NUMBER, ROOM, TEXT, table};
use crate::certificate::facts::Facts;
use crate::certificate::ledger::File;
use crate::certificate::text::{count, counted, listed, name, tidy};
use domain::time;
use maud::{Markup, html};
use table::withdrawals::Withdrawal;

/// The most files that are listed.
const MAX_FILES: usize = 500;

const COLUMNS: [(&str, &str); 6] = [
    ("Ingest and SHA-256 of the file", TEXT),
    ("Source", TEXT),
    ("Received", TEXT),
    ("Software", TEXT),
    ("Rows taken / refused", NUMBER),
    ("Readings in the period", NUMBER),
];

pub(super) fn section(facts: &Facts) -> Markup {
    let ledger = &facts.ledger;
    let rows = listed(&ledger.files, MAX_FILES, ROOM, row);
    let (files, readings) = ledger.unknown;
    html! {
        section {
            h2 { "Provenance" }
            @if !ledger.files.is_empty() {
                (table("Files", &COLUMNS, &rows, "GET /api/ingests has the whole ledger."))
                p.note { "Readings are those that each file brought for the period, including any that a later one corrected. A file can be told by its digest." }
            }
            @let replaced: u64 = ledger.files.iter().map(|file| file.readings_replaced).sum();
            @if replaced > 0 {
                p { (counted(replaced, "result", "results")) " took the place of earlier ones with these files; GET /api/ingests/{id} lists old and new values." }
            }
            @if !facts.permit.withdrawals.is_empty() {
                p { "Files that were withdrawn from the site count no longer:" }
                ul { (listed(&facts.permit.withdrawals, MAX_FILES, ROOM, withdrawal)) }
            }
            @if ledger.single > 0 {
                p { (counted(ledger.single, "reading", "readings")) " of the period came live, one by one, over the site's connections." }
            }
            @if files > 0 {
                p.note {
                    (counted(readings, "reading", "readings")) " of the period came with " (counted(files, "file", "files"))
                    " whose records are not among the latest of the ledger, or have come in this moment; GET /api/ingests has all of it."
                }
            }
            @if ledger.files.is_empty() && ledger.single == 0 && files == 0 { p { "There are no readings in the period." } }
        }
    }
}

fn withdrawal(withdrawal: &Withdrawal) -> Markup {
    let at = time::rfc3339_seconds(withdrawal.at);
    html! {
        li { "ingest " code { (withdrawal.ingest) } ", " (tidy(&at)) ", by " (name(&withdrawal.who)) ": " (name(&withdrawal.reason)) }
    }
}

fn row(file: &File) -> Markup {
    let rows = |number: Option<u64>| number.map_or("–".into(), count);
    html! {
        tr {
            td { code { (file.id) } br; code.digest { (file.digest) } }
            td {
                @if file.source.is_empty() { span.muted { "unnamed" } } @else { (name(&file.source)) }
                br; span.muted { "from " (name(&file.who)) }
            }
            td { (tidy(&second(&file.received_at))) }
            td { (name(&file.code_version)) }
            td.number { @if file.done { (rows(file.rows_taken)) " / " (rows(file.rows_refused)) @if file.is_resolved { " (dealt with)" } } @else { "not finished" } }
            td.number { (count(file.readings)) }
        }
    }
}

/// RFC 3339 without fractions of a second.
fn second(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

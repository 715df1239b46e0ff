//! Any bytes as a CSV file: read, cut into pieces, packed and unpacked.
//!
//! However odd the bytes, every data row is accounted for, every reading is a finite number at a time that calendars
//! have, and what is packed comes out again bit for bit.

#![no_main]

use domain::time::{HOUR, MAX_HOURS};
use formats::Options;
use formats::cutter::{Cutter, Piece};
use formats::reader::Rows;
use formats::report::MAX_LISTED_ERRORS;
use formats::row::Reading;
use libfuzzer_sys::fuzz_target;
use table::segment;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut rows) = Rows::open(bytes, &Options::default()) else { return };
    let mut cutter = Cutter::default();
    let mut readings = Vec::new();
    let (mut count, mut kept) = (0, 0);
    while let Ok(true) = rows.next_row(&mut readings) {
        for reading in readings.drain(..) {
            check_reading(&reading, &rows);
            count += 1;
            if let Some(piece) = cutter.push(&reading, rows.units()) {
                kept += check_piece(piece);
            }
        }
    }
    while let Some(piece) = cutter.finish() {
        kept += check_piece(piece);
    }
    let report = &rows.report;
    assert_eq!(report.rows, report.rows_taken + report.rows_refused + report.rows_without_reading);
    assert_eq!(report.rows_without_reading, report.without_reading.values().sum::<u64>());
    assert_eq!(report.readings, count);
    assert_eq!(kept, count, "every reading is kept, repeated or replaced");
    assert!(report.errors.len() <= MAX_LISTED_ERRORS && report.errors_total >= report.rows_refused);
});

fn check_reading(reading: &Reading, rows: &Rows<&[u8]>) {
    assert!(reading.row.value.is_finite() && reading.row.limit.is_finite());
    assert!(reading.row.time.unsigned_abs() <= (MAX_HOURS * HOUR as f64) as u64);
    assert!(!rows.series()[reading.series as usize].parameter.is_empty());
    assert!(rows.units().len() > usize::from(reading.unit));
}

/// How many readings went into the piece.
fn check_piece(piece: Piece) -> u64 {
    let gone = piece.readings_repeated + piece.readings_replaced;
    let columns = piece.columns;
    assert!(columns.times.is_sorted());
    let packed = segment::encode(&columns).expect("readings can be packed");
    let unpacked = segment::decode(&packed).expect("what was packed can be unpacked");
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&unpacked.values), bits(&columns.values));
    assert_eq!(bits(&unpacked.limits), bits(&columns.limits));
    assert_eq!(unpacked, columns);
    columns.len() as u64 + gone
}

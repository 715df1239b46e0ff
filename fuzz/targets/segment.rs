//! Any bytes as a segment: what the table holds may be damaged.
//!
//! It is an error, or columns that all who use them can use, of a size that is bounded however many readings the bytes
//! claim.

#![no_main]

use cap::Cap;
use domain::columns::Columns;
use libfuzzer_sys::fuzz_target;
use std::alloc::System;
use table::segment;

/// More than a hundred times what 4096 bytes of input may take; a claim of gigabytes ends the run.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, 256 * 1024 * 1024);

fuzz_target!(|bytes: &[u8]| {
    let Ok(columns) = segment::decode(bytes) else { return };
    let len = columns.len();
    assert_eq!((columns.values.len(), columns.flags.len()), (len, len));
    assert!(columns.limits.is_empty() || columns.limits.len() == len);
    assert!(columns.samples.is_empty() || columns.samples.len() == len);
    use_columns(&columns);
    let again = segment::decode(&segment::encode(&columns).expect("what was read can be packed"));
    let again = again.expect("what was packed can be unpacked");
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!((bits(&again.values), bits(&again.limits)), (bits(&columns.values), bits(&columns.limits)));
    assert_eq!((again.times, again.flags), (columns.times, columns.flags));
    assert_eq!((again.samples, again.units), (columns.samples, columns.units));
});

/// Whatever is done with columns that were read.
fn use_columns(columns: &Columns) {
    for index in 0..columns.len() {
        let row = columns.row(index);
        let _ = (row.shown_time(), row.flags.limit(), columns.unit_of(index));
    }
    let _ = (columns.span(), columns.lower_bound(0), columns.parsed_units());
    let mut sorted = Columns::default();
    if sorted.append(columns).is_ok() {
        sorted.sort_and_dedup();
        assert!(sorted.times.is_sorted() && sorted.len() <= columns.len());
    }
}

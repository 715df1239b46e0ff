//! The cost of reading, judging and packing relative to bare CSV reading, on one core and in one run.
//!
//! Only the ratios count: machines differ, and so do the minutes of a shared one. Every round runs all variants in
//! turn, so that whatever slows the machine slows all of them, and medians are compared. The program fails if a ratio
//! is below its bar.

#![expect(clippy::print_stdout, reason = "the figures are the purpose of this program")]

use anyhow::{Context, ensure};
use domain::calendar::Calendar;
use domain::evaluate::{Judge, Rule};
use domain::permit::Permit;
use domain::reading::Series;
use formats::Options;
use formats::cutter::{Cutter, Piece};
use formats::reader::Rows;
use jiff::civil::Weekday;
use std::time::{Duration, Instant};
use table::segment;
use tests::generate::{self, Exceeding};

const ROUNDS: usize = 11;
/// Minimum shares of the rows/s of bare reading: with verdicts, and with verdicts and packing.
const BARS: [f64; 2] = [0.30, 0.20];

type Variant = fn(&[u8]) -> anyhow::Result<u64>;

fn main() -> anyhow::Result<()> {
    let rows = match std::env::var("OWSC_BENCH_ROWS") {
        Ok(text) => text.parse().context("OWSC_BENCH_ROWS is a number of rows")?,
        Err(_) => 1_000_000,
    };
    let ratios = compare("tidy", &generate::tidy(rows, Exceeding::Some))?;
    compare("wide", &generate::wide(rows, Exceeding::Some))?;
    compare("all exceed", &generate::tidy(rows, Exceeding::All))?;
    compare("ECHO", &generate::repeated(tests::ECHO, rows.div_ceil(10_000)))?;
    for (ratio, bar) in std::iter::zip(ratios, BARS) {
        ensure!(ratio >= bar, "tidy: {ratio:.3} of the rows/s of bare reading, the bar is {bar:.3}");
    }
    println!("tidy: both ratios are above their bars ({:.3} and {:.3})", BARS[0], BARS[1]);
    Ok(())
}

/// Measures a file and returns the ratios to bare reading.
fn compare(name: &str, file: &str) -> anyhow::Result<[f64; 2]> {
    const VARIANTS: [(&str, Variant); 4] = [
        ("bare csv ByteRecord", bare),
        ("parse + validate", parse),
        ("parse + validate + evaluate", |bytes| evaluate(bytes, false)),
        ("the same + segment encoding", |bytes| evaluate(bytes, true)),
    ];
    let file = file.as_bytes();
    let rows = bare(file)?;
    let mut times: [Vec<Duration>; VARIANTS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for ((name, variant), times) in std::iter::zip(VARIANTS, &mut times) {
            let started = Instant::now();
            let found = variant(file)?;
            times.push(started.elapsed());
            ensure!(found == rows, "{name}: {found} of {rows} rows");
        }
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    println!("{name}: {rows} rows, {:.1} MB, one core, median of {ROUNDS} rounds", file.len() as f64 / 1e6);
    for ((name, _), seconds) in std::iter::zip(VARIANTS, medians) {
        let (mega_rows, megabytes) = (rows as f64 / seconds / 1e6, file.len() as f64 / seconds / 1e6);
        let ratio = medians[0] / seconds;
        println!("  {name:<28} {mega_rows:6.2} M rows/s {megabytes:6.0} MB/s {ratio:6.3} of bare reading");
    }
    Ok([medians[0] / medians[2], medians[0] / medians[3]])
}

fn bare(file: &[u8]) -> anyhow::Result<u64> {
    let mut csv = csv::Reader::from_reader(file);
    let mut record = csv::ByteRecord::new();
    let mut rows = 0;
    while csv.read_byte_record(&mut record)? {
        rows += 1;
    }
    Ok(rows)
}

fn parse(file: &[u8]) -> anyhow::Result<u64> {
    let mut rows = Rows::open(file, &Options::default())?;
    let mut readings = Vec::new();
    while rows.next_row(&mut readings)? {
        std::hint::black_box(&readings);
        readings.clear();
    }
    Ok(rows.report.rows)
}

/// What an ingest does with a file, without the database: judges each full piece by the built-in permit and, if `pack`,
/// packs it as it would be stored.
fn evaluate(file: &[u8], pack: bool) -> anyhow::Result<u64> {
    let permit = Permit::default();
    let calendar = Calendar::new("America/Chicago", Weekday::Sunday)?;
    let of_limit = |limit| Rule::of_limit(limit, &calendar, (i64::MIN, i64::MAX));
    let rules: Vec<Rule> = permit.limits.iter().map(of_limit).collect();
    let mut desk = Desk { permit: &permit, rules: &rules, judges: Vec::new(), pack, packed: 0 };
    let mut rows = Rows::open(file, &Options::default())?;
    let mut cutter = Cutter::default();
    let mut readings = Vec::new();
    while rows.next_row(&mut readings)? {
        for reading in readings.drain(..) {
            if let Some(piece) = cutter.push(&reading, rows.units()) {
                desk.take(&piece, rows.series())?;
                cutter.recycle(piece.columns);
            }
        }
    }
    while let Some(piece) = cutter.finish() {
        desk.take(&piece, rows.series())?;
        cutter.recycle(piece.columns);
    }
    let verdicts: Vec<_> = desk.judges.into_iter().flatten().map(Judge::finish).collect();
    std::hint::black_box((verdicts, desk.packed));
    Ok(rows.report.rows)
}

struct Desk<'a> {
    permit: &'a Permit,
    rules: &'a [Rule],
    /// The judges of each series.
    judges: Vec<Vec<Judge<'a>>>,
    pack: bool,
    packed: usize,
}

impl Desk<'_> {
    fn take(&mut self, piece: &Piece, series: &[Series]) -> anyhow::Result<()> {
        for series in &series[self.judges.len()..] {
            let own = std::iter::zip(&self.permit.limits, self.rules).filter(|(limit, _)| limit.covers(series));
            self.judges.push(own.map(|(_, rule)| Judge::new(rule, (i64::MIN, i64::MAX))).collect());
        }
        self.judges[piece.series as usize].iter_mut().for_each(|judge| judge.feed(&piece.columns));
        if self.pack {
            self.packed += segment::encode(&piece.columns)?.len();
        }
        Ok(())
    }
}

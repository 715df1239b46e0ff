//! The stored exceedances of a rule in a period.

use domain::alert::{Alert, Severity};
use domain::reading::{self, Direction};
use std::collections::BTreeMap;
use table::alerts::Block;

/// The most exceedances that a certificate lists.
pub(super) const MAX_LISTED: usize = 1000;
/// The most exceedances of a rule that a chart marks.
const MAX_MARKS: usize = 60;

/// The exceedances of a rule, as shown.
#[derive(Debug, Default)]
pub(super) struct Exceeding {
    /// The first exceedances, with the time at which each begins, in time order.
    pub(super) listed: Vec<(i64, Alert)>,
    /// How many there are, by severity.
    pub(super) by_severity: BTreeMap<Severity, u64>,
    /// How many values exceed benchmarks, which is no violation.
    pub(super) benchmarks: u64,
    /// Exceedances that a chart marks: all, or the gravest of each of equally long stretches.
    pub(super) marks: Vec<Mark>,
}

/// An exceedance in a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub(super) time: i64,
    pub(super) value: f64,
    pub(super) unit: String,
    pub(super) direction: Direction,
    gravity: f64,
}

impl Exceeding {
    /// The exceedances in the blocks of one rule that begin between two times.
    pub(super) fn of(blocks: &[Block], (from, to): (i64, i64)) -> Self {
        let range = |block: &Block| block.rows.lower_bound(from)..block.rows.lower_bound(to.saturating_add(1));
        let mut out = Self::default();
        let mut places = Vec::new();
        for block in blocks {
            let is_limit = |row: &usize| !block.rows.flags[*row].has(reading::Mark::Benchmark);
            range(block).filter(is_limit).for_each(|row| *out.by_severity.entry(block.severity(row)).or_default() += 1);
            out.benchmarks += range(block).filter(|row| !is_limit(row)).count() as u64;
            places.extend(range(block).take(MAX_LISTED).map(|row| (block.rows.times[row], block, row)));
        }
        places.sort_by_key(|&(time, ..)| time);
        out.listed = places.into_iter().take(MAX_LISTED).map(|(time, block, row)| (time, block.alert(row))).collect();
        let rows = || blocks.iter().flat_map(|block| range(block).map(move |row| mark(block, row)));
        out.marks = thinned(rows);
        out
    }

    pub(super) fn total(&self) -> u64 {
        self.by_severity.values().sum()
    }
}

fn mark(block: &Block, index: usize) -> Mark {
    let row = block.rows.row(index);
    let direction = row.flags.limit().unwrap_or(Direction::Max);
    let gravity = block.source.measure(block.rows.unit_of(index)).ratio(row.value, row.limit, direction);
    Mark { time: row.time, value: row.value, unit: block.rows.unit_of(index).to_owned(), direction, gravity }
}

fn thinned<I: Iterator<Item = Mark>>(marks: impl Fn() -> I) -> Vec<Mark> {
    let span = marks().fold(None, |span: Option<(i64, i64)>, mark| {
        let (first, last) = span.unwrap_or((mark.time, mark.time));
        Some((first.min(mark.time), last.max(mark.time)))
    });
    let Some((first, last)) = span else { return Vec::new() };
    let width = (last - first) / MAX_MARKS as i64 + 1;
    if marks().nth(MAX_MARKS).is_none() {
        return marks().collect();
    }
    let mut gravest: BTreeMap<i64, Mark> = BTreeMap::new();
    for mark in marks() {
        let stretch = (mark.time - first) / width;
        if gravest.get(&stretch).is_none_or(|known| mark.gravity > known.gravity) {
            gravest.insert(stretch, mark);
        }
    }
    gravest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_marks_stay_and_of_many_the_gravest() {
        let marks = |count: i64| {
            let mark = |time| Mark {
                time,
                value: 0.0,
                unit: String::new(),
                direction: Direction::Max,
                gravity: if time == 777 { 99.0 } else { 2.0 },
            };
            thinned(move || (0..count).map(mark))
        };
        assert_eq!((marks(0).len(), marks(MAX_MARKS as i64).len()), (0, MAX_MARKS));
        let many = marks(10_000);
        assert!(many.len() <= MAX_MARKS && many.iter().any(|mark| mark.time == 777));
        assert!(many.is_sorted_by_key(|mark| mark.time));
    }
}

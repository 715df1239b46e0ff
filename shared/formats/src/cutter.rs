//! Cuts a stream of readings into segments.

use super::row::Reading;
use domain::columns::{Columns, Row};
use domain::set::{self, Change, Origin};
use std::collections::HashMap;
use std::sync::Arc;

/// Readings in a segment: 28 KB at the usual 1.7 bytes a reading, under 300 KB if nothing compresses.
pub const SEGMENT_READINGS: usize = 16_384;
/// Readings held at once over all series, 15 MB.
const MAX_HELD: usize = 512 * 1024;
/// Replaced readings that a piece lists; all are counted.
pub const MAX_LISTED_REPLACED: usize = 100;

/// A piece of one series, in time order, ready to be stored. It has all readings of its rows that count, several of one
/// time included.
#[derive(Debug)]
pub struct Piece {
    /// The index of the series.
    pub series: u32,
    /// The readings.
    pub columns: Columns,
    /// Rows that are identical to an earlier one.
    pub rows_repeated: u64,
    /// The readings of those rows and of others that repeat one.
    pub readings_repeated: u64,
    /// Readings that a later row of the same sample replaces.
    pub readings_replaced: u64,
    /// The first of them: the old and the new one.
    pub replaced: Vec<(Row, Row)>,
}

/// Collects readings by series and returns pieces of [`SEGMENT_READINGS`].
#[derive(Debug, Default)]
pub struct Cutter {
    open: Vec<Open>,
    held: usize,
    /// Empty columns, for reuse.
    spare: Option<Columns>,
}

#[derive(Debug, Default)]
struct Open {
    columns: Columns,
    /// [`Reading::rest`] of each reading; empty if none has any.
    rests: Vec<u64>,
    /// The unit of the last reading: its index in the file and in the columns.
    unit: Option<(u16, usize)>,
}

impl Cutter {
    /// Adds a reading; returns a piece if that filled one.
    #[inline]
    pub fn push(&mut self, reading: &Reading, units: &[Arc<str>]) -> Option<Piece> {
        let index = reading.series as usize;
        if index >= self.open.len() {
            self.open.resize_with(index + 1, Open::default);
        }
        let open = &mut self.open[index];
        let unit = match open.unit {
            Some((file, unit)) if file == reading.unit => unit,
            _ => open.learn_unit(reading.unit, units),
        };
        let mut row = reading.row;
        row.flags = row.flags.with_unit(unit);
        if reading.rest != 0 || !open.rests.is_empty() {
            if open.rests.len() < open.columns.len() {
                open.rests.resize(open.columns.len(), 0);
            }
            open.rests.push(reading.rest);
        }
        open.columns.push(row);
        self.held += 1;
        if open.columns.len() >= SEGMENT_READINGS {
            return self.cut(index);
        }
        if self.held >= MAX_HELD {
            let longest = (0..self.open.len()).max_by_key(|&index| self.open[index].columns.len());
            return longest.and_then(|index| self.cut(index));
        }
        None
    }

    /// Returns the rest, a piece at a time.
    pub fn finish(&mut self) -> Option<Piece> {
        let index = self.open.iter().position(|open| !open.columns.is_empty())?;
        self.cut(index)
    }

    /// Takes empty columns back for reuse.
    pub fn recycle(&mut self, mut columns: Columns) {
        columns.clear();
        self.spare = Some(columns);
    }

    fn cut(&mut self, index: usize) -> Option<Piece> {
        let fresh = self.spare.take().unwrap_or_default();
        let open = &mut self.open[index];
        let columns = std::mem::replace(&mut open.columns, fresh);
        let rests = std::mem::take(&mut open.rests);
        open.unit = None;
        self.held -= columns.len();
        (!columns.is_empty()).then(|| Piece::of(index as u32, columns, &rests))
    }
}

impl Piece {
    fn of(series: u32, mut columns: Columns, rests: &[u64]) -> Self {
        tell_apart(&mut columns, rests);
        let (mut rows_repeated, mut readings_repeated, mut readings_replaced) = (0, 0, 0);
        let mut replaced = Vec::new();
        let file = Origin { revision: 0, is_file: true };
        set::settle(
            &mut columns,
            |_| file,
            false,
            |change| match change {
                Change::Repeated { index, .. } => {
                    readings_repeated += 1;
                    rows_repeated += u64::from(rests.get(index).is_none_or(|rest| *rest == 0 || rest & 1 == 1));
                }
                Change::Replaced { old, new, .. } => {
                    readings_replaced += 1;
                    if replaced.len() < MAX_LISTED_REPLACED {
                        replaced.push((old, new));
                    }
                }
                // There is one origin.
                Change::Confirmed { .. } => {}
            },
        );
        Self { series, columns, rows_repeated, readings_repeated, readings_replaced, replaced }
    }
}

/// Gives identical readings of different rows a sample each, so that none counts as a repeat.
fn tell_apart(columns: &mut Columns, rests: &[u64]) {
    if rests.is_empty() || columns.times.windows(2).all(|pair| pair[0] < pair[1]) {
        return;
    }
    let mut first: HashMap<(i64, u64, u32), u64> = HashMap::new();
    for (index, rest) in rests.iter().map(|rest| rest >> 1).enumerate() {
        let row = columns.row(index);
        if row.sample != 0 {
            continue;
        }
        let same = *first.entry((row.time, row.value.to_bits(), row.flags.0)).or_insert(rest) == rest;
        if !same {
            columns.samples.resize(columns.times.len(), 0);
            columns.samples[index] = rest.max(1);
        }
    }
}

impl Open {
    fn learn_unit(&mut self, file_unit: u16, units: &[Arc<str>]) -> usize {
        let text = units.get(usize::from(file_unit)).map_or("", |unit| unit);
        // A file has no more units than a dictionary holds (`Names::add_unit`), so there is room.
        let unit = self.columns.unit_index(text).unwrap_or(0);
        self.unit = Some((file_unit, unit));
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reading::{Flags, Qualifier};
    use domain::time::TimeKind;

    #[test]
    fn pieces_are_full_sorted_and_complete() {
        let units: [Arc<str>; 2] = ["mg/L".into(), "ug/L".into()];
        let mut cutter = Cutter::default();
        let mut pieces = Vec::new();
        let total = SEGMENT_READINGS * 2 + 10;
        for i in 0..total {
            let row = Row { time: -(i as i64), value: i as f64, flags: Flags::default(), limit: 0.0, sample: 0 };
            let reading = Reading { series: 3, unit: (i % 2) as u16, row, rest: 0 };
            pieces.extend(cutter.push(&reading, &units));
        }
        while let Some(piece) = cutter.finish() {
            pieces.push(piece);
        }
        assert_eq!(
            pieces.iter().map(|p| p.columns.len()).collect::<Vec<_>>(),
            [SEGMENT_READINGS, SEGMENT_READINGS, 10]
        );
        assert!(pieces.iter().all(|p| p.columns.times.is_sorted() && p.series == 3));
        let last = &pieces[2].columns;
        assert_eq!((last.values[0], last.unit_of(0)), ((total - 1) as f64, "ug/L"));
    }
    /// What becomes of readings of one series: their values in order, and rows repeated, readings repeated, replaced.
    fn cut(readings: &[(i64, f64, TimeKind, u64, u64)]) -> (Vec<f64>, [u64; 3]) {
        let mut cutter = Cutter::default();
        for &(time, value, kind, sample, rest) in readings {
            let flags = Flags::new(Qualifier::Equal, kind, None, 0);
            let row = Row { time, value, flags, limit: 0.0, sample };
            assert!(cutter.push(&Reading { series: 0, unit: 0, row, rest }, &["mg/L".into()]).is_none());
        }
        let piece = cutter.finish().unwrap();
        assert!(piece.columns.samples.is_empty() || piece.columns.samples.len() == piece.columns.len());
        (piece.columns.values, [piece.rows_repeated, piece.readings_repeated, piece.readings_replaced])
    }

    #[test]
    fn a_piece_keeps_all_readings_of_a_time_but_repeats() {
        use TimeKind::{Clock, Date};
        let days = [(1, 41.0, Date, 0, 0), (1, 12.0, Date, 0, 0), (1, 12.0, Date, 0, 0), (0, 7.0, Date, 0, 0)];
        assert_eq!(cut(&days), (vec![7.0, 41.0, 12.0, 12.0], [0, 0, 0]));
        let times = [(1, 41.0, Clock, 0, 0), (1, 12.0, Clock, 0, 0), (1, 41.0, Clock, 0, 0)];
        assert_eq!(cut(&times), (vec![41.0, 12.0], [1, 1, 0]));
        let samples = [(1, 14.8, Clock, 7, 0), (1, 1.5, Clock, 7, 0), (1, 1.5, Clock, 7, 0)];
        assert_eq!(cut(&samples), (vec![1.5], [1, 1, 1]));
    }

    #[test]
    fn readings_of_rows_that_differ_elsewhere_are_no_repeats() {
        use TimeKind::Clock;
        // The third row is the first again; of the fourth, the reading is not the first.
        let rows = [(1, 5.0, Clock, 0, 11), (1, 5.0, Clock, 0, 21), (1, 5.0, Clock, 0, 11), (1, 5.0, Clock, 0, 20)];
        assert_eq!(cut(&rows), (vec![5.0, 5.0], [1, 2, 0]));
    }
}

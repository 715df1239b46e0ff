//! Cutting a stream of readings into segments.

use super::row::Reading;
use domain::columns::Columns;
use std::sync::Arc;

/// Readings in a segment: 28 KB at the usual 1.7 bytes a reading, under 300 KB if nothing compresses.
pub const SEGMENT_READINGS: usize = 16_384;
/// Readings held at once over all series, 15 MB.
const MAX_HELD: usize = 512 * 1024;

/// A piece of one series, in time order, ready to be stored.
#[derive(Debug)]
pub struct Piece {
    /// The index of the series.
    pub series: u32,
    /// The readings.
    pub columns: Columns,
}

/// Collects readings by series and gives away pieces of [`SEGMENT_READINGS`].
#[derive(Debug, Default)]
pub struct Cutter {
    open: Vec<Open>,
    held: usize,
    /// Emptied columns, to be filled again.
    spare: Option<Columns>,
}

#[derive(Debug, Default)]
struct Open {
    columns: Columns,
    /// The unit of the last reading: its index in the file and in the columns.
    unit: Option<(u16, usize)>,
}

impl Cutter {
    /// Takes a reading; gives a piece if that filled one.
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

    /// Gives the rest, a piece at a time.
    pub fn finish(&mut self) -> Option<Piece> {
        let index = self.open.iter().position(|open| !open.columns.is_empty())?;
        self.cut(index)
    }

    /// Takes emptied columns back, so that their room is used again.
    pub fn recycle(&mut self, mut columns: Columns) {
        columns.clear();
        self.spare = Some(columns);
    }

    fn cut(&mut self, index: usize) -> Option<Piece> {
        let fresh = self.spare.take().unwrap_or_default();
        let open = &mut self.open[index];
        let mut columns = std::mem::replace(&mut open.columns, fresh);
        open.unit = None;
        self.held -= columns.len();
        columns.sort_and_dedup();
        (!columns.is_empty()).then_some(Piece { series: index as u32, columns })
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
    use domain::columns::Row;
    use domain::reading::Flags;

    #[test]
    fn pieces_are_full_sorted_and_complete() {
        let units: [Arc<str>; 2] = ["mg/L".into(), "ug/L".into()];
        let mut cutter = Cutter::default();
        let mut pieces = Vec::new();
        let total = SEGMENT_READINGS * 2 + 10;
        for i in 0..total {
            let row = Row { time: -(i as i64), value: i as f64, flags: Flags::default(), limit: 0.0 };
            let reading = Reading { series: 3, unit: (i % 2) as u16, row };
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
}

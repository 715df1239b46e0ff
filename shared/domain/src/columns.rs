//! Readings of one series as columns.

use super::reading::{Flags, MAX_UNITS};
use super::time::Shown;
use super::unit::Unit;
use std::sync::Arc;

/// A run of readings of one series. All vectors have the same length, `limits` and `samples` excepted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// Microseconds, see [`super::time`].
    pub times: Vec<i64>,
    /// Finite values.
    pub values: Vec<f64>,
    /// Qualifiers, unit indices and the like.
    pub flags: Vec<Flags>,
    /// The limit that came with each reading, in the reading's unit; empty if no reading of the run has one.
    pub limits: Vec<f64>,
    /// The sample of each reading, see [`sample_id`](super::reading::sample_id); empty if no reading has one.
    pub samples: Vec<u64>,
    /// The units that the flags point to.
    pub units: Vec<Arc<str>>,
}

/// One reading taken out of its columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Microseconds.
    pub time: i64,
    /// The value.
    pub value: f64,
    /// The flags; the unit index belongs to the columns it came from.
    pub flags: Flags,
    /// The limit that came with it; meaningless if `flags.limit()` is `None`.
    pub limit: f64,
    /// Its sample, 0 if it names none.
    pub sample: u64,
}

impl Row {
    /// The time in the form in which it was written.
    pub fn shown_time(&self) -> Shown {
        super::time::shown(self.time, self.flags.kind())
    }
}

/// The unit dictionary of a run is full: no run of real readings has two thousand units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_UNITS} units in one series")]
pub struct TooManyUnits;

impl Columns {
    /// How many readings there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The index of `unit`, added if it is new.
    pub fn unit_index(&mut self, unit: &str) -> Result<usize, TooManyUnits> {
        if let Some(index) = self.units.iter().position(|known| &**known == unit) {
            return Ok(index);
        }
        if self.units.len() == MAX_UNITS {
            return Err(TooManyUnits);
        }
        self.units.push(unit.into());
        Ok(self.units.len() - 1)
    }

    /// Appends a reading whose flags already point into this dictionary.
    #[inline]
    pub fn push(&mut self, row: Row) {
        if row.flags.limit().is_some() || !self.limits.is_empty() {
            self.limits.resize(self.times.len(), 0.0);
            self.limits.push(row.limit);
        }
        if row.sample != 0 || !self.samples.is_empty() {
            self.samples.resize(self.times.len(), 0);
            self.samples.push(row.sample);
        }
        self.times.push(row.time);
        self.values.push(row.value);
        self.flags.push(row.flags);
    }

    /// The reading at `index`.
    pub fn row(&self, index: usize) -> Row {
        Row {
            time: self.times[index],
            value: self.values[index],
            flags: self.flags[index],
            limit: self.limits.get(index).copied().unwrap_or(0.0),
            sample: self.samples.get(index).copied().unwrap_or(0),
        }
    }

    /// The unit of the reading at `index`.
    pub fn unit_of(&self, index: usize) -> &str {
        self.units.get(self.flags[index].unit()).map_or("", |unit| unit)
    }

    /// The dictionary, parsed.
    pub fn parsed_units(&self) -> Vec<Unit> {
        self.units.iter().map(|unit| Unit::parse(unit)).collect()
    }

    /// Appends all of `other`, mapping its units.
    pub fn append(&mut self, other: &Self) -> Result<(), TooManyUnits> {
        self.append_range(other, 0..other.len())
    }

    /// Appends some readings of `other`, mapping their units.
    pub fn append_range(&mut self, other: &Self, range: std::ops::Range<usize>) -> Result<(), TooManyUnits> {
        let map = other.units.iter().map(|unit| self.unit_index(unit)).collect::<Result<Vec<_>, _>>()?;
        self.times.reserve(range.len());
        for index in range {
            let mut row = other.row(index);
            row.flags = row.flags.with_unit(map.get(row.flags.unit()).copied().unwrap_or(0));
            self.push(row);
        }
        Ok(())
    }

    /// Sorts the readings by time; of several at the same time the last one stays, as a correction.
    pub fn sort_and_dedup(&mut self) {
        if self.times.windows(2).all(|pair| pair[0] < pair[1]) {
            return;
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&index| self.times[index as usize]);
        order.dedup_by(|later, earlier| {
            let same = self.times[*later as usize] == self.times[*earlier as usize];
            if same {
                *earlier = *later;
            }
            same
        });
        let mut sorted = Self { units: std::mem::take(&mut self.units), ..Self::default() };
        sorted.times.reserve_exact(order.len());
        for index in order {
            sorted.push(self.row(index as usize));
        }
        *self = sorted;
    }

    /// The index of the first reading at or after `time`, in columns in time order.
    pub fn lower_bound(&self, time: i64) -> usize {
        self.times.partition_point(|&t| t < time)
    }

    /// The first and the last time of columns in any order; `None` when empty.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((*self.times.iter().min()?, *self.times.iter().max()?))
    }

    /// Empties the columns and keeps their capacity.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.flags.clear();
        self.limits.clear();
        self.samples.clear();
        self.units.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Direction, Qualifier};
    use crate::time::TimeKind;

    fn row(time: i64, value: f64, limit: Option<f64>) -> Row {
        let direction = limit.map(|_| Direction::Max);
        let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, direction, 0);
        Row { time, value, flags, limit: limit.unwrap_or(0.0), sample: 0 }
    }

    #[test]
    fn the_last_of_several_readings_at_one_time_stays() {
        let mut columns = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        for (time, value) in [(3, 1.0), (1, 2.0), (3, 3.0), (2, 4.0), (1, 5.0)] {
            columns.push(row(time, value, None));
        }
        columns.sort_and_dedup();
        assert_eq!(columns.times, [1, 2, 3]);
        assert_eq!(columns.values, [5.0, 4.0, 3.0]);
    }

    #[test]
    fn limits_stay_beside_their_readings() {
        let mut columns = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        for (time, limit) in [(2, None), (1, Some(7.0)), (3, None)] {
            columns.push(row(time, 1.0, limit));
        }
        columns.sort_and_dedup();
        assert_eq!(
            (0..3).map(|i| columns.row(i).flags.limit().map(|_| columns.row(i).limit)).collect::<Vec<_>>(),
            [Some(7.0), None, None]
        );
    }

    #[test]
    fn appending_maps_units() {
        let mut a = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        a.push(row(1, 1.0, None));
        let mut b = Columns { units: vec!["ug/L".into()], ..Columns::default() };
        b.push(row(2, 2.0, None));
        a.append(&b).unwrap();
        assert_eq!([a.unit_of(0), a.unit_of(1)], ["mg/L", "ug/L"]);
    }
}

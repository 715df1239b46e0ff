//! Thins readings without losing peaks.

use domain::columns::{Columns, Row};
use domain::unit::{Conversion, Unit};

/// Takes readings in time order and keeps at most so many: all of them if they fit, otherwise the lowest and the
/// highest of each of equally long stretches, so that no peak is lost. Values are compared in one unit; a value whose
/// unit does not convert is compared as it is.
#[derive(Debug)]
pub(crate) struct Downsample {
    unit: Unit,
    max_points: usize,
    first: i64,
    width: i64,
    all: Vec<(Row, String)>,
    buckets: Vec<Option<Extremes>>,
    total: u64,
}

#[derive(Debug, Clone)]
struct Extremes {
    low: Point,
    high: Point,
}

/// A reading, its unit, and its value in the common unit.
type Point = (Row, String, f64);

impl Downsample {
    /// For readings from `first` to `last`, both included, compared in `unit`. `max_points` is at least 2.
    pub(crate) fn new(max_points: usize, (first, last): (i64, i64), unit: &str) -> Self {
        let buckets = (max_points / 2).max(1);
        let span = last.saturating_sub(first).max(0);
        Self {
            unit: Unit::parse(unit),
            max_points,
            first,
            width: span / buckets as i64 + 1,
            all: Vec::new(),
            buckets: vec![None; buckets],
            total: 0,
        }
    }

    pub(crate) fn feed(&mut self, columns: &Columns) {
        let conversion = |unit: &str| Unit::parse(unit).conversion_to(&self.unit);
        let conversions: Vec<Option<Conversion>> = columns.units.iter().map(|unit| conversion(unit)).collect();
        for index in 0..columns.len() {
            let row = columns.row(index);
            let compared = conversions.get(row.flags.unit()).copied().flatten();
            let compared = compared.map_or(row.value, |conversion| conversion.apply(row.value));
            let point = || (row, columns.unit_of(index).to_owned(), compared);
            self.total += 1;
            if self.total as usize <= self.max_points {
                self.all.push((row, columns.unit_of(index).to_owned()));
            }
            let bucket = ((row.time - self.first) / self.width).clamp(0, self.buckets.len() as i64 - 1);
            match &mut self.buckets[bucket as usize] {
                Some(Extremes { low, high }) => {
                    if compared < low.2 {
                        *low = point();
                    }
                    if compared > high.2 {
                        *high = point();
                    }
                }
                empty => {
                    *empty = Some(Extremes { low: point(), high: point() });
                }
            }
        }
    }

    /// The points in time order, and how many readings there were.
    pub(crate) fn finish(self) -> (Vec<(Row, String)>, u64) {
        if self.total as usize <= self.max_points {
            return (self.all, self.total);
        }
        let mut points = Vec::with_capacity(self.max_points);
        for Extremes { low, high } in self.buckets.into_iter().flatten() {
            let (earlier, later) = if low.0.time <= high.0.time { (low, high) } else { (high, low) };
            let one = earlier.0.time == later.0.time;
            points.push((earlier.0, earlier.1));
            if !one {
                points.push((later.0, later.1));
            }
        }
        (points, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reading::Flags;

    fn columns(values: &[f64]) -> Columns {
        let mut columns = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        for (time, &value) in values.iter().enumerate() {
            columns.push(Row { time: time as i64, value, flags: Flags::default(), limit: 0.0, sample: 0 });
        }
        columns
    }

    fn run(values: &[f64], max_points: usize) -> (Vec<f64>, u64) {
        let mut downsample = Downsample::new(max_points, (0, values.len() as i64 - 1), "mg/L");
        downsample.feed(&columns(values));
        let (points, total) = downsample.finish();
        assert!(points.is_sorted_by_key(|(row, _)| row.time));
        (points.into_iter().map(|(row, _)| row.value).collect(), total)
    }

    #[test]
    fn few_readings_stay_as_they_are() {
        assert_eq!(run(&[3.0, 1.0, 2.0], 3), (vec![3.0, 1.0, 2.0], 3));
    }

    #[test]
    fn peaks_survive_on_both_sides() {
        let mut values = vec![5.0; 10_000];
        (values[1234], values[7777]) = (999.0, -3.0);
        let (points, total) = run(&values, 100);
        assert!(points.len() <= 100 && total == 10_000);
        assert!(points.contains(&999.0) && points.contains(&-3.0));
    }

    #[test]
    fn peaks_survive_in_whatever_unit() {
        let mut columns = columns(&[900.0; 1000]);
        columns.units = vec!["ug/L".into(), "mg/L".into()];
        // 90 mg/L among 0.9 mg/L.
        (columns.values[500], columns.flags[500]) = (90.0, Flags::default().with_unit(1));
        let mut downsample = Downsample::new(20, (0, 999), "ug/L");
        downsample.feed(&columns);
        assert!(downsample.finish().0.iter().any(|(row, unit)| row.value == 90.0 && unit == "mg/L"));
    }

    #[test]
    fn two_points_are_the_least() {
        assert_eq!(run(&[1.0, 9.0, 0.0, 4.0], 2), (vec![9.0, 0.0], 4));
    }
}

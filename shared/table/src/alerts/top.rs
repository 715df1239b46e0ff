//! The gravest of many exceedances.

use domain::columns::Row;
use std::sync::Arc;

/// Keeps the gravest of the rows it is given, and counts all of them.
#[derive(Debug)]
pub struct Top {
    most: usize,
    shown: u64,
    kept: Vec<Grave>,
    /// Rows that are no graver than this cannot be among the gravest any more.
    least: f64,
}

#[derive(Debug, Clone)]
struct Grave {
    gravity: f64,
    place: u64,
    row: Row,
    unit: Arc<str>,
}

impl Top {
    /// Keeps up to `most` rows.
    pub fn new(most: usize) -> Self {
        Self { most, shown: 0, kept: Vec::new(), least: f64::NEG_INFINITY }
    }

    /// Adds a row, by its gravity.
    #[inline]
    pub fn show(&mut self, row: Row, unit: &Arc<str>, gravity: f64) {
        self.shown += 1;
        if gravity > self.least || self.kept.len() < self.most {
            self.kept.push(Grave { gravity, place: self.shown, row, unit: unit.clone() });
            if self.kept.len() >= 2 * self.most.max(1) {
                self.cut();
            }
        }
    }

    /// How many rows were added.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// All rows in their order if they are few enough, otherwise the gravest, gravest first.
    pub fn finish(mut self) -> Vec<(Row, Arc<str>)> {
        if self.shown > self.most as u64 {
            self.cut();
            self.kept.sort_by(Grave::order);
        }
        self.kept.into_iter().map(|grave| (grave.row, grave.unit)).collect()
    }

    fn cut(&mut self) {
        if self.kept.len() > self.most {
            self.kept.select_nth_unstable_by(self.most, Grave::order);
            self.kept.truncate(self.most);
        }
        self.least = self.kept.iter().map(|grave| grave.gravity).fold(f64::INFINITY, f64::min);
    }
}

impl Grave {
    /// The graver one first; of two alike, the one that was added first.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        other.gravity.total_cmp(&self.gravity).then(self.place.cmp(&other.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reading::Flags;

    #[test]
    fn the_gravest_are_kept_and_all_are_counted() {
        let unit: Arc<str> = "mg/L".into();
        let mut top = Top::new(3);
        for value in [1.0, 9.0, 2.0, 7.0, 8.0, 1.0, 9.0, 3.0] {
            top.show(Row { time: 0, value, flags: Flags::default(), limit: 1.0, sample: 0 }, &unit, value);
        }
        assert_eq!(top.shown(), 8);
        assert_eq!(top.finish().iter().map(|(row, _)| row.value).collect::<Vec<_>>(), [9.0, 9.0, 8.0]);
        let mut few = Top::new(3);
        for value in [1.0, 9.0, 2.0] {
            few.show(Row { time: 0, value, flags: Flags::default(), limit: 1.0, sample: 0 }, &unit, value);
        }
        assert_eq!(few.finish().iter().map(|(row, _)| row.value).collect::<Vec<_>>(), [1.0, 9.0, 2.0]);
    }
}

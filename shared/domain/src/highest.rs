//! The highest value of a series so far, which decides whether others are a surprise.

use crate::columns::Columns;
use crate::reading::Mark;
use crate::unit::{Conversion, Unit};
use serde::{Deserialize, Serialize};

/// A value and its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Highest {
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
}

impl Highest {
    /// The value in another unit; `None` if the two do not compare.
    pub fn in_unit(&self, unit: &str) -> Option<f64> {
        if self.unit == unit {
            return Some(self.value);
        }
        Some(Unit::parse(&self.unit).conversion_to(&Unit::parse(unit))?.apply(self.value))
    }

    /// The higher one; the first if the two do not compare.
    pub fn of(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => {
                let is_higher = other.in_unit(&one.unit).is_some_and(|value| value > one.value);
                Some(if is_higher { other } else { one })
            }
            (one, other) => one.or(other),
        }
    }

    /// That of readings without quality control, in the first of their units, with all that compare with it.
    pub fn among(columns: &Columns) -> Option<Self> {
        if columns.is_empty() {
            return None;
        }
        let unit = columns.unit_of(0);
        let into = Unit::parse(unit);
        let conversion = |from: &str| Unit::parse(from).conversion_to(&into);
        let others: Vec<Option<Conversion>> = columns.units.iter().map(|from| conversion(from)).collect();
        let is_one = others.len() == 1;
        let mut highest = f64::NEG_INFINITY;
        for (value, flags) in std::iter::zip(&columns.values, &columns.flags) {
            let converted = if is_one {
                Some(*value)
            } else {
                others.get(flags.unit()).and_then(|into| Some((*into)?.apply(*value)))
            };
            if let Some(value) = converted.filter(|_| !flags.has(Mark::QualityControl)) {
                highest = highest.max(value);
            }
        }
        highest.is_finite().then(|| Self { value: highest, unit: unit.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Row;
    use crate::reading::Flags;

    fn highest(value: f64, unit: &str) -> Option<Highest> {
        Some(Highest { value, unit: unit.into() })
    }

    #[test]
    fn the_highest_in_whatever_unit() {
        let mut columns = Columns { units: vec!["mg/L".into(), "ug/L".into(), "SU".into()], ..Columns::default() };
        for (value, unit, is_control) in [(2.0, 0, false), (3000.0, 1, false), (900.0, 2, false), (50.0, 0, true)] {
            let flags = Flags::default().with_unit(unit);
            let flags = if is_control { flags.with(Mark::QualityControl) } else { flags };
            columns.push(Row { time: 0, value, flags, limit: 0.0, sample: 0 });
        }
        assert_eq!(Highest::among(&columns), highest(3.0, "mg/L"));
        assert_eq!(Highest::among(&Columns::default()), None);
        assert_eq!(Highest::of(highest(3.0, "mg/L"), highest(3001.0, "ug/L")), highest(3001.0, "ug/L"));
        assert_eq!(Highest::of(highest(3.0, "mg/L"), highest(9.0, "SU")), highest(3.0, "mg/L"));
        assert_eq!(Highest::of(None, highest(9.0, "SU")), highest(9.0, "SU"));
    }
}

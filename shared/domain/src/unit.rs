//! Units of measurement.
//!
//! Concentrations by mass in water convert into each other (1 ppm is taken as 1 mg/L, which holds for dilute
//! aqueous samples). Everything else, mass loads such as `lb/d` included, compares only with the same unit.

use std::fmt;

/// The unit of readings that name none: the replaced system knew only mg/L.
pub const DEFAULT_UNIT: &str = "mg/L";

/// The longest unit accepted, in bytes.
pub const MAX_UNIT_BYTES: usize = 64;

/// The most units of one series: real ones have two or three.
pub const MAX_SERIES_UNITS: usize = 64;

/// Spellings of the convertible concentrations: text without case, the spelling shown, its power of ten in g/L.
const CONCENTRATIONS: &[(&str, &str, i32)] = &[
    ("g/l", "g/L", 0),
    ("gl", "g/L", 0),
    ("mg/l", "mg/L", -3),
    ("mgl", "mg/L", -3),
    ("ppm", "ppm", -3),
    ("ug/l", "ug/L", -6),
    ("ugl", "ug/L", -6),
    ("µg/l", "ug/L", -6),
    ("μg/l", "ug/L", -6),
    ("µgl", "ug/L", -6),
    ("μgl", "ug/L", -6),
    ("ppb", "ppb", -6),
    ("ng/l", "ng/L", -9),
    ("ngl", "ng/L", -9),
];

/// Other units that may end a column name of a wide file: the suffix without case, the spelling shown.
const SUFFIXES: &[(&str, &str)] = &[
    ("su", "SU"),
    ("mgd", "MGD"),
    ("degf", "deg F"),
    ("degc", "deg C"),
    ("pct", "%"),
    ("lbd", "lb/d"),
    ("lb/d", "lb/d"),
    ("kgd", "kg/d"),
    ("kg/d", "kg/d"),
    ("cfu100ml", "CFU/100mL"),
    ("cfu/100ml", "CFU/100mL"),
    ("mpn100ml", "MPN/100mL"),
    ("mpn/100ml", "MPN/100mL"),
    ("ntu", "NTU"),
    ("uscm", "uS/cm"),
    ("us/cm", "uS/cm"),
];

/// A unit of measurement as it is shown, with its place among the convertible ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    text: String,
    /// Power of ten in g/L, for mass concentrations.
    exponent: Option<i32>,
}

/// How to bring a value from one unit into another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Conversion {
    /// The same unit.
    Same,
    /// Multiply by a power of ten.
    Multiply(f64),
    /// Divide by a power of ten: exact where multiplying by 0.001 is not.
    Divide(f64),
}

impl Conversion {
    /// The converted value.
    #[inline]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Same => value,
            Self::Multiply(factor) => value * factor,
            Self::Divide(factor) => value / factor,
        }
    }
}

impl Unit {
    /// Reads a unit; known spellings of concentrations are unified (`mgL` is `mg/L`), others kept as written.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let lower = text.to_lowercase();
        match CONCENTRATIONS.iter().find(|(spelling, ..)| *spelling == lower) {
            Some((_, shown, exponent)) => Self { text: (*shown).into(), exponent: Some(*exponent) },
            None => Self { text: text.into(), exponent: None },
        }
    }

    /// The unit that a wide file's column suffix means (`mgL`, `SU`), if it is one.
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        let unit = Self::parse(suffix);
        if unit.exponent.is_some() {
            return Some(unit);
        }
        let lower = suffix.trim().to_lowercase();
        SUFFIXES.iter().find(|(spelling, _)| *spelling == lower).map(|(_, shown)| Self::parse(shown))
    }

    /// How a value in `self` becomes one in `to`; `None` where the two cannot be compared.
    pub fn conversion_to(&self, to: &Self) -> Option<Conversion> {
        match (self.exponent, to.exponent) {
            (Some(from), Some(to)) => Some(match from - to {
                0 => Conversion::Same,
                shift if shift > 0 => Conversion::Multiply(10f64.powi(shift)),
                shift => Conversion::Divide(10f64.powi(-shift)),
            }),
            (None, None) if self.text.eq_ignore_ascii_case(&to.text) => Some(Conversion::Same),
            _ => None,
        }
    }

    /// The unit as it is shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
        Unit::parse(from).conversion_to(&Unit::parse(to)).map(|c| c.apply(value))
    }

    #[test]
    fn concentrations_convert_exactly() {
        assert_eq!(convert(10.0, "ug/L", "mg/L"), Some(0.01));
        assert_eq!(convert(1.1, "ppb", "mgL"), Some(0.0011));
        assert_eq!(convert(250.0, "mg/L", "µg/L"), Some(250_000.0));
        assert_eq!(convert(5.0, "ppm", "mg/l"), Some(5.0));
        assert_eq!(convert(3.0, "ng/L", "ug/L"), Some(0.003));
    }

    #[test]
    fn everything_else_compares_only_with_its_like() {
        assert_eq!(convert(5.0, "lb/d", "LB/D"), Some(5.0));
        assert_eq!(convert(5.0, "lb/d", "kg/d"), None);
        assert_eq!(convert(7.0, "SU", "mg/L"), None);
        assert_eq!(convert(1.0, "", "mg/L"), None);
    }

    #[test]
    fn column_suffixes_name_units() {
        assert_eq!(Unit::from_suffix("mgL").unwrap().as_str(), "mg/L");
        assert_eq!(Unit::from_suffix("SU").unwrap().as_str(), "SU");
        assert_eq!(Unit::from_suffix("operator"), None);
    }
}

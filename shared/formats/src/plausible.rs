//! Plausible values of a parameter.

use domain::name;

/// From this many times the highest value so far, a value is a surprise.
pub const TIMES: f64 = 10.0;

/// The plausible values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plausible {
    kind: Quantity,
    most: f64,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// All values: temperatures, potentials, levels.
    Anything,
    /// Not below zero: concentrations, flows, counts, loads.
    NotNegative,
    /// From 0 to 14.
    Acidity,
}

/// Units of quantities that may be negative, in lower case. Removal is negative if more goes out than comes in.
const MAY_BE_NEGATIVE: &[&str] = &[
    "%",
    "percent",
    "deg c",
    "deg f",
    "degc",
    "degf",
    "°c",
    "°f",
    "c",
    "f",
    "celsius",
    "fahrenheit",
    "mv",
    "v",
    "m",
    "ft",
    "in",
    "cm",
    "mm",
];
/// Spellings of the unit of pH, in lower case and without points and spaces.
const ACIDITY: &[&str] = &["su", "standardunits", "stdunits", "phunits", "ph", "stdunit", "standardunit", "phunit"];

impl Quantity {
    fn of(parameter: &str, unit: &str) -> Self {
        let unit = unit.trim().to_lowercase();
        let letters: String = unit.chars().filter(|character| character.is_alphanumeric()).collect();
        if name::same(parameter, "pH") || ACIDITY.contains(&letters.as_str()) {
            Self::Acidity
        } else if unit.is_empty() || MAY_BE_NEGATIVE.contains(&unit.as_str()) {
            Self::Anything
        } else {
            Self::NotNegative
        }
    }

    fn doubt(self, value: f64) -> Option<&'static str> {
        match self {
            Self::Anything => None,
            Self::NotNegative => (value < 0.0).then_some("a negative value"),
            Self::Acidity => (!(0.0..=14.0).contains(&value)).then_some("pH outside 0 to 14"),
        }
    }
}

impl Plausible {
    /// All values.
    pub(super) const ANY: Self = Self { kind: Quantity::Anything, most: f64::INFINITY };

    /// Those of a parameter in a unit, whose series never exceeded `highest`.
    pub(super) fn of(parameter: &str, unit: &str, highest: Option<f64>) -> Self {
        let most = highest.filter(|highest| *highest > 0.0).map_or(f64::INFINITY, |highest| highest * TIMES);
        Self { kind: Quantity::of(parameter, unit), most }
    }

    /// Why a value is a surprise.
    #[inline]
    pub(super) fn doubt(self, value: f64) -> Option<&'static str> {
        let is_high = value >= self.most;
        self.kind.doubt(value).or(is_high.then_some("ten times what the series ever had, or more"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_quantity_has_its_bounds() {
        for (parameter, unit, value, is_doubtful) in [
            ("SO4", "mg/L", -0.3, true),
            ("SO4", "mg/L", 0.0, false),
            ("Flow", "MGD", -1.0, true),
            ("E. coli", "CFU/100mL", -1.0, true),
            ("Temperature", "deg C", -1.0, false),
            ("ORP", "mV", -200.0, false),
            ("pH", "SU", 0.0, false),
            ("pH", "SU", 14.0, false),
            ("pH", "S.U.", 14.01, true),
            ("pH", "mg/L", -0.01, true),
            ("Acidity", "std units", 15.0, true),
        ] {
            assert_eq!(
                Plausible::of(parameter, unit, None).doubt(value).is_some(),
                is_doubtful,
                "{parameter} {value} {unit}"
            );
        }
    }

    #[test]
    fn ten_times_what_there_was_is_a_surprise() {
        let doubts = |highest, value| Plausible::of("SO4", "mg/L", highest).doubt(value).is_some();
        assert_eq!([249.9, 250.0].map(|value| doubts(Some(25.0), value)), [false, true]);
        assert!(!doubts(None, 1e9) && !doubts(Some(0.0), 1e9), "nothing to compare with");
    }
}

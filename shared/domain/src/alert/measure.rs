//! How far a value exceeds its limit: the base of severity, percentage and order of alerts.

use super::Severity;
use crate::name;
use crate::reading::{Direction, Qualifier};
use crate::unit::Unit;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromStr, RoundingStrategy, ToPrimitive};

/// How to measure the distance from a limit; depends on unit and parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    scale: Scale,
    has_percent: bool,
    thresholds: [f64; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// The ratio of value to limit.
    Ratio,
    /// The ratio of what is not removed: 80 % removal against a minimum of 90 % is 20 to 10.
    Removal,
    /// The distance in the unit itself.
    Distance,
}

/// By how many percent a value exceeds its limit, rounded half up. Both are `None` for pH and turbidity, and for limits
/// without a percentage, such as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Excess {
    /// The percentage.
    pub percent: Option<i64>,
    /// The least it can be, if the sign of the value leaves it open.
    pub percent_at_least: Option<i64>,
}

/// Whether values are percentages of removal, as in EPA's `BOD, 5-day, percent removal`. Other percentages, of
/// saturation or survival, are measured like any value.
pub fn is_percent_removal(parameter: &str, unit: &Unit) -> bool {
    let is_removal = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| name::same(word, "removal"));
    unit.is_percent() && (is_removal(parameter) || is_removal(unit.as_str()))
}

impl Measure {
    /// The measure for values of a parameter in a unit.
    pub fn of(parameter: &str, unit: &Unit) -> Self {
        Self::new(unit, is_percent_removal(parameter, unit))
    }

    /// The measure for a unit. `is_percent_removal`: see the function of this name.
    pub fn new(unit: &Unit, is_percent_removal: bool) -> Self {
        let (scale, thresholds) = match (unit.is_logarithmic(), is_percent_removal) {
            (true, _) => (Scale::Distance, [0.5, 1.0, 2.0]),
            (false, true) => (Scale::Removal, [1.25, 1.5, 2.0]),
            (false, false) => (Scale::Ratio, [1.25, 1.5, 2.0]),
        };
        Self { scale, has_percent: unit.has_percent(), thresholds }
    }

    /// With a limit's own thresholds of watch, warning and critical, in ascending order: ratios, or distances on
    /// logarithmic scales.
    pub fn with_thresholds(self, thresholds: [f64; 3]) -> Self {
        Self { thresholds, ..self }
    }

    /// The severity of a value that exceeds the limit.
    pub fn severity(self, value: f64, limit: f64, direction: Direction) -> Severity {
        let size = self.size(value, limit, direction);
        let reached = self.thresholds.iter().filter(|threshold| size >= **threshold).count();
        Severity::ALL[reached]
    }

    /// The order of alerts of all measures: the ratio, or for a distance the ratio of the same severity.
    pub fn ratio(self, value: f64, limit: f64, direction: Direction) -> f64 {
        let size = self.size(value, limit, direction);
        if self.scale == Scale::Distance { 1.0 + size / 2.0 } else { size }
    }

    /// By how many percent an exact value exceeds the limit.
    ///
    /// Computed in decimal: 0.0215 against 0.02 is 7.5 % and rounds to 8, where binary floating point finds 7.4999...
    pub fn percent(self, value: f64, limit: f64, direction: Direction) -> Option<i64> {
        let whole = self.whole(limit);
        if !self.has_percent || whole <= 0.0 || whole.is_nan() {
            return None;
        }
        let decimal = || {
            let (value, limit) = (decimal(value)?, decimal(limit)?);
            let whole = if self.scale == Scale::Removal { Decimal::ONE_HUNDRED.checked_sub(limit)? } else { limit };
            let beyond = match direction {
                Direction::Max => value.checked_sub(limit)?,
                Direction::Min => limit.checked_sub(value)?,
            };
            let percent = beyond.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole.abs())?;
            percent.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
        };
        let binary = || {
            let beyond = if direction == Direction::Max { value - limit } else { limit - value };
            ((beyond / whole * 100.0) + 0.5).floor() as i64
        };
        Some(decimal().unwrap_or_else(binary))
    }

    /// By how many percent a value with a sign exceeds the limit: `>` above a maximum and `<` below a minimum leave
    /// open how much more.
    pub fn excess(self, value: f64, qualifier: Qualifier, limit: f64, direction: Direction) -> Excess {
        let percent = self.percent(value, limit, direction);
        match (qualifier, direction) {
            (Qualifier::Greater, Direction::Max) | (Qualifier::Less, Direction::Min) => {
                Excess { percent: None, percent_at_least: percent }
            }
            _ => Excess { percent, percent_at_least: None },
        }
    }

    /// The number to compare with thresholds.
    fn size(self, value: f64, limit: f64, direction: Direction) -> f64 {
        let (above, below) = match (self.passes_through(direction), direction) {
            (true, _) => (100.0 - value, 100.0 - limit),
            (false, Direction::Max) => (value, limit),
            (false, Direction::Min) => (limit, value),
        };
        // 0.15 to 0.1 is 1.4999999999999998 in binary: as in the verdict, a relative 1e-12 counts as equal.
        if self.scale == Scale::Distance {
            above - below + limit.abs() * 1e-12
        } else if below > 0.0 {
            above / below * (1.0 + 1e-12)
        } else {
            f64::INFINITY
        }
    }

    /// The base of a percentage. For removal, EPA takes what may pass through, also for a maximum: 100 % against at
    /// most 85 % exceed it by 100 % (WY0043745, fiscal year 2026).
    fn whole(self, limit: f64) -> f64 {
        if self.scale == Scale::Removal { 100.0 - limit } else { limit.abs() }
    }

    /// Severity goes by what passes through if removal has a minimum, as it usually does. A maximum is a number like
    /// others.
    fn passes_through(self, direction: Direction) -> bool {
        self.scale == Scale::Removal && direction == Direction::Min
    }
}

/// The decimal of the number's shortest text. Averages have more digits than decimal division keeps exact, so the last
/// of 17 digits is dropped: 4.999999999999999 is 5.
fn decimal(number: f64) -> Option<Decimal> {
    Decimal::from_str(&number.to_string()).ok()?.round_sf(15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Max, Min};

    fn measure(parameter: &str, unit: &str) -> Measure {
        Measure::of(parameter, &Unit::parse(unit))
    }

    fn percent(value: f64, limit: f64, direction: Direction) -> Option<i64> {
        measure("TSS", "mg/L").percent(value, limit, direction)
    }

    #[test]
    fn percent_is_rounded_half_up_in_decimal() {
        assert_eq!(percent(3.12, 3.0, Max), Some(4));
        assert_eq!(percent(10.75, 10.0, Max), Some(8));
        assert_eq!(percent(12.75, 10.0, Max), Some(28));
        assert_eq!(percent(0.0215, 0.02, Max), Some(8));
        assert_eq!(percent(201.0, 200.0, Max), Some(1));
        assert_eq!(percent(200.9, 200.0, Max), Some(0));
        assert_eq!(percent(3.0, 4.0, Min), Some(25));
        assert_eq!(percent(1.0, 0.0, Max), None);
        assert_eq!(percent(-1.0, -2.0, Max), Some(50));
        assert_eq!(percent(1e300, 1e-300, Max), Some(i64::MAX));
        assert_eq!(percent(1e25, 1e24, Max), Some(900));
        assert_eq!(percent(f64::MAX, 1.0, Max), Some(i64::MAX));
        assert_eq!(percent(1.0, f64::NAN, Max), None);
    }

    /// Rows of EPA's charts of fiscal year 2026 (Florida, Texas, Kansas, Connecticut): parameter, unit, value, limit,
    /// direction, EPA's `exceedence_pct`.
    #[test]
    fn percentages_are_those_of_epa() {
        for (parameter, unit, value, limit, direction, epa) in [
            ("BOD, 5-day, 20 deg. C", "mg/L", 10.01, 10.0, Max, Some(0)),
            ("Copper, total [as Cu]", "kg/d", 0.0276, 0.01, Max, Some(176)),
            ("Copper, total [as Cu]", "kg/d", 0.0276, 0.015, Max, Some(84)),
            ("Flow, maximum during 24 hr period", "MGD", 0.005402, 0.0049, Max, Some(10)),
            ("pH range excursions, monthly total accum", "d", 2.47757996, 0.30952399, Max, Some(700)),
            ("BOD, carb-5 day, 20 deg C, percent removal", "%", 62.8, 85.0, Min, Some(148)),
            ("BOD, carb-5 day, 20 deg C, percent removal", "%", 81.7, 85.0, Min, Some(22)),
            ("BOD, 5-day, percent removal", "%", 6.0, 85.0, Min, Some(527)),
            ("LC50 Static Renewal 96Hr Acute Ceriodaphnia dubia", "%", 50.0, 100.0, Min, Some(50)),
            ("Whole Effluent Toxicity [WET] - C. dubia", "%", 31.0, 98.0, Min, Some(68)),
            ("Oxygen, dissolved [DO]", "mg/L", 2.5, 4.0, Min, Some(38)), // EPA has 37: behind a sign it cuts off
            ("Flow rate", "MGD", 5.05172022, 6.46000028, Min, Some(22)),
            ("pH", "SU", 5.43, 6.0, Min, None),
            ("pH, maximum", "SU", 9.2, 9.0, Max, None),
            ("Turbidity", "NTU", 369.0, 50.0, Max, None),
        ] {
            assert_eq!(measure(parameter, unit).percent(value, limit, direction), epa, "{parameter} {value} {limit}");
        }
    }

    #[test]
    fn removal_is_told_from_other_percentages() {
        for (parameter, unit, expected) in [
            ("BOD, 5-day, percent removal", "%", true),
            ("Solids, suspended percent removal", "pct", true),
            ("TSS REMOVAL", "%", true),
            ("TSS", "% removal", true),
            ("TSS_removal", "percent", true),
            ("Oxygen, dissolved percent saturation", "%", false),
            ("IC25 Static Renewal 7 Day Chronic Ceriodaphnia dubia", "%", false),
            ("Nitrogen removal", "lb/d", false),
            ("Removals", "%", false),
        ] {
            assert_eq!(is_percent_removal(parameter, &Unit::parse(unit)), expected, "{parameter} {unit}");
        }
    }

    #[test]
    fn removal_of_everything_has_no_percentage() {
        let removal = measure("Percent removal", "%");
        assert_eq!(removal.percent(99.0, 100.0, Min), None);
        assert_eq!(removal.percent(99.0, 101.0, Min), None);
        assert_eq!(removal.severity(99.0, 100.0, Min), Severity::Critical);
        assert_eq!(removal.percent(60.0, 50.0, Max), Some(20));
        assert_eq!(removal.ratio(60.0, 50.0, Max), measure("A", "%").ratio(60.0, 50.0, Max));
    }

    #[test]
    fn a_sign_can_leave_the_percentage_open() {
        let of = |value, qualifier, limit, direction| {
            let excess = measure("E. coli", "MPN/100mL").excess(value, qualifier, limit, direction);
            (excess.percent, excess.percent_at_least)
        };
        assert_eq!(of(2420.0, Qualifier::Greater, 200.0, Max), (None, Some(1110)));
        assert_eq!(of(2420.0, Qualifier::Equal, 200.0, Max), (Some(1110), None));
        assert_eq!(of(921.0, Qualifier::Less, 399.0, Max), (Some(131), None));
        assert_eq!(of(1.0, Qualifier::Less, 4.0, Min), (None, Some(75)));
        assert_eq!(of(1.0, Qualifier::Greater, 4.0, Min), (Some(75), None));
        assert_eq!(of(1.0, Qualifier::Greater, 0.0, Max), (None, None));
        let acid = measure("pH", "SU").excess(5.0, Qualifier::Less, 6.0, Min);
        assert_eq!(acid, Excess::default());
    }

    #[test]
    fn severity_on_both_sides_of_every_step() {
        let measure = measure("TSS", "mg/L");
        for (ratio, severity) in [
            (1.001, Severity::Info),
            (1.2499, Severity::Info),
            (1.25, Severity::Watch),
            (1.4999, Severity::Watch),
            (1.5, Severity::Warning),
            (1.9999, Severity::Warning),
            (2.0, Severity::Critical),
        ] {
            assert_eq!(measure.severity(ratio * 8.0, 8.0, Max), severity, "{ratio}");
            assert_eq!(measure.severity(8.0, ratio * 8.0, Min), severity, "{ratio}");
        }
        assert_eq!(measure.severity(0.15, 0.1, Max), Severity::Warning);
        assert_eq!(measure.severity(1.0, 0.0, Max), Severity::Critical);
        assert_eq!(measure.severity(0.0, 6.0, Min), Severity::Critical);
    }

    #[test]
    fn severity_of_ph_goes_by_the_distance() {
        let measure = measure("pH", "S.U.");
        for (distance, severity) in [
            (0.01, Severity::Info),
            (0.49, Severity::Info),
            (0.5, Severity::Watch),
            (0.99, Severity::Watch),
            (1.0, Severity::Warning),
            (1.99, Severity::Warning),
            (2.0, Severity::Critical),
        ] {
            assert_eq!(measure.severity(6.0 - distance, 6.0, Min), severity, "{distance}");
            assert_eq!(measure.severity(9.0 + distance, 9.0, Max), severity, "{distance}");
        }
        // 0.4999999999999991 in binary.
        assert_eq!(measure.severity(9.1, 8.6, Max), Severity::Watch);
        assert_eq!(measure.severity(5.8, 6.3, Min), Severity::Watch);
    }

    #[test]
    fn severity_of_removal_goes_by_what_passes_through() {
        let measure = measure("BOD, percent removal", "%");
        for (passing, severity) in [
            (15.1, Severity::Info),
            (18.7, Severity::Info),
            (18.75, Severity::Watch),
            (22.4, Severity::Watch),
            (22.5, Severity::Warning),
            (29.9, Severity::Warning),
            (30.0, Severity::Critical),
            (150.0, Severity::Critical),
        ] {
            assert_eq!(measure.severity(100.0 - passing, 85.0, Min), severity, "{passing}");
        }
    }

    #[test]
    fn a_limit_may_have_thresholds_of_its_own() {
        let ratios = measure("TSS", "mg/L").with_thresholds([1.1, 3.0, 10.0]);
        let severities = [1.05, 1.1, 2.9, 3.0, 9.9, 10.0].map(|ratio| ratios.severity(ratio * 10.0, 10.0, Max));
        use Severity::{Critical, Info, Warning, Watch};
        assert_eq!(severities, [Info, Watch, Watch, Warning, Warning, Critical]);
        let distances = measure("pH", "SU").with_thresholds([0.1, 0.2, 0.3]);
        assert_eq!([9.05, 9.1, 9.2, 9.3].map(|ph| distances.severity(ph, 9.0, Max)), [Info, Watch, Warning, Critical]);
    }

    #[test]
    fn measures_are_ordered_by_gravity_among_each_other() {
        for (distance, ratio) in [(0.5, 1.25), (1.0, 1.5), (2.0, 2.0)] {
            let ph = measure("pH", "SU").ratio(9.0 + distance, 9.0, Max);
            assert!((ph - measure("TSS", "mg/L").ratio(ratio * 8.0, 8.0, Max)).abs() < 1e-9, "{distance}");
        }
        assert!((measure("TSS removal", "%").ratio(70.0, 85.0, Min) - 2.0).abs() < 1e-9);
    }
}

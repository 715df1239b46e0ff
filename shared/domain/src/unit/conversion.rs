//! Conversions, exact in decimal.
//!
//! A unit's size is a fraction of whole numbers, and so is the factor between two units. A value is taken as the
//! decimal of its text, so 1.005 mg/L are 1005 ug/L, where binary multiplication finds 1004.9999999999999.

use crate::number::rounded;

/// The conversion to the base unit of a dimension: (value × factor + offset) / divisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size {
    pub(super) factor: i128,
    pub(super) offset: i128,
    pub(super) divisor: i128,
}

/// The conversion from one unit to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The same unit, or one of the same size: the value is unchanged.
    Same,
    /// Another unit of the dimension.
    Linear(Linear),
}

/// A conversion that changes the value: (value × factor + offset) / divisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    factor: i64,
    offset: i64,
    /// Above zero.
    divisor: i64,
}

impl Conversion {
    /// From one size to another; `None` if the fraction does not fit 64 bits, as no pair of units in the table does.
    pub(super) fn between(from: Size, to: Size) -> Option<Self> {
        if from == to {
            return Some(Self::Same);
        }
        let factor = from.factor.checked_mul(to.divisor)?;
        let offset = from.offset.checked_mul(to.divisor)?.checked_sub(to.offset.checked_mul(from.divisor)?)?;
        let divisor = from.divisor.checked_mul(to.factor)?;
        let common = gcd(gcd(factor, offset), divisor).max(1);
        let part = |number: i128| i64::try_from(number / common).ok();
        let linear = Linear { factor: part(factor)?, offset: part(offset)?, divisor: part(divisor)? };
        Some(if linear == Linear::NOTHING { Self::Same } else { Self::Linear(linear) })
    }

    /// The converted value: the double nearest to the exact result, for values of up to 15 digits of which ten or so
    /// are decimals. Others are right within the rounding of binary arithmetic.
    #[inline]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Same => value,
            Self::Linear(linear) => linear.apply(value),
        }
    }
}

impl Linear {
    const NOTHING: Self = Self { factor: 1, offset: 0, divisor: 1 };

    fn apply(self, value: f64) -> f64 {
        self.exactly(value).unwrap_or_else(|| {
            let [factor, offset, divisor] = [self.factor, self.offset, self.divisor].map(|part| part as f64);
            let scaled = if factor > divisor { value * (factor / divisor) } else { value / (divisor / factor) };
            scaled + offset / divisor
        })
    }

    fn exactly(self, value: f64) -> Option<f64> {
        let (digits, power) = decimal(value)?;
        let power = i128::from(power);
        let above = i128::from(digits) * i128::from(self.factor) + i128::from(self.offset) * power;
        quotient(above, i128::from(self.divisor) * power)
    }
}

/// All whole numbers up to here are doubles.
const WHOLE: i64 = 1 << 53;

/// The decimal of the number, as whole digits and the power of ten to divide them by.
fn decimal(number: f64) -> Option<(i64, i64)> {
    let mut power = 1i64;
    for _ in 0..=15 {
        let digits = rounded(number * power as f64);
        if digits.unsigned_abs() >= WHOLE as u64 {
            break;
        }
        // Both are exact and division rounds to the nearest: if equal, the text of the number is this decimal.
        if digits as f64 / power as f64 == number {
            return Some((digits, power));
        }
        power *= 10;
    }
    None
}

/// The double nearest to a fraction with a denominator above zero; `None` if that is too large to be sure.
fn quotient(above: i128, below: i128) -> Option<f64> {
    let whole = i128::from(WHOLE);
    if above.abs() < whole && below < whole {
        return Some(above as f64 / below as f64);
    }
    if above == 0 || below >= 1 << 72 {
        return (above == 0).then_some(0.0);
    }
    let digits = above.unsigned_abs();
    let shift = digits.leading_zeros();
    let (divided, rest) = ((digits << shift) / below.unsigned_abs(), (digits << shift) % below.unsigned_abs());
    // At least 55 bits, the last of which represents all that follow: enough to round to 53.
    let nearest = (divided | u128::from(rest != 0)) as f64 / 2f64.powi(shift as i32);
    Some(if above < 0 { -nearest } else { nearest })
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Unit;
    use proptest::prelude::*;

    /// The nearest double to a fraction, by long division in decimal: forty digits, read as text.
    fn by_long_division(above: i128, below: i128) -> f64 {
        let sign = if above < 0 { "-" } else { "" };
        let (mut rest, below) = (above.unsigned_abs(), below.unsigned_abs());
        let mut text = format!("{sign}{}.", rest / below);
        for _ in 0..40 {
            rest = rest % below * 10;
            text.push(char::from(b'0' + (rest / below) as u8));
        }
        text.parse().unwrap()
    }

    fn converted(value: f64, from: &str, to: &str) -> f64 {
        Unit::parse(from).conversion_to(&Unit::parse(to)).unwrap().apply(value)
    }

    /// Digits, a power of ten below them, and the double that the text means.
    fn decimals() -> impl Strategy<Value = (i128, i128, f64)> {
        (-999_999_999_999i64..999_999_999_999, 0u32..8).prop_map(|(digits, places)| {
            let value = format!("{digits}e-{places}").parse().unwrap();
            (i128::from(digits), 10i128.pow(places), value)
        })
    }

    proptest! {
        #[test]
        fn results_are_the_nearest_doubles((digits, power, value) in decimals()) {
            for (from, to, factor, offset, divisor) in [
                ("mg/L", "ug/L", 1000, 0, 1),
                ("ug/L", "mg/L", 1, 0, 1000),
                ("ng/L", "g/L", 1, 0, 1_000_000_000),
                ("lb/d", "kg/d", 45_359_237, 0, 100_000_000),
                ("kg/d", "lb/d", 100_000_000, 0, 45_359_237),
                ("MGD", "m3/d", 3_785_411_784i128, 0, 1_000_000),
                ("gal/d", "MGD", 1, 0, 1_000_000),
                ("gal/min", "MGD", 1440, 0, 1_000_000),
                ("MGD", "L/s", 3_785_411_784, 0, 86_400_000),
                ("deg F", "deg C", 5, -160, 9),
                ("deg C", "deg F", 9, 160, 5),
                ("min", "d", 1, 0, 1440),
                ("d", "h", 24, 0, 1),
            ] {
                let expected = by_long_division(digits * factor + offset * power, divisor * power);
                prop_assert_eq!(converted(value, from, to), expected, "{} {} in {}", value, from, to);
            }
        }

        #[test]
        fn what_is_no_short_decimal_is_converted_all_the_same(value in any::<f64>()) {
            let kilograms = converted(value, "lb/d", "kg/d");
            if value.is_finite() {
                prop_assert!((kilograms - value * 0.45359237).abs() <= value.abs() * 1e-15);
            } else {
                prop_assert_eq!(kilograms.is_nan(), value.is_nan());
            }
        }
    }

    #[test]
    fn binary_arithmetic_would_miss_these() {
        assert_eq!((1.005 * 1000.0, converted(1.005, "mg/L", "ug/L")), (1004.9999999999999, 1005.0));
        assert_eq!((4.35 * 100.0, converted(4.35, "CFU/mL", "CFU/100mL")), (434.99999999999994, 435.0));
    }

    #[test]
    fn fractions_are_divided_exactly_or_not_at_all() {
        assert_eq!(quotient(1 << 60, 3), Some(by_long_division(1 << 60, 3)));
        assert_eq!(quotient(-(1 << 60), 7), Some(by_long_division(-(1 << 60), 7)));
        assert_eq!(quotient((1 << 53) + 1, 1), Some(9_007_199_254_740_992.0));
        assert_eq!(quotient((1 << 53) + 3, 1), Some(9_007_199_254_740_996.0));
        assert_eq!(quotient(0, 1 << 60), Some(0.0));
        assert_eq!(quotient(1, (1 << 72) - 1), Some(1.0 / 2f64.powi(72)));
        assert_eq!(quotient(1, 1 << 72), None);
    }

    #[test]
    fn numbers_beyond_whole_doubles_are_not_taken_for_decimals() {
        assert_eq!(decimal(-12.5), Some((-125, 10)));
        assert_eq!(decimal(9_007_199_254_740_991.0), Some((9_007_199_254_740_991, 1)));
        assert_eq!(decimal(9_007_199_254_740_992.0), None);
        assert_eq!(decimal(0.1 + 0.2), None);
        assert_eq!((decimal(f64::NAN), decimal(f64::INFINITY), decimal(1e-300)), (None, None, None));
    }
}

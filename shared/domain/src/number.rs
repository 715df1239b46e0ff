//! Floating point numbers.

use rust_decimal::Decimal;
use std::str::FromStr;

/// The nearest integer, halves away from zero, like [`f64::round`]; saturating if there is none.
///
/// `round` is a call into the C library unless the compiler knows the processor; this is a few instructions, and a loop
/// of it can use vectors.
#[inline]
pub fn rounded(value: f64) -> i64 {
    let whole = value as i64;
    let rest = value - whole as f64;
    whole.saturating_add(i64::from(rest >= 0.5) - i64::from(rest <= -0.5))
}

/// The decimal number of a binary one's shortest text. Means have more digits than decimal division keeps exact, so the
/// last of 17 digits is dropped: 4.999999999999999 is 5.
pub fn decimal(number: f64) -> Option<Decimal> {
    Decimal::from_str(&number.to_string()).ok()?.round_sf(15)
}

/// The number of decimals in a number's shortest text.
pub fn decimals(number: f64) -> u8 {
    let text = number.to_string();
    text.split_once('.').map_or(0, |(_, decimals)| u8::try_from(decimals.len()).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounds_as_the_library_does(value in prop_oneof![any::<f64>(), -1e6..1e6f64, any::<i64>().prop_map(|n| n as f64)]) {
            prop_assert_eq!(rounded(value), value.round() as i64);
        }
    }

    #[test]
    fn halves_go_away_from_zero() {
        for value in [0.5, -0.5, 1.5, -2.5, 0.49999999999999994, 4503599627370495.5, 1e300, f64::NEG_INFINITY, f64::NAN]
        {
            assert_eq!(rounded(value), value.round() as i64, "{value}");
        }
    }
}

//! Cells: numbers, qualifiers and times.

use domain::reading::Qualifier;
use domain::time::{self, TimeError, TimeKind};

/// The most digits of a number that is read the short way: any more may not fit the 53 bits of a mantissa.
const PLAIN_DIGITS: usize = 15;
const POWERS: [f64; PLAIN_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number of digits and at most one point, as nearly all cells are: a third of the time that a full parser takes.
///
/// Both the digits and the power of ten are exact in floating point, so that dividing them rounds once, to the number
/// that the full parser finds.
#[inline]
fn plain(text: &[u8]) -> Option<f64> {
    if text.len() > PLAIN_DIGITS + 1 {
        return None;
    }
    let (mut mantissa, mut point) = (0i64, None);
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return None,
        }
    }
    let digits = text.len() - usize::from(point.is_some());
    let places = point.map_or(0, |index| text.len() - index - 1);
    (1..=PLAIN_DIGITS).contains(&digits).then(|| mantissa as f64 / POWERS[places])
}

/// A decimal number. Digits, sign, point and exponent; not `inf`, not `nan`, no thousands separators.
#[inline]
pub(super) fn number(text: &[u8], decimal_comma: bool) -> Result<f64, &'static str> {
    if let Some(value) = plain(text) {
        return Ok(value);
    }
    let parsed = match fast_float2::parse::<f64, _>(text) {
        Err(_) if decimal_comma => comma_number(text),
        parsed => parsed.ok(),
    };
    match parsed {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err("NaN and infinities are not values"),
        None => Err("a number is expected"),
    }
}

/// `12,5`, as spreadsheets write it where the delimiter is a semicolon or a tab.
fn comma_number(text: &[u8]) -> Option<f64> {
    let commas = text.iter().filter(|&&byte| byte == b',').count();
    if commas != 1 || text.contains(&b'.') {
        return None;
    }
    let with_point: Vec<u8> = text.iter().map(|&byte| if byte == b',' { b'.' } else { byte }).collect();
    fast_float2::parse(with_point).ok()
}

/// A number that may have its qualifier in front: `<0.5`.
#[inline]
pub(super) fn qualified(text: &[u8], decimal_comma: bool) -> Result<(f64, Qualifier), &'static str> {
    let (rest, qualifier) = match text.first() {
        Some(b'<') => (&text[1..], Qualifier::Less),
        Some(b'>') => (&text[1..], Qualifier::Greater),
        _ => return number(text, decimal_comma).map(|value| (value, Qualifier::Equal)),
    };
    let rest = rest.strip_prefix(b"=").unwrap_or(rest);
    number(rest.trim_ascii(), decimal_comma).map(|value| (value, qualifier))
}

/// A time in either form.
#[inline]
pub(super) fn time(text: &[u8], decimal_comma: bool) -> Result<(i64, TimeKind), TimeError> {
    if let Some(hours) = plain(text).or_else(|| fast_float2::parse(text).ok()) {
        return time::from_hours(hours).map(|micros| (micros, TimeKind::Hours));
    }
    if let Some(hours) = Some(text).filter(|_| decimal_comma).and_then(comma_number) {
        return time::from_hours(hours).map(|micros| (micros, TimeKind::Hours));
    }
    let text = std::str::from_utf8(text).map_err(|_| TimeError::Malformed)?;
    time::from_clock(text).map(|micros| (micros, TimeKind::Clock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is read the short way is what the full parser finds, to the last bit.
        #[test]
        fn the_short_way_finds_the_same_number(text in "[0-9]{0,12}[.]?[0-9]{0,12}|[0-9.+-]{0,6}") {
            if let Some(value) = plain(text.as_bytes()) {
                prop_assert_eq!(Some(value.to_bits()), text.parse::<f64>().ok().map(f64::to_bits));
                prop_assert_eq!(Some(value.to_bits()), fast_float2::parse::<f64, _>(&text).ok().map(f64::to_bits));
            }
        }
    }

    #[test]
    fn the_short_way_ends_where_a_mantissa_does() {
        for text in ["0", "7.", ".5", "251.2", "999999999999999", "0.00000000000001", "83333.25"] {
            assert_eq!(plain(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in ["", ".", "1.2.3", "-1", "1e3", "1 ", "9007199254740993", "0.000000000000001"] {
            assert_eq!(plain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, value) in [("1", 1.0), (".837", 0.837), ("-1.5e3", -1500.0), ("+2", 2.0), ("007", 7.0)] {
            assert_eq!(number(text.as_bytes(), false), Ok(value), "{text}");
        }
        for text in ["", "1,5", "0x10", "1 000", "abc", "1.2.3", "--1"] {
            assert_eq!(number(text.as_bytes(), false), Err("a number is expected"), "{text}");
        }
        for text in ["NaN", "inf", "-Infinity", "1e999"] {
            assert_eq!(number(text.as_bytes(), false), Err("NaN and infinities are not values"), "{text}");
        }
        assert_eq!(number(b"1,5", true), Ok(1.5));
        assert!(number(b"1.000,5", true).is_err());
    }

    #[test]
    fn qualifiers_in_front() {
        assert_eq!(qualified(b"<0.5", false), Ok((0.5, Qualifier::Less)));
        assert_eq!(qualified(b"> 2419.6", false), Ok((2419.6, Qualifier::Greater)));
        assert_eq!(qualified(b"<=3", false), Ok((3.0, Qualifier::Less)));
        assert!(qualified(b"<", false).is_err());
        assert!(qualified(b"<nan", false).is_err());
    }

    #[test]
    fn times() {
        assert_eq!(time(b"1.5", false), Ok((5_400_000_000, TimeKind::Hours)));
        assert_eq!(time(b"1970-01-01T01:30:00Z", false), Ok((5_400_000_000, TimeKind::Clock)));
        assert_eq!(time(b"nan", false), Err(TimeError::OutOfRange));
        assert_eq!(time(b"\xff", false), Err(TimeError::Malformed));
    }
}

//! Numbers, and what the cells of a column show about its decimal signs.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The most digits for the fast path: more may not fit the 53 bits of a mantissa.
const PLAIN_DIGITS: usize = 15;
const POWERS: [f64; PLAIN_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// How the numbers of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Separators {
    /// Undecided, since nothing needs it: `1,200` is doubtful, `1.200` a decimal number.
    #[default]
    Open,
    /// `1,200.5`
    Point,
    /// `1.200,5`
    Comma,
    /// Both occur, or neither is certain: `1,200` and `1.200` are doubtful.
    Doubtful,
}

/// Cells that can only be read with a decimal point.
const POINT: u8 = 1;
/// Cells that can only be read with a decimal comma.
const COMMA: u8 = 2;
/// Cells such as `1.200`.
const ONE_POINT: u8 = 4;
/// Cells such as `1,200`.
const ONE_COMMA: u8 = 8;

/// The numbers of one column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NumberColumn {
    separators: Separators,
    seen: u8,
}

/// Why a text is no number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NumberError {
    NoNumber,
    NotFinite,
    /// It can be read in two ways.
    Doubtful(Box<Doubt>),
}

/// A number that can be read in two ways.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doubt {
    text: String,
    as_point: f64,
    as_comma: f64,
}

impl std::fmt::Display for NumberError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoNumber => f.write_str("a number is expected"),
            Self::NotFinite => f.write_str("NaN and infinities are not values"),
            Self::Doubtful(doubt) => {
                let Doubt { text, as_point, as_comma } = &**doubt;
                write!(
                    f,
                    "doubtful: {text} may be {as_point} or {as_comma}, and no other cell of the column decides it"
                )
            }
        }
    }
}

impl NumberColumn {
    pub(super) fn new(separators: Separators) -> Self {
        Self { separators, seen: 0 }
    }

    /// What all cells of the column decide together. `has_semicolons`: columns are separated by them, as is usual with
    /// decimal commas.
    pub(super) fn learned(self, has_semicolons: bool) -> Separators {
        let has = |mark: u8| self.seen & mark != 0;
        if !has(ONE_POINT | ONE_COMMA) {
            return Separators::Open;
        }
        match (has(POINT), has(COMMA)) {
            (true, true) => Separators::Doubtful,
            (false, true) => Separators::Comma,
            (true, false) if has(ONE_COMMA) => Separators::Point,
            (true, false) => Separators::Open,
            (false, false) if has(ONE_POINT) && (has(ONE_COMMA) || has_semicolons) => Separators::Doubtful,
            (false, false) => Separators::Open,
        }
    }

    /// A number for the fast path that has one reading.
    #[inline(always)]
    pub(super) fn plain(&mut self, text: &[u8]) -> Option<f64> {
        let (value, seen) = plain(text)?;
        // Rarely anything new.
        if seen & !self.seen != 0 {
            self.seen |= seen;
        }
        let is_sure = seen != ONE_POINT || matches!(self.separators, Separators::Open | Separators::Point);
        is_sure.then_some(value)
    }

    /// A decimal number: digits, sign, separators, exponent; not `inf`, not `nan`.
    #[inline]
    pub(super) fn number(&mut self, text: &[u8]) -> Result<f64, NumberError> {
        match self.plain(text) {
            Some(value) => Ok(value),
            None => self.slow(text),
        }
    }

    #[cold]
    fn slow(&mut self, text: &[u8]) -> Result<f64, NumberError> {
        let text = std::str::from_utf8(text).map_err(|_| NumberError::NoNumber)?;
        let text = text.replace('\u{2212}', "-");
        let (sign, digits) = match text.as_bytes() {
            [b'-', ..] => (-1.0, &text[1..]),
            [b'+', ..] => (1.0, &text[1..]),
            _ => (1.0, text.as_str()),
        };
        let (mantissa, exponent) = match digits.find(['e', 'E']) {
            Some(at) => digits.split_at(at),
            None => (digits, ""),
        };
        let mantissa = without_spaces(mantissa);
        let found = match written(&mantissa, !exponent.is_empty()) {
            None if fast_float2::parse::<f64, _>(&text).is_ok_and(|value| !value.is_finite()) => {
                return Err(NumberError::NotFinite);
            }
            None => return Err(NumberError::NoNumber),
            Some(found) => found,
        };
        let value = |decimal: &str| {
            let value: f64 = fast_float2::parse(format!("{decimal}{exponent}")).map_err(|_| NumberError::NoNumber)?;
            if value.is_finite() { Ok(sign * value) } else { Err(NumberError::NotFinite) }
        };
        self.seen |= found.mark();
        match (found, self.separators) {
            (Written::Only(decimal, _), _) | (Written::OnePoint(decimal, _), Separators::Open | Separators::Point) => {
                value(&decimal)
            }
            (Written::OneComma(_, whole), Separators::Point) | (Written::OnePoint(_, whole), Separators::Comma) => {
                value(&whole)
            }
            (Written::OneComma(decimal, _), Separators::Comma) => value(&decimal),
            (Written::OnePoint(decimal, whole), Separators::Doubtful) => {
                Err(doubt(value(&decimal)?, value(&whole)?, text))
            }
            (Written::OneComma(decimal, whole), Separators::Open | Separators::Doubtful) => {
                Err(doubt(value(&whole)?, value(&decimal)?, text))
            }
        }
    }
}

fn doubt(as_point: f64, as_comma: f64, text: String) -> NumberError {
    NumberError::Doubtful(Box::new(Doubt { text, as_point, as_comma }))
}

/// The fast path: digits and at most one point, as nearly all cells are. It takes a third of the time of a full parser.
/// Also returns what the cell shows about its column.
///
/// Both the digits and the power of ten are exact in floating point, so the division rounds once, to the result of the
/// full parser.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<(f64, u8)> {
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
    let Some(point) = point else {
        return (1..=PLAIN_DIGITS).contains(&text.len()).then_some((mantissa as f64, 0));
    };
    let places = text.len() - point - 1;
    let is_one = places == 3 && is_first_group(&text[..point]);
    let seen = if is_one { ONE_POINT } else { POINT };
    (text.len() > 1).then(|| (mantissa as f64 / POWERS[places], seen))
}

/// `1` to `999`, as before a separator of thousands.
#[inline]
fn is_first_group(digits: &[u8]) -> bool {
    matches!(digits, [b'1'..=b'9', rest @ ..] if rest.len() < 3 && rest.iter().all(u8::is_ascii_digit))
}

/// The ways in which digits with points and commas can be read; numbers with a decimal point, if any.
#[derive(Debug)]
enum Written<'a> {
    /// In one way, and what that tells.
    Only(Cow<'a, str>, u8),
    /// `1.200`: 1.2 or 1200.
    OnePoint(Cow<'a, str>, Cow<'a, str>),
    /// `1,200`: 1.2 or 1200.
    OneComma(Cow<'a, str>, Cow<'a, str>),
}

impl Written<'_> {
    fn mark(&self) -> u8 {
        match self {
            Self::Only(_, seen) => *seen,
            Self::OnePoint(..) => ONE_POINT,
            Self::OneComma(..) => ONE_COMMA,
        }
    }
}

fn written(text: &str, has_exponent: bool) -> Option<Written<'_>> {
    let count = |sign: char| text.matches(sign).count();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
    if !is_number || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let only = |text: Cow<'_, str>, seen| Some(Written::Only(Cow::Owned(text.into_owned()), seen));
    match (count('.'), count(',')) {
        (0, 0) => only(text.into(), 0),
        (1, 0) | (0, 1) => {
            let is_point = text.contains('.');
            let (whole, places) = text.split_once(['.', ','])?;
            let decimal = text.replace(',', ".").into();
            if has_exponent || places.len() != 3 || !is_first_group(whole.as_bytes()) {
                return only(decimal, if is_point { POINT } else { COMMA });
            }
            let thousands = format!("{whole}{places}").into();
            Some(if is_point { Written::OnePoint(decimal, thousands) } else { Written::OneComma(decimal, thousands) })
        }
        (0, _) => only(grouped(text, ',')?.into(), POINT),
        (_, 0) => only(grouped(text, '.')?.into(), COMMA),
        (points, commas) => {
            let (last, group, seen) =
                if text.rfind('.') > text.rfind(',') { ('.', ',', POINT) } else { (',', '.', COMMA) };
            if (if last == '.' { points } else { commas }) != 1 {
                return None;
            }
            let (whole, places) = text.split_once(last)?;
            only(format!("{}.{places}", grouped(whole, group)?).into(), seen)
        }
    }
}

/// `1,234,567` without its separators, if they are at the thousands.
fn grouped(text: &str, separator: char) -> Option<String> {
    let mut groups = text.split(separator);
    let first = groups.next()?;
    let are_thousands = groups.all(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()));
    (is_first_group(first.as_bytes()) && are_thousands).then(|| text.replace(separator, ""))
}

/// `1 234,5` without the spaces or apostrophes between thousands; unchanged if they are elsewhere.
fn without_spaces(text: &str) -> Cow<'_, str> {
    let is_space = |character: char| matches!(character, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}');
    if !text.contains(is_space) {
        return text.into();
    }
    let whole_end = text.find(['.', ',']).unwrap_or(text.len());
    let (whole, rest) = text.split_at(whole_end);
    let plain: String = whole.chars().map(|character| if is_space(character) { ' ' } else { character }).collect();
    match grouped(&plain, ' ') {
        // Digits are grouped once only.
        Some(digits) if !rest.contains(is_space) => format!("{digits}{rest}").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Result<f64, String> {
        NumberColumn::default().number(text.as_bytes()).map_err(|error| error.to_string())
    }

    /// What a column of these cells is read as, once all of them are known.
    fn column(cells: &[&str], has_semicolons: bool) -> Vec<Option<f64>> {
        let mut first = NumberColumn::default();
        cells.iter().for_each(|cell| drop(first.number(cell.as_bytes())));
        let learned = first.learned(has_semicolons);
        let mut second = NumberColumn::new(learned);
        let read = cells.iter().map(|cell| second.number(cell.as_bytes()).ok()).collect();
        assert_eq!(second.learned(has_semicolons), learned, "a second reading learns the same");
        read
    }

    proptest! {
        /// The fast path finds what the full parser finds, to the last bit.
        #[test]
        fn the_short_way_finds_the_same_number(text in "[0-9]{0,12}[.]?[0-9]{0,12}|[0-9.+-]{0,6}") {
            if let Some((value, _)) = plain(text.as_bytes()) {
                prop_assert_eq!(Some(value.to_bits()), text.parse::<f64>().ok().map(f64::to_bits));
                prop_assert_eq!(Some(value.to_bits()), fast_float2::parse::<f64, _>(&text).ok().map(f64::to_bits));
            }
        }

        /// Numbers written either way come out again, if one cell says which way it is.
        #[test]
        fn thousands_and_decimals_come_out_again(whole in 0..9_999_999_999u64, cents in 0..100u8, is_comma: bool) {
            let digits = whole.to_string();
            let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
            let (group, point) = if is_comma { (".", ",") } else { (",", ".") };
            let text = format!("{}{point}{cents:02}", groups.join(group));
            let plain = format!("{whole}.{cents:02}").parse::<f64>().unwrap();
            let thousands = format!("1{group}200");
            prop_assert_eq!(column(&[&text, &thousands], is_comma), [Some(plain), Some(1200.0)]);
        }
    }

    #[test]
    fn the_short_way_ends_where_a_mantissa_does() {
        for text in ["0", "7.", ".5", "251.2", "999999999999999", "0.00000000000001", "83333.25"] {
            assert_eq!(plain(text.as_bytes()).map(|(value, _)| value), text.parse().ok(), "{text}");
        }
        for text in ["", ".", "1.2.3", "-1", "1e3", "1 ", "9007199254740993", "0.0000000000000001"] {
            assert_eq!(plain(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, value) in [
            ("1", 1.0),
            (".837", 0.837),
            ("5.", 5.0),
            ("-1.5e3", -1500.0),
            ("1.5E-03", 0.0015),
            ("+2", 2.0),
            ("\u{2212}0.3", -0.3),
            ("007", 7.0),
            ("251,2", 251.2),
            ("0,123", 0.123),
            (",5", 0.5),
            ("1,2345", 1.2345),
            ("1,234.5", 1234.5),
            ("1.234,5", 1234.5),
            ("1,234,567", 1_234_567.0),
            ("1.234.567", 1_234_567.0),
            ("1 250,5", 1250.5),
            ("12\u{a0}500", 12500.0),
            ("1'200.5", 1200.5),
            ("1234567890123456789", 1_234_567_890_123_456_789.0),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        for text in
            ["", "0x10", "abc", "1.2.3", "--1", "1,2,3", "1,23,456", "1.234,567,8", "1 00", "e5", "1e", ",", "-"]
        {
            assert_eq!(number(text), Err("a number is expected".into()), "{text}");
        }
        for text in ["NaN", "inf", "-Infinity", "1e999"] {
            assert_eq!(number(text), Err("NaN and infinities are not values".into()), "{text}");
        }
        assert_eq!(
            number("1,200"),
            Err("doubtful: 1,200 may be 1200 or 1.2, and no other cell of the column decides it".into())
        );
    }

    #[test]
    fn a_column_decides_its_cells() {
        assert_eq!(column(&["1,200", "450"], false), [None, Some(450.0)]);
        assert_eq!(column(&["1,200", "450.5"], false), [Some(1200.0), Some(450.5)]);
        assert_eq!(column(&["1,200", "450,5"], false), [Some(1.2), Some(450.5)]);
        assert_eq!(column(&["1.200", "450,5"], true), [Some(1200.0), Some(450.5)]);
        assert_eq!(column(&["1.200", "450"], false), [Some(1.2), Some(450.0)]);
        assert_eq!(column(&["1.200", "450"], true), [None, Some(450.0)]);
        assert_eq!(column(&["1.200", "0.450"], true), [Some(1.2), Some(0.45)]);
        assert_eq!(column(&["1.200", "3,400", "1"], false), [None, None, Some(1.0)]);
        assert_eq!(column(&["1,200", "2.5", "2,5", "1.200"], false), [None, Some(2.5), Some(2.5), None]);
    }
}

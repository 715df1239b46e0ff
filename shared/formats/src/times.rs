//! Dates and times of day, as laboratories and spreadsheets write them.

use domain::time::{self, DAY, HOUR, TimeKind};
use serde::{Deserialize, Serialize};

const MINUTE: i64 = HOUR / 60;
const SECOND: i64 = MINUTE / 60;

/// Which of `03/04/2026`'s first two numbers is the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DateOrder {
    /// Undecided: dates that can be read in two ways are refused.
    #[default]
    Open,
    /// m/d/y
    MonthFirst,
    /// d/m/y
    DayFirst,
    /// Both occur in the file, so none of its dates can be trusted.
    Doubtful,
}

/// Dates that can only be m/d/y.
const MONTH_FIRST: u8 = 1;
/// Dates that can only be d/m/y.
const DAY_FIRST: u8 = 2;
/// Dates that can be either.
const EITHER: u8 = 4;

/// The dates of a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dates {
    order: DateOrder,
    seen: u8,
}

/// A date, a time of day, and the offset from UTC, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    midnight: i64,
    of_day: Option<OfDay>,
}

/// A time of day, in microseconds, and its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfDay {
    micros: i64,
    offset: Option<i64>,
}

const NO_TIME: &str = "a date or time is expected, such as 2026-03-01, 2026-03-01 06:00 or 2026-03-01T06:00:00Z";
const OUT_OF_RANGE: &str = "no such date or time";

impl Dates {
    pub(super) fn new(order: DateOrder) -> Self {
        Self { order, seen: 0 }
    }

    /// The order that all dates of the file allow.
    pub(super) fn learned(self) -> DateOrder {
        match self.seen {
            seen if seen & (MONTH_FIRST | DAY_FIRST) == MONTH_FIRST | DAY_FIRST => DateOrder::Doubtful,
            seen if seen == MONTH_FIRST | EITHER => DateOrder::MonthFirst,
            seen if seen == DAY_FIRST | EITHER => DateOrder::DayFirst,
            // Nothing needs it: all dates can be read in one way, or in none for certain.
            _ => DateOrder::Open,
        }
    }

    /// Parses a time, without white space around it.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Result<(i64, TimeKind), String> {
        let written = match iso(text) {
            Some(written) => written,
            None => match self.other(text) {
                Ok(Some(written)) => written,
                Ok(None) => return fallback(text),
                Err(reason) => return Err(reason),
            },
        };
        let (micros, kind) = match written.of_day {
            None => (written.midnight, TimeKind::Date),
            Some(OfDay { micros, offset: None }) => (written.midnight + micros, TimeKind::Local),
            Some(OfDay { micros, offset: Some(offset) }) => (written.midnight + micros - offset, TimeKind::Clock),
        };
        if time::is_in_range(micros) { Ok((micros, kind)) } else { Err(OUT_OF_RANGE.into()) }
    }

    /// Parses a date, and the time of day from its own column. Spreadsheets write dates with midnight.
    pub(super) fn joined(&mut self, date: &[u8], of_day: &[u8]) -> Result<(i64, TimeKind), String> {
        let (midnight, kind) = self.read(date)?;
        if of_day.is_empty() {
            return Ok((midnight, kind));
        }
        if kind == TimeKind::Clock || midnight % DAY != 0 {
            return Err("a time of day stands in the date's column and in its own".into());
        }
        match time_of_day(of_day) {
            Some(OfDay { micros, offset: None }) => Ok((midnight + micros, TimeKind::Local)),
            Some(OfDay { micros, offset: Some(offset) }) => Ok((midnight + micros - offset, TimeKind::Clock)),
            None => Err("a time of day is expected, such as 06:30 or 6:30 PM".into()),
        }
    }

    /// Dates that begin with a day or a month. `None` if this is no date.
    #[cold]
    fn other(&mut self, text: &[u8]) -> Result<Option<Written>, String> {
        let Some((parts, rest)) = date_parts(text) else { return Ok(None) };
        let Some(of_day) = rest_time(rest) else { return Ok(None) };
        let midnight = match parts {
            Parts::Sure(year, month, day) => midnight(year, month, day).ok_or(OUT_OF_RANGE)?,
            Parts::ShortYear => return Err("the year has two digits; write it with four".into()),
            Parts::Numbers(a, b, year) => self.ordered(a, b, year)?,
        };
        Ok(Some(Written { midnight, of_day }))
    }

    fn ordered(&mut self, a: i64, b: i64, year: i64) -> Result<i64, String> {
        let both = (midnight(year, a, b), midnight(year, b, a));
        self.seen |= match both {
            (Some(_), None) => MONTH_FIRST,
            (None, Some(_)) => DAY_FIRST,
            (Some(month_first), Some(day_first)) if month_first != day_first => EITHER,
            _ => 0,
        };
        match (both, self.order) {
            ((None, None), _) => Err(OUT_OF_RANGE.into()),
            ((Some(one), Some(other)), _) if one == other => Ok(one),
            (_, DateOrder::Doubtful) => {
                Err("doubtful: some dates of the file are month/day/year and some day/month/year".into())
            }
            ((Some(found), _), DateOrder::MonthFirst) | ((_, Some(found)), DateOrder::DayFirst) => Ok(found),
            ((_, None), DateOrder::DayFirst) => Err("no date in the order day/month/year".into()),
            ((None, _), DateOrder::MonthFirst) => Err("no date in the order month/day/year".into()),
            ((Some(found), None) | (None, Some(found)), DateOrder::Open) => Ok(found),
            ((Some(month_first), Some(day_first)), DateOrder::Open) => Err(format!(
                "doubtful: may be {} or {}, and no other date of the file decides it",
                day(month_first),
                day(day_first)
            )),
        }
    }
}

fn day(midnight: i64) -> String {
    time::shown(midnight, TimeKind::Date).to_string()
}

/// The midnight of a day, as if UTC.
fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let in_month = DAYS.get(usize::try_from(month - 1).ok()?)? + i64::from(month == 2 && is_leap);
    if !(1..=in_month).contains(&day) {
        return None;
    }
    // Days since 1970-01-01, counted in eras of 400 years that begin on the first of March.
    let year = year - i64::from(month <= 2);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * DAY)
}

/// Digits at the beginning of a text, and the rest.
#[inline]
fn digits(text: &[u8], most: usize) -> Option<(i64, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let value = text[..count].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
    (count > 0).then(|| (value, &text[count..]))
}

/// `2026-03-01`, with or without a time; all digits there.
#[inline]
fn iso(text: &[u8]) -> Option<Written> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, rest @ ..] = text else { return None };
    let all = [y0, y1, y2, y3, m0, m1, d0, d1];
    if !all.iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |digits: &[&u8]| digits.iter().fold(0, |value, byte| value * 10 + i64::from(**byte - b'0'));
    let midnight = midnight(number(&all[..4]), number(&all[4..6]), number(&all[6..]))?;
    Some(Written { midnight, of_day: rest_time(rest)? })
}

/// What follows a date: nothing, or a time of day.
#[inline]
fn rest_time(rest: &[u8]) -> Option<Option<OfDay>> {
    match rest {
        [] => Some(None),
        [b'T' | b't' | b' ' | b',', rest @ ..] => time_of_day(rest.trim_ascii_start()).map(Some),
        _ => None,
    }
}

/// `6:30`, `06:30:15.5`, `6:30 PM`, `24:00`, and an offset behind it.
#[inline]
pub(super) fn time_of_day(text: &[u8]) -> Option<OfDay> {
    let (mut hour, rest) = digits(text, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (mut second, mut micros) = (0, 0);
    if let [b':', more @ ..] = rest {
        (second, rest) = digits(more, 2)?;
        if let [b'.' | b',', fraction @ ..] = rest {
            let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let places = fraction[..count].iter().chain(std::iter::repeat(&b'0')).take(6);
            micros = places.fold(0, |micros, byte| micros * 10 + i64::from(byte - b'0'));
            rest = &fraction[count..];
        }
    }
    let mut rest = rest.trim_ascii_start();
    if let Some((is_afternoon, behind)) = half_of_day(rest) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if is_afternoon { 12 } else { 0 };
        rest = behind.trim_ascii_start();
    }
    let of_day = hour * HOUR + minute * MINUTE + second * SECOND + micros;
    if minute > 59 || second > 59 || of_day > DAY || hour > 24 {
        return None;
    }
    Some(OfDay { micros: of_day, offset: offset(rest)? })
}

/// `AM`, `p.m.`: whether it is the afternoon.
fn half_of_day(text: &[u8]) -> Option<(bool, &[u8])> {
    let is_afternoon = match text.first()? {
        b'P' | b'p' => true,
        b'A' | b'a' => false,
        _ => return None,
    };
    let rest = text[1..].strip_prefix(b".").unwrap_or(&text[1..]);
    let rest = rest.strip_prefix(b"M").or_else(|| rest.strip_prefix(b"m"))?;
    Some((is_afternoon, rest.strip_prefix(b".").unwrap_or(rest)))
}

/// Names of offsets that mean one thing only (RFC 822), in hours.
const ZONES: &[(&str, i64)] = &[
    ("z", 0),
    ("utc", 0),
    ("gmt", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
    ("akst", -9),
    ("akdt", -8),
    ("hst", -10),
];

/// An offset in microseconds; none where there is no text, and no answer where the text is none.
#[inline]
fn offset(text: &[u8]) -> Option<Option<i64>> {
    let (sign, digits_of) = match text {
        [] => return Some(None),
        [b'Z'] => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => {
            let named = ZONES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(text));
            return named.map(|(_, hours)| Some(hours * HOUR));
        }
    };
    let (hours, rest) = match digits_of {
        [_, _, ..] => {
            digits(&digits_of[..2], 2).filter(|(_, rest)| rest.is_empty()).map(|(h, _)| (h, &digits_of[2..]))?
        }
        _ => return None,
    };
    let minutes = match rest.strip_prefix(b":").unwrap_or(rest) {
        [] if rest.is_empty() => 0,
        two @ [_, _] => digits(two, 2).filter(|(_, rest)| rest.is_empty())?.0,
        _ => return None,
    };
    (hours <= 25 && minutes <= 59).then_some(Some(sign * (hours * HOUR + minutes * MINUTE)))
}

/// A time without an offset in a zone that is named beside it; others stay as they are.
pub(super) fn zoned((micros, kind): (i64, TimeKind), zone: &[u8]) -> Result<(i64, TimeKind), String> {
    match offset(zone) {
        Some(Some(offset)) if kind == TimeKind::Local => Ok((micros - offset, TimeKind::Clock)),
        Some(_) => Ok((micros, kind)),
        None => Err("an offset such as -06:00 is expected, or one of UTC EST EDT CST CDT MST MDT PST PDT".into()),
    }
}

/// The parts of a date that is not written as ISO 8601 has it.
enum Parts {
    /// Year, month, day.
    Sure(i64, i64, i64),
    /// Two numbers in an unknown order, and the year.
    Numbers(i64, i64, i64),
    ShortYear,
}

/// `2026/3/1`, `3/1/2026`, `1.3.2026`, `1-Mar-2026`, `Mar 1, 2026`, and what follows.
fn date_parts(text: &[u8]) -> Option<(Parts, &[u8])> {
    if text.first()?.is_ascii_alphabetic() {
        let (month, rest) = month_name(text)?;
        let (day, rest) = digits(rest.trim_ascii_start(), 2)?;
        let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        return long_year(rest).map(|(year, rest)| (Parts::Sure(year, month, day), rest));
    }
    let (first, rest) = digits(text, 4)?;
    let is_year = text.len() - rest.len() == 4;
    let (separator, rest) = rest.split_first()?;
    if !matches!(separator, b'/' | b'.' | b'-' | b' ') {
        return None;
    }
    let rest = rest.trim_ascii_start();
    if let Some((month, rest)) = month_name(rest) {
        let rest = rest.strip_prefix(&[*separator]).or_else(|| rest.strip_prefix(b" ")).unwrap_or(rest);
        return match long_year(rest.trim_ascii_start()) {
            Some((year, rest)) => Some((Parts::Sure(year, month, first), rest)),
            None => digits(rest, 2).map(|(_, rest)| (Parts::ShortYear, rest)),
        };
    }
    let (second, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(&[*separator])?;
    if is_year {
        return digits(rest, 2).map(|(day, rest)| (Parts::Sure(first, second, day), rest));
    }
    match long_year(rest) {
        Some((year, rest)) => Some((Parts::Numbers(first, second, year), rest)),
        None => digits(rest, 2).map(|(_, rest)| (Parts::ShortYear, rest)),
    }
}

fn long_year(text: &[u8]) -> Option<(i64, &[u8])> {
    digits(text, 4).filter(|(_, rest)| text.len() - rest.len() == 4)
}

/// The number of a month's English name, short or long, and what follows.
fn month_name(text: &[u8]) -> Option<(i64, &[u8])> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let length = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let name = std::str::from_utf8(&text[..length]).ok()?.to_ascii_lowercase();
    let place =
        NAMES.iter().position(|full| *full == name || full[..3] == name || (name == "sept" && *full == "september"))?;
    let rest = &text[length..];
    Some((place as i64 + 1, rest.strip_prefix(b".").unwrap_or(rest)))
}

/// Whatever else is a time by RFC 3339, RFC 9557 or ISO 8601; numbers are told what they may be.
#[cold]
fn fallback(text: &[u8]) -> Result<(i64, TimeKind), String> {
    let text = std::str::from_utf8(text).map_err(|_| NO_TIME)?;
    if let Ok(number) = fast_float2::parse::<f64, _>(text.replace(',', ".")) {
        return Err(guess(number, text));
    }
    let kind = match text.parse::<jiff::Timestamp>() {
        Ok(_) => TimeKind::Clock,
        Err(_) if text.contains(':') || text.contains(['T', 't']) => TimeKind::Local,
        Err(_) => TimeKind::Date,
    };
    match time::from_clock(text) {
        Ok(micros) => Ok((micros, kind)),
        Err(_) => Err(NO_TIME.into()),
    }
}

/// What a bare number in a column of dates may be.
fn guess(number: f64, text: &str) -> String {
    let whole = number as i64;
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let moment = |micros: i64| time::rfc3339(micros);
    let compact = midnight(whole / 10_000, whole / 100 % 100, whole % 100).filter(|_| is_digits && text.len() == 8);
    let may_be = match whole {
        _ if !number.is_finite() => return NO_TIME.into(),
        _ if compact.is_some_and(|_| (1900..2200).contains(&(whole / 10_000))) => {
            let date = day(compact.unwrap_or_default());
            format!(": {date} without dashes?")
        }
        1..=31 if is_digits => ": a day of the month?".into(),
        1900..=2200 if is_digits => ": a year?".into(),
        10_000..=99_999 => {
            let since = (number - 25_569.0) * DAY as f64;
            // Excel counts days and their parts; a second is as near as its serial numbers come.
            let micros = (since / SECOND as f64).round() as i64 * SECOND;
            let shown = if micros % DAY == 0 { day(micros) } else { moment(micros).replace('T', " ").replace('Z', "") };
            format!(": Excel's serial number for {shown}?")
        }
        100_000_000..=9_999_999_999 => format!(": seconds since 1970, {}?", moment(whole.saturating_mul(SECOND))),
        100_000_000_000..=9_999_999_999_999 => {
            format!(": milliseconds since 1970, {}?", moment(whole.saturating_mul(SECOND / 1000)))
        }
        _ => ".".into(),
    };
    format!("a bare number is no date{may_be} Numbers are hours only in a column called time, time_h or hours")
}

#[cfg(test)]
mod tests;

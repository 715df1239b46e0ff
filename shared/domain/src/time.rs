//! Times of readings, and the periods that averages are taken over.
//!
//! A time is a count of microseconds since 1970-01-01T00:00Z. Laboratory exports also have plain hours; those are kept
//! on the same axis (hour 0 is its origin) with a mark, so that they are shown as hours again. Hours with up to eight
//! decimals survive the round trip unchanged.

use super::number::rounded;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Microseconds in an hour.
pub const HOUR: i64 = 3_600_000_000;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;
/// The largest number of hours accepted on either side of the origin: 7,900 years, which calendars still name.
pub const MAX_HOURS: f64 = 69_000_000.0;

/// The form of a time, which decides its meaning and how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TimeKind {
    /// A moment: a date and time with an offset.
    Clock,
    /// A number of hours since an origin of its own.
    Hours,
    /// A date alone, of the site's calendar; stored as its midnight in UTC, whatever the site's time zone.
    Date,
    /// What the site's clock shows; stored as if it were UTC, whatever the site's time zone.
    Local,
}

impl TimeKind {
    /// Whether the moment depends on the site's time zone.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Date | Self::Local)
    }
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither form.
    #[error("a time is a number of hours or RFC 3339, such as 2026-03-01T06:00:00Z")]
    Malformed,
    /// Beyond [`MAX_HOURS`], or not finite.
    #[error("a time lies within 69,000,000 hours of its origin")]
    OutOfRange,
}

/// Parses a number of hours.
#[inline]
pub fn from_hours(hours: f64) -> Result<i64, TimeError> {
    if hours.abs() <= MAX_HOURS { Ok(rounded(hours * HOUR as f64)) } else { Err(TimeError::OutOfRange) }
}

/// Parses an RFC 3339 or ISO 8601 time or date. Without an offset it is taken as UTC.
pub fn from_clock(text: &str) -> Result<i64, TimeError> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return in_range(instant.as_microsecond());
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)))
        .map_err(|_| TimeError::Malformed)?;
    civil_to_micros(civil)
}

/// Parses EPA's `mm/dd/yyyy`.
pub fn from_us_date(text: &str) -> Result<i64, TimeError> {
    let day = Date::strptime("%m/%d/%Y", text.trim()).map_err(|_| TimeError::Malformed)?;
    civil_to_micros(day.at(0, 0, 0, 0))
}

/// Parses either form from the text of a query parameter.
pub fn from_text(text: &str) -> Result<(i64, TimeKind), TimeError> {
    match text.trim().parse::<f64>() {
        Ok(hours) => Ok((from_hours(hours)?, TimeKind::Hours)),
        Err(_) => Ok((from_clock(text)?, TimeKind::Clock)),
    }
}

/// Parses a time of a query into its stored form: hours, a moment, a date or what a clock shows.
pub fn from_query(text: &str) -> Result<(i64, TimeKind), TimeError> {
    let text = text.trim();
    if let Ok(hours) = text.parse::<f64>() {
        return Ok((from_hours(hours)?, TimeKind::Hours));
    }
    let kind = if text.parse::<jiff::Timestamp>().is_ok() {
        TimeKind::Clock
    } else if Date::strptime("%Y-%m-%d", text).is_ok() {
        TimeKind::Date
    } else {
        TimeKind::Local
    };
    Ok((from_clock(text)?, kind))
}

/// Parses the inclusive end of a range: a date without a time means until the end of that day.
pub fn end_from_text(text: &str) -> Result<(i64, TimeKind), TimeError> {
    let (micros, kind) = from_text(text)?;
    let is_day = Date::strptime("%Y-%m-%d", text.trim()).is_ok();
    Ok((if is_day { micros + DAY - 1 } else { micros }, kind))
}

fn civil_to_micros(civil: DateTime) -> Result<i64, TimeError> {
    let instant = TimeZone::UTC.to_timestamp(civil).map_err(|_| TimeError::OutOfRange)?;
    in_range(instant.as_microsecond())
}

/// Whether a time lies within [`MAX_HOURS`] of the origin.
#[inline]
pub fn is_in_range(micros: i64) -> bool {
    micros.unsigned_abs() <= (MAX_HOURS * HOUR as f64) as u64
}

fn in_range(micros: i64) -> Result<i64, TimeError> {
    if is_in_range(micros) { Ok(micros) } else { Err(TimeError::OutOfRange) }
}

/// The time as a number of hours.
pub fn to_hours(micros: i64) -> f64 {
    micros as f64 / HOUR as f64
}

/// A time: a number of hours where that is how it was written, else a date or a date and time (RFC 3339).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Time)]
#[serde(untagged)]
pub enum Shown {
    /// Hours.
    Hours(f64),
    /// RFC 3339.
    Clock(String),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hours(hours) => write!(f, "{hours} h"),
            Self::Clock(text) => f.write_str(text),
        }
    }
}

/// The time in the form in which it was written.
pub fn shown(micros: i64, kind: TimeKind) -> Shown {
    match kind {
        TimeKind::Hours => Shown::Hours(to_hours(micros)),
        TimeKind::Clock | TimeKind::Local => Shown::Clock(rfc3339(micros)),
        TimeKind::Date => Shown::Clock(rfc3339(micros).chars().take(10).collect()),
    }
}

/// RFC 3339 in UTC, with a fraction only if there is one.
pub fn rfc3339(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| format!("{micros} us"), |instant| instant.to_string())
}

/// The same to the second: for when something was done, which nobody needs to know better.
pub fn rfc3339_seconds(micros: i64) -> String {
    rfc3339(micros - micros.rem_euclid(1_000_000))
}

/// The present, in microseconds.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_survive_the_round_trip() {
        for hours in [0.0, 0.1, 1.0, 251.2, 999_999.123_456_78, -3.5] {
            assert_eq!(to_hours(from_hours(hours).unwrap()), hours);
        }
        assert_eq!(from_hours(f64::INFINITY), Err(TimeError::OutOfRange));
        assert!(from_hours(MAX_HOURS).is_ok());
        assert_eq!(from_hours(MAX_HOURS * 1.001), Err(TimeError::OutOfRange));
    }

    #[test]
    fn clock_times_in_every_accepted_form() {
        let noon = from_clock("2026-03-01T12:00:00Z").unwrap();
        for same in ["2026-03-01T12:00:00+00:00", "2026-03-01T06:00:00-06:00", "2026-03-01 12:00", "2026-03-01T12:00"] {
            assert_eq!(from_clock(same), Ok(noon), "{same}");
        }
        assert_eq!(from_clock("2026-03-01"), Ok(noon - 12 * HOUR));
        assert_eq!(from_us_date("03/01/2026"), Ok(noon - 12 * HOUR));
        assert_eq!(from_clock("yesterday"), Err(TimeError::Malformed));
        assert_eq!(rfc3339(noon), "2026-03-01T12:00:00Z");
    }

    #[test]
    fn a_date_as_an_end_is_all_of_its_day() {
        let end = |text| end_from_text(text).map(|(micros, _)| micros);
        let midnight = from_clock("2026-03-01").unwrap();
        assert_eq!(end(" 2026-03-01 "), Ok(midnight + DAY - 1));
        assert_eq!(end("2026-03-01T00:00:00Z"), Ok(midnight));
        assert_eq!(end("24"), Ok(DAY));
        assert_eq!(end("2026-02-30"), Err(TimeError::Malformed));
    }
}

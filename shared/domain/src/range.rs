//! `from` and `to` of a query, with the same meaning on every route: local dates and times of the site; a date includes
//! all of its day.

use crate::calendar::{Calendar, PeriodKind};
use crate::time::{self, TimeError, TimeKind};

/// A range of moments, both included; open if nothing was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub from: i64,
    /// The last.
    pub to: i64,
}

/// A time of a query that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}={text:?}: {error}")]
pub struct RangeError {
    name: String,
    text: String,
    error: TimeError,
}

impl Range {
    /// Parses `from` and `to`.
    pub fn read(from: Option<&str>, to: Option<&str>, calendar: &Calendar) -> Result<Self, RangeError> {
        let from = from.map(|text| moment("from", text, calendar)).transpose()?;
        let to = to.map(|text| moment("to", text, calendar)).transpose()?;
        let end = |(micros, kind)| match kind {
            TimeKind::Date => calendar.around(PeriodKind::Day, micros).end - 1,
            _ => micros,
        };
        Ok(Self { from: from.map_or(i64::MIN, |(micros, _)| micros), to: to.map_or(i64::MAX, end) })
    }
}

/// A time of a query: its moment, and how it is written.
pub fn moment(name: &str, text: &str, calendar: &Calendar) -> Result<(i64, TimeKind), RangeError> {
    let (kept, kind) =
        time::from_query(text).map_err(|error| RangeError { name: name.to_owned(), text: text.to_owned(), error })?;
    Ok((calendar.moment(kept, kind, false), kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR, from_clock};
    use jiff::civil::Weekday;

    #[test]
    fn dates_are_the_sites_and_include_their_last_moment() {
        let utc = Calendar::default();
        let midnight = from_clock("2026-03-31").unwrap();
        let day = Range::read(Some("2026-03-31"), Some("2026-03-31"), &utc).unwrap();
        assert_eq!(day, Range { from: midnight, to: midnight + DAY - 1 });
        let chicago = Calendar::new("America/Chicago", Weekday::Sunday).unwrap();
        let local = Range::read(Some("2026-03-31"), Some("2026-03-31T12:00"), &chicago).unwrap();
        assert_eq!(local, Range { from: midnight + 5 * HOUR, to: midnight + 17 * HOUR });
        let exact = Range::read(Some("2026-03-31T00:00:00Z"), Some("24"), &chicago).unwrap();
        assert_eq!(exact, Range { from: midnight, to: DAY });
        assert_eq!(Range::read(None, None, &utc).unwrap(), Range { from: i64::MIN, to: i64::MAX });
        assert!(
            Range::read(Some("yesterday"), None, &utc).unwrap_err().to_string().starts_with("from=\"yesterday\": ")
        );
    }
}

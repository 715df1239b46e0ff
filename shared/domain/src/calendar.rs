//! A site's calendar: its time zone, the first day of its weeks, and the periods that statistics are taken over.
//!
//! Days are from local midnight to local midnight: those on which clocks change have 23 or 25 hours. Times that are
//! numbers of hours have no place on a site's calendar: their days have 24 hours from hour 0 on, as in UTC.

use super::time::{DAY, TimeError, TimeKind, shown, to_hours};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use std::fmt;

/// The largest offset of local time from UTC: 14 hours, on the Line Islands. The moment of a local time is at most this
/// far from its stored time.
pub const LONGEST_OFFSET: i64 = 14 * 60 * 60 * 1_000_000;

/// The kind of period of a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodKind {
    /// The moment of a reading.
    Instant,
    /// A calendar day.
    Day,
    /// Seven days, from Sunday on unless the permit says another day.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months, from January, April, July or October on.
    Quarter,
    /// A calendar year.
    Year,
}

/// A period: from `start` up to but not including `end`, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first microsecond.
    pub start: i64,
    /// The first microsecond after it.
    pub end: i64,
}

/// A site's time zone and the first day of its weeks. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    week_starts: Weekday,
}

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no time zone is called {0:?}; America/Chicago, Europe/Berlin and UTC are some")]
pub struct UnknownZone(pub String);

impl Default for Calendar {
    /// UTC, weeks from Sunday on (40 CFR 122.2).
    fn default() -> Self {
        Self { zone: TimeZone::UTC, week_starts: Weekday::Sunday }
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Calendar({}, {:?})", self.zone_name(), self.week_starts)
    }
}

impl Calendar {
    /// A calendar by the IANA name of its time zone.
    pub fn new(zone: &str, week_starts: Weekday) -> Result<Self, UnknownZone> {
        if zone.eq_ignore_ascii_case("UTC") {
            return Ok(Self { zone: TimeZone::UTC, week_starts });
        }
        // An offset such as `+05:00` is no zone, and `Local` would be that of the machine.
        let found = TimeZone::get(zone).ok().filter(|zone| zone.iana_name().is_some());
        Ok(Self { zone: found.ok_or_else(|| UnknownZone(zone.to_owned()))?, week_starts })
    }

    /// The name of the time zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first day of a week.
    pub fn week_starts(&self) -> Weekday {
        self.week_starts
    }

    /// Whether local time is UTC.
    pub fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    /// What the site's clock shows at a moment.
    pub fn civil(&self, micros: i64) -> DateTime {
        let moment = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(moment)
    }

    /// The local date at a moment. A clock that is set back over midnight (in St. John's until 2011, from 00:01) shows
    /// the day before once more: that hour belongs to the day that has begun.
    pub fn date(&self, micros: i64) -> Date {
        let shown = self.civil(micros).date();
        match shown.tomorrow() {
            Ok(next) if !self.is_utc() && self.midnight(next) <= micros => next,
            _ => shown,
        }
    }

    /// The moment at which a local day begins.
    pub fn midnight(&self, day: Date) -> i64 {
        self.moment_of(day.to_datetime(Time::midnight()), false)
    }

    /// The moment of a local time. In an hour that a clock shows twice, the second pass if `is_second`. A time that a
    /// clock skips is as long after the change as it would be after the hour before.
    pub fn moment_of(&self, civil: DateTime, is_second: bool) -> i64 {
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let found = if is_second { ambiguous.later() } else { ambiguous.compatible() };
        found.map_or(i64::MAX, Timestamp::as_microsecond)
    }

    /// The moment of a stored time; for a local time it depends on the zone.
    pub fn moment(&self, kept: i64, kind: TimeKind, is_second: bool) -> i64 {
        if !kind.is_local() || self.is_utc() {
            return kept;
        }
        let Ok(as_utc) = Timestamp::from_microsecond(kept) else { return kept };
        self.moment_of(TimeZone::UTC.to_datetime(as_utc), is_second)
    }

    /// The month of a moment, 1 to 12.
    pub fn month_of(&self, micros: i64) -> u8 {
        self.date(micros).month().unsigned_abs()
    }

    /// The period that a moment falls into.
    pub fn around(&self, kind: PeriodKind, micros: i64) -> Period {
        match kind {
            PeriodKind::Instant => Period { start: micros, end: micros.saturating_add(1) },
            PeriodKind::Day if self.is_utc() => {
                let start = micros.div_euclid(DAY) * DAY;
                Period { start, end: start + DAY }
            }
            _ => self.period(first_day(kind, self.date(micros), self.week_starts), kind),
        }
    }

    /// The start of the period that is this many periods after, or before, the one of a moment.
    pub fn shifted(&self, kind: PeriodKind, micros: i64, by: i32) -> i64 {
        let first = first_day(kind, self.date(micros), self.week_starts);
        let span = match kind {
            PeriodKind::Instant => return micros,
            PeriodKind::Day => jiff::Span::new().try_days(by),
            PeriodKind::Week => jiff::Span::new().try_weeks(by),
            PeriodKind::Month => jiff::Span::new().try_months(by),
            PeriodKind::Quarter => jiff::Span::new().try_months(by.saturating_mul(3)),
            PeriodKind::Year => jiff::Span::new().try_years(by),
        };
        let shifted = span.and_then(|span| first.checked_add(span));
        self.midnight(shifted.unwrap_or(if by < 0 { Date::MIN } else { Date::MAX }))
    }

    fn period(&self, first: Date, kind: PeriodKind) -> Period {
        Period { start: self.midnight(first), end: self.midnight(day_after(kind, first)) }
    }

    /// A period's name: `2026-03-01T06:00:00Z`, `2026-03-01`, `2026-03-01/2026-03-07`, `2026-03`, `2026-Q1`, `2026`, or
    /// hours.
    pub fn label(&self, kind: PeriodKind, start: i64, of: TimeKind) -> String {
        if kind == PeriodKind::Instant {
            return self.shown(start, of).to_string();
        }
        if of == TimeKind::Hours {
            let period = Self::default().around(kind, start);
            return format!("{}-{} h", to_hours(period.start), to_hours(period.end));
        }
        let first = first_day(kind, self.date(start), self.week_starts);
        match kind {
            PeriodKind::Year => format!("{:04}", first.year()),
            PeriodKind::Quarter => format!("{:04}-Q{}", first.year(), (first.month() + 2) / 3),
            PeriodKind::Month => format!("{:04}-{:02}", first.year(), first.month()),
            PeriodKind::Week => format!("{first}/{}", day_after(kind, first).yesterday().unwrap_or(first)),
            PeriodKind::Day | PeriodKind::Instant => first.to_string(),
        }
    }

    /// A moment as in JSON: a date if only a date was written.
    pub fn shown(&self, micros: i64, kind: TimeKind) -> super::time::Shown {
        match kind {
            TimeKind::Date => super::time::Shown::Clock(self.date(micros).to_string()),
            kind => shown(micros, kind),
        }
    }
}

/// The first day of the period that a day is in.
fn first_day(kind: PeriodKind, day: Date, week_starts: Weekday) -> Date {
    match kind {
        PeriodKind::Instant | PeriodKind::Day => day,
        PeriodKind::Week => {
            let since = week_starts.until(day.weekday());
            day.checked_sub(jiff::Span::new().days(since)).unwrap_or(day)
        }
        PeriodKind::Month => day.first_of_month(),
        PeriodKind::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).unwrap_or(day),
        PeriodKind::Year => day.first_of_year(),
    }
}

/// The day after the last one of a period that begins on a day.
fn day_after(kind: PeriodKind, first: Date) -> Date {
    let span = match kind {
        PeriodKind::Instant | PeriodKind::Day => jiff::Span::new().days(1),
        PeriodKind::Week => jiff::Span::new().days(7),
        PeriodKind::Month => jiff::Span::new().months(1),
        PeriodKind::Quarter => jiff::Span::new().months(3),
        PeriodKind::Year => jiff::Span::new().years(1),
    };
    first.checked_add(span).unwrap_or(Date::MAX)
}

/// Converts many local times to moments: the offset is looked up once for a day of readings, not for each.
#[derive(Debug)]
pub struct Moments<'a> {
    calendar: &'a Calendar,
    /// A local day, in stored times, with a single offset.
    day: (i64, i64),
    offset: i64,
}

impl<'a> Moments<'a> {
    /// For a calendar.
    pub fn new(calendar: &'a Calendar) -> Self {
        Self { calendar, day: (0, 0), offset: 0 }
    }

    /// The moment of a stored local time.
    #[inline]
    pub fn of(&mut self, kept: i64, is_second: bool) -> i64 {
        if !(self.day.0 <= kept && kept < self.day.1) {
            return self.look(kept, is_second);
        }
        kept - self.offset
    }

    #[cold]
    fn look(&mut self, kept: i64, is_second: bool) -> i64 {
        let start = kept.div_euclid(DAY) * DAY;
        let moment = |kept| self.calendar.moment(kept, TimeKind::Local, false);
        let offset = start - moment(start);
        if start + DAY - moment(start + DAY) == offset {
            (self.day, self.offset) = ((start, start + DAY), offset);
            return kept - offset;
        }
        self.calendar.moment(kept, TimeKind::Local, is_second)
    }
}

/// Parses the name of a day of the week.
pub fn weekday(text: &str) -> Option<Weekday> {
    const DAYS: [(&str, Weekday); 7] = [
        ("sunday", Weekday::Sunday),
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
    ];
    DAYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, day)| *day)
}

/// Parses a local date, `2026-07-01`.
pub fn date_from_text(text: &str) -> Result<Date, TimeError> {
    Date::strptime("%Y-%m-%d", text.trim()).map_err(|_| TimeError::Malformed)
}

#[cfg(test)]
mod tests;

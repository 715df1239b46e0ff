//! When something is due: a crontab line, read by the clock of a site.

use crate::calendar::Calendar;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Ordering;

/// The longest text of a schedule.
const MAX_TEXT: usize = 200;

/// A crontab line of five fields: minute, hour, day of month, month, day of week (0 or 7 is Sunday). `L`, `W`, `#`, and
/// `@daily` and the like are supported. A time that the clock skips in spring is due at the first moment after it; one
/// that it shows twice in autumn is due once, if the line names the hour.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a crontab line such as 0 6 * * * is expected: minute, hour, day of month, month, day of week")]
pub struct NoSchedule(String);

impl Schedule {
    /// Parses a schedule.
    pub fn parse(text: &str) -> Result<Self, NoSchedule> {
        if text.len() > MAX_TEXT {
            return Err(NoSchedule(format!("it is longer than {MAX_TEXT} bytes")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let schedule = parser.parse(text).map(|cron| Self { cron }).map_err(|error| NoSchedule(error.to_string()))?;
        // The 30th of February.
        match schedule.next(0, &Calendar::default()) {
            Some(_) => Ok(schedule),
            None => Err(NoSchedule("it is never due".into())),
        }
    }

    /// When it is next due after a moment, by a site's clock, in microseconds since 1970; `None` if never.
    pub fn next(&self, after: i64, calendar: &Calendar) -> Option<i64> {
        let after = Timestamp::from_second(after.div_euclid(1_000_000)).ok()?;
        let next = self.cron.find_next_occurrence(&Moment { at: after, zone: calendar.zone() }, false).ok()?;
        Some(next.at.as_microsecond())
    }
}

/// A moment by a clock, in whole seconds. The library supports only older versions of `jiff`.
#[derive(Clone, Copy)]
struct Moment<'a> {
    at: Timestamp,
    zone: &'a TimeZone,
}

impl CronDateTime for Moment<'_> {
    fn to_civil(&self) -> CivilDateTime {
        let shown = self.zone.to_datetime(self.at);
        let part = |part: i8| u32::from(part.unsigned_abs());
        let time = CivilTime::from_parts_unchecked(part(shown.hour()), part(shown.minute()), part(shown.second()));
        let date = CivilDate::from_parts_unchecked(shown.year().into(), part(shown.month()), part(shown.day()));
        CivilDateTime::new(date, time)
    }

    fn civil_weekday(&self) -> Weekday {
        let day = self.zone.to_datetime(self.at).weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(day.unsigned_abs().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let parts = [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()];
        let [month, day, hour, minute, second] = parts.map(|part| i8::try_from(part).unwrap_or(i8::MAX));
        let civil = DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| CronError::InvalidDate)?;
        let found = self.zone.to_ambiguous_timestamp(civil);
        let moment =
            |at: Result<Timestamp, jiff::Error>| at.map(|at| Self { at, ..*self }).map_err(|_| CronError::InvalidTime);
        Ok(match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(moment(found.compatible())?),
            AmbiguousOffset::Fold { .. } => Resolution::Ambiguous(moment(found.earlier())?, moment(found.later())?),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        Some(Self { at: self.at.checked_add(SignedDuration::from_secs(seconds)).ok()?, ..*self })
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;
    use jiff::civil::Weekday;

    /// The next times of a schedule, in UTC.
    fn next(schedule: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let calendar = Calendar::new(zone, Weekday::Sunday).unwrap();
        let mut at = time::from_text(after).unwrap().0;
        let mut step = || {
            at = schedule.next(at, &calendar)?;
            Some(time::rfc3339(at))
        };
        (0..count).map_while(|_| step()).collect()
    }

    #[test]
    fn it_goes_by_the_clock_of_the_site() {
        assert_eq!(
            next("0 6 * * *", "America/Chicago", "2026-11-27T12:00:00Z", 2),
            ["2026-11-28T12:00:00Z", "2026-11-29T12:00:00Z"]
        );
        assert_eq!(next("0 6 * * *", "UTC", "2026-11-27T05:59:59.5Z", 1), ["2026-11-27T06:00:00Z"]);
        assert_eq!(next("15 7 1 * *", "Europe/Berlin", "2026-06-20T00:00:00Z", 1), ["2026-07-01T05:15:00Z"]);
        assert_eq!(next("@daily", "UTC", "2026-11-27T05:00:00Z", 1), ["2026-11-28T00:00:00Z"]);
        assert_eq!(next("0 12 * * 0", "UTC", "2026-11-27T05:00:00Z", 1), ["2026-11-29T12:00:00Z"]);
        assert_eq!(next("0 12 * * 7", "UTC", "2026-11-27T05:00:00Z", 1), ["2026-11-29T12:00:00Z"]);
        assert_eq!(next("0 12 29 2 *", "UTC", "2026-11-27T05:00:00Z", 1), ["2028-02-29T12:00:00Z"]);
    }

    /// 8 March and 1 November 2026 in Chicago.
    #[test]
    fn hours_that_are_missing_or_come_twice_bring_one() {
        assert_eq!(
            next("30 2 * * *", "America/Chicago", "2026-03-07T12:00:00Z", 2),
            ["2026-03-08T08:00:00Z", "2026-03-09T07:30:00Z"]
        );
        assert_eq!(
            next("30 1 * * *", "America/Chicago", "2026-10-31T12:00:00Z", 2),
            ["2026-11-01T06:30:00Z", "2026-11-02T07:30:00Z"]
        );
        // An hourly one comes in both.
        assert_eq!(
            next("0 * * * *", "America/Chicago", "2026-11-01T05:30:00Z", 3),
            ["2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z"]
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in
            ["", "6", "0 6 * *", "0 0 6 * * *", "60 6 * * *", "0 24 * * *", "0 6 30 2 *", "every day", "0 6 * * * 2026"]
        {
            assert!(Schedule::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Schedule::parse(&format!("0 6 * * {}", "1,".repeat(100))).unwrap_err().to_string().contains("longer"));
    }
}

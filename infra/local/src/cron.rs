//! `cron(...)` in AWS's format: minutes, hours, day of month, month, day of week, year.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html> and
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>. Weeks begin on Sunday,
//! which is 1; one of the two days is `?`.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::{AmbiguousOffset, TimeZone};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const LAST_YEAR: i16 = 2199;

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Vec<Day>,
    months: Vec<i16>,
    years: Vec<i16>,
}

/// A day that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Any,
    /// A day of the month.
    OfMonth(i8),
    /// The last one of the month.
    Last,
    /// The weekday (Monday to Friday) nearest to a day of the month.
    NearestWeekday(i8),
    /// The last weekday of the month.
    LastWeekday,
    /// A day of the week, from 1 for Sunday.
    OfWeek(i8),
    /// The last such day in the month.
    LastOfWeek(i8),
    /// The first to fifth such day in the month.
    NthOfWeek(i8, i8),
}

impl Cron {
    /// Parses the text between the parentheses.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields[..] else {
            return Err(format!("it has {} fields in place of six", fields.len()));
        };
        let days = match (of_month, of_week) {
            ("?", "?") => return Err("only one of the two days can be ?".to_owned()),
            (of_month, "?") => list(of_month, day_of_month)?,
            ("?", of_week) => list(of_week, day_of_week)?,
            _ => return Err("one of day of month and day of week must be ?".to_owned()),
        };
        let numbers = |text: &str, what: &str, from, to, names: &'static [&'static str]| {
            let mut all = list(text, |item| range(item, what, from, to, names))?;
            all.sort_unstable();
            all.dedup();
            Ok::<_, String>(all)
        };
        Ok(Self {
            minutes: numbers(minutes, "minutes", 0, 59, &[])?,
            hours: numbers(hours, "hours", 0, 23, &[])?,
            days,
            months: numbers(months, "months", 1, 12, &MONTHS)?,
            years: numbers(years, "years", 1970, LAST_YEAR, &[])?,
        })
    }

    /// The first time after a moment; `None` if there are no more. A local time that a change of clocks skips is left
    /// out, and one that occurs twice counts once.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut day = after.to_zoned_datetime(zone.clone()).date();
        while day.year() <= *self.years.last()? {
            if !self.years.contains(&day.year()) {
                day = date(day.year() + 1, 1, 1);
            } else if !self.months.contains(&i16::from(day.month())) {
                day = day.last_of_month().tomorrow().ok()?;
            } else {
                if self.days.iter().any(|fitting| fitting.is(day))
                    && let Some(found) = self.times(day, zone).find(|time| *time > after)
                {
                    return Some(found);
                }
                day = day.tomorrow().ok()?;
            }
        }
        None
    }

    fn times(&self, day: Date, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        let times = self.hours.iter().flat_map(move |hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
        times.filter_map(move |(hour, minute)| {
            let time = day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
            match zone.to_ambiguous_timestamp(time).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok(),
                AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok(),
                AmbiguousOffset::Gap { .. } => None,
            }
        })
    }
}

impl Day {
    fn is(self, day: Date) -> bool {
        let days = day.days_in_month();
        match self {
            Self::Any => true,
            Self::OfMonth(number) => day.day() == number,
            Self::Last => day.day() == days,
            Self::NearestWeekday(number) => day.day() == nearest_weekday(day, number.min(days)),
            Self::LastWeekday => day.day() == last_weekday(day),
            Self::OfWeek(number) => of_week(day) == number,
            Self::LastOfWeek(number) => of_week(day) == number && day.day() + 7 > days,
            Self::NthOfWeek(number, nth) => of_week(day) == number && (day.day() - 1) / 7 + 1 == nth,
        }
    }
}

fn of_week(day: Date) -> i8 {
    day.weekday().to_sunday_one_offset()
}

/// The nearest weekday within the same month: if the first is a Saturday, it is Monday the third.
fn nearest_weekday(month: Date, number: i8) -> i8 {
    let wanted = date(month.year(), month.month(), number);
    match wanted.weekday() {
        Weekday::Saturday if number == 1 => 3,
        Weekday::Saturday => number - 1,
        Weekday::Sunday if number == month.days_in_month() => number - 2,
        Weekday::Sunday => number + 1,
        _ => number,
    }
}

fn last_weekday(month: Date) -> i8 {
    let last = month.last_of_month();
    match last.weekday() {
        Weekday::Saturday => last.day() - 1,
        Weekday::Sunday => last.day() - 2,
        _ => last.day(),
    }
}

fn list<T>(text: &str, item: impl Fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    let items = text.split(',').map(item).collect::<Result<Vec<_>, _>>()?;
    Ok(items.into_iter().flatten().collect())
}

/// `*`, `5`, `5-7`, `*/15`, `5/10` or `5-20/5`.
fn range(item: &str, what: &str, from: i16, to: i16, names: &[&str]) -> Result<Vec<i16>, String> {
    let wrong = || format!("{item} is not among the {what}, which are {from} to {to}");
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| *step > 0).ok_or_else(wrong)?)),
        None => (item, None),
    };
    let number = |text: &str| {
        let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let number = named.and_then(|at| i16::try_from(at).ok()).map(|at| from + at).or_else(|| text.parse().ok());
        number.filter(|number| (from..=to).contains(number)).ok_or_else(wrong)
    };
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (from, to),
        Some((first, last)) => (number(first)?, number(last)?),
        None if step.is_some() => (number(range)?, to),
        None => (number(range)?, number(range)?),
    };
    // A range may wrap around, as FRI-MON does.
    let all: Vec<_> = if first <= last { (first..=last).collect() } else { (first..=to).chain(from..=last).collect() };
    Ok(all.into_iter().step_by(step.unwrap_or(1)).collect())
}

fn day_of_month(item: &str) -> Result<Vec<Day>, String> {
    let day = |text: &str| range(text, "days of a month", 1, 31, &[])?.first().copied().ok_or_else(String::new);
    let short = |number: i16| i8::try_from(number).map_err(|error| error.to_string());
    Ok(match item {
        "*" => vec![Day::Any],
        "L" => vec![Day::Last],
        "LW" | "WL" => vec![Day::LastWeekday],
        _ => match item.strip_suffix('W') {
            Some(number) => vec![Day::NearestWeekday(short(day(number)?)?)],
            None => {
                let days = range(item, "days of a month", 1, 31, &[])?;
                days.into_iter().map(|number| Ok(Day::OfMonth(short(number)?))).collect::<Result<_, String>>()?
            }
        },
    })
}

fn day_of_week(item: &str) -> Result<Vec<Day>, String> {
    let days = |text: &str| -> Result<Vec<i8>, String> {
        let days = range(text, "days of a week", 1, 7, &DAYS)?;
        days.into_iter().map(|number| i8::try_from(number).map_err(|error| error.to_string())).collect()
    };
    if item == "*" {
        return Ok(vec![Day::Any]);
    }
    if item == "L" {
        return Ok(vec![Day::OfWeek(7)]);
    }
    if let Some((day, nth)) = item.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
        let nth = nth.ok_or_else(|| format!("{item} must have 1 to 5 after #"))?;
        return Ok(days(day)?.into_iter().map(|day| Day::NthOfWeek(day, nth)).collect());
    }
    if let Some(day) = item.strip_suffix('L') {
        return Ok(days(day)?.into_iter().map(Day::LastOfWeek).collect());
    }
    Ok(days(item)?.into_iter().map(Day::OfWeek).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next times, local.
    fn next(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let (cron, zone) = (Cron::parse(text).unwrap(), TimeZone::get(zone).unwrap());
        let mut at: Timestamp = after.parse().unwrap();
        let mut times = Vec::new();
        for _ in 0..count {
            let Some(time) = cron.next(at, &zone) else { break };
            times.push(time.to_zoned_datetime(zone.clone()).strftime("%a %Y-%m-%dT%H:%M").to_string());
            at = time;
        }
        times
    }

    #[test]
    fn the_examples_of_aws() {
        let after = "2026-11-27T01:00:00Z";
        for (text, expected) in [
            ("0 10 * * ? *", vec!["Fri 2026-11-27T10:00", "Sat 2026-11-28T10:00"]),
            ("15 12 * * ? *", vec!["Fri 2026-11-27T12:15", "Sat 2026-11-28T12:15"]),
            ("0 18 ? * MON-FRI *", vec!["Fri 2026-11-27T18:00", "Mon 2026-11-30T18:00"]),
            ("0 8 1 * ? *", vec!["Tue 2026-12-01T08:00", "Fri 2027-01-01T08:00"]),
            ("0/15 * * * ? *", vec!["Fri 2026-11-27T01:15", "Fri 2026-11-27T01:30"]),
            ("0/10 * ? * MON-FRI *", vec!["Fri 2026-11-27T01:10", "Fri 2026-11-27T01:20"]),
            ("0/5 8-17 ? * MON-FRI *", vec!["Fri 2026-11-27T08:00", "Fri 2026-11-27T08:05"]),
            ("15 10 ? * 6L 2026-2030", vec!["Fri 2026-11-27T10:15", "Fri 2026-12-25T10:15"]),
            ("0 9 ? * 2#1 *", vec!["Mon 2026-12-07T09:00", "Mon 2027-01-04T09:00"]),
            ("0 9 L * ? *", vec!["Mon 2026-11-30T09:00", "Thu 2026-12-31T09:00"]),
            ("0 9 LW 1 ? *", vec!["Fri 2027-01-29T09:00", "Mon 2028-01-31T09:00"]),
            ("0 9 15W 5,8 ? *", vec!["Fri 2027-05-14T09:00", "Mon 2027-08-16T09:00"]),
            ("0 9 1W 5 ? *", vec!["Mon 2027-05-03T09:00", "Mon 2028-05-01T09:00"]),
            ("0 0 29 FEB ? *", vec!["Tue 2028-02-29T00:00", "Sun 2032-02-29T00:00"]),
            ("0 0 ? * FRI-SUN *", vec!["Sat 2026-11-28T00:00", "Sun 2026-11-29T00:00", "Fri 2026-12-04T00:00"]),
            ("0 0 1 1 ? 2026", vec![]),
            ("30,45 1 ? * L 2026", vec!["Sat 2026-11-28T01:30", "Sat 2026-11-28T01:45"]),
        ] {
            assert_eq!(next(text, "UTC", after, expected.len().max(1)), expected, "{text}");
        }
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let daily = "30 2 * * ? *";
        let spring = next(daily, "Europe/Berlin", "2027-03-27T00:00:00Z", 3);
        assert_eq!(spring, ["Sat 2027-03-27T02:30", "Mon 2027-03-29T02:30", "Tue 2027-03-30T02:30"]);
        let autumn = next(daily, "Europe/Berlin", "2027-10-30T00:00:00Z", 3);
        assert_eq!(autumn, ["Sat 2027-10-30T02:30", "Sun 2027-10-31T02:30", "Mon 2027-11-01T02:30"]);
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        for (text, message) in [
            ("0 12 * * *", "it has 5 fields in place of six"),
            ("0 12 * * * *", "one of day of month and day of week must be ?"),
            ("0 12 ? * ? *", "only one of the two days can be ?"),
            ("60 12 * * ? *", "60 is not among the minutes, which are 0 to 59"),
            ("0 24 * * ? *", "24 is not among the hours"),
            ("0 12 0 * ? *", "0 is not among the days of a month"),
            ("0 12 * 13 ? *", "13 is not among the months"),
            ("0 12 ? * 0 *", "0 is not among the days of a week"),
            ("0 12 ? * 2#6 *", "2#6 must have 1 to 5 after #"),
            ("0 12 * * ? 2200", "2200 is not among the years"),
            ("0/0 12 * * ? *", "0/0 is not among the minutes"),
            ("x 12 * * ? *", "x is not among the minutes"),
        ] {
            let error = Cron::parse(text).unwrap_err();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}

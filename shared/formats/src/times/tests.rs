use super::*;
use jiff::civil;
use proptest::prelude::*;

fn read(text: &str) -> Result<String, String> {
    Dates::default().read(text.as_bytes()).map(|(micros, kind)| format!("{kind:?} {}", time::rfc3339(micros)))
}

fn is(text: &str, said: &str) {
    assert_eq!(read(text).as_deref(), Ok(said), "{text}");
}

/// What dates are read as, once all of them are known.
fn file(texts: &[&str]) -> Vec<Option<String>> {
    let mut first = Dates::default();
    texts.iter().for_each(|text| drop(first.read(text.as_bytes())));
    let mut second = Dates::new(first.learned());
    let read = texts.iter().map(|text| second.read(text.as_bytes()).ok().map(|(micros, _)| day(micros))).collect();
    assert_eq!(second.learned(), first.learned(), "a second reading learns the same");
    read
}

#[test]
fn an_offset_makes_a_moment_and_none_the_sites_time() {
    for text in [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T06:00:00-06:00",
        "2026-03-01 06:00 -0600",
        "2026-03-01 6:00 AM CST",
        "2026-03-01T12:00:00.000Z",
        "2026-03-01 12:00 UTC",
        "2026-03-01T17:30+05:30",
        "20260301T120000Z",
    ] {
        is(text, "Clock 2026-03-01T12:00:00Z");
    }
    for text in [
        "2026-03-01 12:00",
        "2026-03-01T12:00:00",
        "2026-03-01 12:00:00.0",
        "2026-03-01 12:00 PM",
        "2026/3/1 12:00",
        "1-Mar-2026 12:00",
        "March 1, 2026 12:00 p.m.",
    ] {
        is(text, "Local 2026-03-01T12:00:00Z");
    }
    for text in ["2026-03-01", "2026/03/01", "2026.3.1", "01-MAR-2026", "1 Mar 2026", "Mar 1, 2026"] {
        is(text, "Date 2026-03-01T00:00:00Z");
    }
}

#[test]
fn twelve_hour_clocks_and_hour_24() {
    is("2026-03-02 1:15:00 PM", "Local 2026-03-02T13:15:00Z");
    is("2026-03-02 12:05:00 AM", "Local 2026-03-02T00:05:00Z");
    is("2026-03-02 12:05pm", "Local 2026-03-02T12:05:00Z");
    is("2026-05-14 24:00", "Local 2026-05-15T00:00:00Z");
    is("2026-12-31T24:00:00Z", "Clock 2027-01-01T00:00:00Z");
    is("2026-03-02 23:59:59.25", "Local 2026-03-02T23:59:59.25Z");
    for text in
        ["2026-03-02 13:15 PM", "2026-03-02 0:15 AM", "2026-03-02 24:01", "2026-03-02 25:00", "2026-03-02 12:60"]
    {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn no_times() {
    for text in
        ["", "Total", "noon", "2026-13-01", "2026-02-29", "13/45/2024", "2026-03", "2026-03-01T", "12:00", "3/1"]
    {
        assert!(read(text).is_err(), "{text}");
    }
    assert!(read("3/14/26").unwrap_err().contains("two digits"));
    assert!(Dates::default().read(b"\xff").is_err());
    is("2024-02-29", "Date 2024-02-29T00:00:00Z");
}

#[test]
fn bare_numbers_are_refused_with_a_guess() {
    for (text, guess) in [
        ("46082", "Excel's serial number for 2026-03-01?"),
        ("46083.5", "Excel's serial number for 2026-03-02 12:00:00?"),
        ("20260301", "2026-03-01 without dashes?"),
        ("1772452800", "seconds since 1970, 2026-03-02T12:00:00Z?"),
        ("1772452800000", "milliseconds since 1970, 2026-03-02T12:00:00Z?"),
        ("3", "a day of the month?"),
        ("2026", "a year?"),
        ("1.5", "a bare number is no date. Numbers are hours only in"),
        ("-7", "a bare number is no date. Numbers are hours only in"),
        ("20261399", "a bare number is no date. Numbers are hours only in"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(guess), "{text}: {said}");
    }
}

#[test]
fn the_whole_file_decides_the_order_of_dates() {
    let some = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned())).to_vec();
    assert_eq!(file(&["03/04/2026", "05/04/2026", "25/03/2026"]), some(["2026-04-03", "2026-04-05", "2026-03-25"]));
    assert_eq!(file(&["3/4/2026", "3-4-2026", "3/25/2026"]), some(["2026-03-04", "2026-03-04", "2026-03-25"]));
    assert_eq!(file(&["1/13/2026", "1/20/2026", "1/27/2026"]), some(["2026-01-13", "2026-01-20", "2026-01-27"]));
    assert_eq!(file(&["3/4/2026", "5/6/2026", "7/7/2026"]), [None, None, Some("2026-07-07".into())]);
    assert_eq!(file(&["25/3/2026", "3/25/2026", "3/4/2026"]), [None, None, None]);
    let doubtful = read("03/04/2026").unwrap_err();
    assert_eq!(doubtful, "doubtful: may be 2026-03-04 or 2026-04-03, and no other date of the file decides it");
}

#[test]
fn an_order_that_is_given_is_kept() {
    let mut dates = Dates::new(DateOrder::DayFirst);
    assert_eq!(dates.read(b"3/4/2026").map(|(micros, _)| day(micros)), Ok("2026-04-03".into()));
    assert_eq!(dates.read(b"3/25/2026"), Err("no date in the order day/month/year".into()));
}

#[test]
fn a_date_and_a_time_in_two_columns() {
    let joined = |date: &str, of_day: &str| {
        let read = Dates::default().joined(date.as_bytes(), of_day.as_bytes());
        read.map(|(micros, kind)| format!("{kind:?} {}", time::rfc3339(micros)))
    };
    assert_eq!(joined("2026-03-01", "6:30 PM").as_deref(), Ok("Local 2026-03-01T18:30:00Z"));
    assert_eq!(joined("2026-03-01 00:00:00", "06:30").as_deref(), Ok("Local 2026-03-01T06:30:00Z"));
    assert_eq!(joined("2026-03-01", "06:30Z").as_deref(), Ok("Clock 2026-03-01T06:30:00Z"));
    assert_eq!(joined("2026-03-01", "").as_deref(), Ok("Date 2026-03-01T00:00:00Z"));
    assert!(joined("2026-03-01", "1.5").is_err());
    assert!(joined("2026-03-01 08:00", "06:30").is_err());
}

proptest! {
    /// Every day is the one that the calendar library finds.
    #[test]
    fn days_are_those_of_the_calendar(year in -50..9800i16, month in 0..14i8, of_month in 0..33i8) {
        let expected = civil::Date::new(year, month, of_month).ok().map(|date| {
            let midnight = date.at(0, 0, 0, 0);
            jiff::tz::TimeZone::UTC.to_timestamp(midnight).unwrap().as_microsecond()
        });
        prop_assert_eq!(midnight(year.into(), month.into(), of_month.into()), expected);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9/:. TZAPM+-]{0,24}|\\PC{0,16}") {
        let mut dates = Dates::default();
        if let Ok((micros, _)) = dates.read(text.as_bytes()) {
            prop_assert!(time::is_in_range(micros));
        }
    }
}

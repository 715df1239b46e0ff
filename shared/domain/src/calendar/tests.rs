use super::*;
use crate::time::{HOUR, from_clock, from_hours, rfc3339};
use proptest::prelude::*;

fn chicago() -> Calendar {
    Calendar::new("America/Chicago", Weekday::Sunday).unwrap()
}

fn at(text: &str) -> i64 {
    from_clock(text).unwrap()
}

#[test]
fn periods_and_their_names_in_utc() {
    let calendar = Calendar::default();
    // 2026-03-04 is a Wednesday.
    let t = at("2026-03-04T05:06:07Z");
    let kinds = [
        (PeriodKind::Instant, "2026-03-04T05:06:07Z"),
        (PeriodKind::Day, "2026-03-04"),
        (PeriodKind::Week, "2026-03-01/2026-03-07"),
        (PeriodKind::Month, "2026-03"),
        (PeriodKind::Quarter, "2026-Q1"),
        (PeriodKind::Year, "2026"),
    ];
    for (kind, name) in kinds {
        assert_eq!(calendar.label(kind, t, TimeKind::Clock), name);
    }
    assert_eq!(calendar.label(PeriodKind::Instant, at("2026-03-04"), TimeKind::Date), "2026-03-04");
    assert_eq!(calendar.label(PeriodKind::Day, from_hours(75.0).unwrap(), TimeKind::Hours), "72-96 h");
    assert_eq!(chicago().label(PeriodKind::Day, from_hours(75.0).unwrap(), TimeKind::Hours), "72-96 h");
    assert_eq!(rfc3339(calendar.around(PeriodKind::Month, t).end), "2026-04-01T00:00:00Z");
    let monday = Calendar::new("UTC", Weekday::Monday).unwrap();
    assert_eq!(monday.label(PeriodKind::Week, at("2026-03-01"), TimeKind::Clock), "2026-02-23/2026-03-01");
}

#[test]
fn local_days_have_23_and_25_hours_when_clocks_change() {
    let calendar = chicago();
    let hours = |text: &str| {
        let day = calendar.around(PeriodKind::Day, at(text));
        (day.end - day.start) / HOUR
    };
    assert_eq!(
        [hours("2026-03-08T12:00-05:00"), hours("2026-11-01T12:00-06:00"), hours("2026-07-01T12:00-05:00")],
        [23, 25, 24]
    );
    let evening = at("2026-03-31T22:00:00-05:00");
    assert_eq!(calendar.label(PeriodKind::Month, evening, TimeKind::Clock), "2026-03");
    assert_eq!(Calendar::default().label(PeriodKind::Month, evening, TimeKind::Clock), "2026-04");
}

#[test]
fn a_clock_that_goes_back_over_midnight_begins_no_day_anew() {
    // In 2010 it went from 00:01 on 7 November back to 23:01 on the sixth.
    let calendar = Calendar::new("America/St_Johns", Weekday::Sunday).unwrap();
    let day = |text: &str| calendar.label(PeriodKind::Day, at(text), TimeKind::Clock);
    let days =
        ["2010-11-07T02:29Z", "2010-11-07T02:30Z", "2010-11-07T02:31Z", "2010-11-07T03:29Z", "2010-11-07T03:30Z"];
    assert_eq!(days.map(day), ["2010-11-06", "2010-11-07", "2010-11-07", "2010-11-07", "2010-11-07"]);
    let sunday = calendar.around(PeriodKind::Day, at("2010-11-07T03:00Z"));
    assert_eq!((rfc3339(sunday.start), (sunday.end - sunday.start) / HOUR), ("2010-11-07T02:30:00Z".into(), 25));
}

#[test]
fn local_times_are_moments_of_the_zone() {
    let calendar = chicago();
    let moment = |text: &str, is_second| rfc3339(calendar.moment(at(text), TimeKind::Local, is_second));
    assert_eq!(moment("2026-07-01T10:00", false), "2026-07-01T15:00:00Z");
    // 01:30 comes twice on that day, 02:30 not at all on the other.
    assert_eq!(moment("2026-11-01T01:30", false), "2026-11-01T06:30:00Z");
    assert_eq!(moment("2026-11-01T01:30", true), "2026-11-01T07:30:00Z");
    assert_eq!(moment("2026-03-08T02:30", false), "2026-03-08T08:30:00Z");
    let clock = at("2026-07-01T10:00Z");
    assert_eq!(calendar.moment(clock, TimeKind::Clock, false), clock);
}

#[test]
fn zones_have_names() {
    assert!(Calendar::new("Mars/Olympus", Weekday::Sunday).is_err());
    assert!(Calendar::new("", Weekday::Sunday).is_err());
    assert_eq!(Calendar::new("utc", Weekday::Sunday).unwrap().zone_name(), "UTC");
    assert_eq!(chicago().zone_name(), "America/Chicago");
    assert_eq!([weekday(" Monday"), weekday("mon")], [Some(Weekday::Monday), None]);
}

#[test]
fn periods_are_shifted() {
    let calendar = chicago();
    let t = at("2026-03-31T22:00:00-05:00");
    let shifted = |kind, by| calendar.label(kind, calendar.shifted(kind, t, by), TimeKind::Clock);
    assert_eq!(shifted(PeriodKind::Month, -11), "2025-04");
    assert_eq!(shifted(PeriodKind::Day, 29), "2026-04-29");
    assert_eq!(shifted(PeriodKind::Week, 1), "2026-04-05/2026-04-11");
    assert_eq!(shifted(PeriodKind::Quarter, -1), "2025-Q4");
}

proptest! {
    /// Whatever the zone, a period holds its moment, ends after it begins, and the next one begins where it ends.
    #[test]
    fn periods_follow_each_other(micros in -2_000_000_000_000_000i64..4_000_000_000_000_000, zone in 0usize..7) {
        let zones = [
            "UTC",
            "America/Chicago",
            "America/St_Johns",
            "Europe/Berlin",
            "Pacific/Apia",
            "Pacific/Kiritimati",
            "Australia/Lord_Howe",
        ];
        let calendar = Calendar::new(zones[zone], Weekday::Sunday).unwrap();
        for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month, PeriodKind::Quarter, PeriodKind::Year] {
            let period = calendar.around(kind, micros);
            prop_assert!(period.start <= micros && micros < period.end);
            prop_assert_eq!(calendar.around(kind, period.start), period);
            prop_assert_eq!(calendar.around(kind, period.end).start, period.end);
            prop_assert_eq!(calendar.shifted(kind, micros, 1), period.end);
        }
    }

    /// A lookup for a day finds what a lookup for each time finds.
    #[test]
    fn moments_by_the_day_are_those_one_by_one(kept in prop::collection::vec(1_770_000_000_000_000i64..1_800_000_000_000_000, 1..50)) {
        let calendar = chicago();
        let mut moments = Moments::new(&calendar);
        for kept in kept {
            prop_assert_eq!(moments.of(kept, false), calendar.moment(kept, TimeKind::Local, false));
        }
    }
}

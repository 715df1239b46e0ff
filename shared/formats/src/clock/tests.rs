use super::*;

/// Eastern time, which shows 2026-11-01 01:00 to 02:00 twice.
fn eastern() -> TimeZone {
    TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap()
}

fn at(text: &str) -> i64 {
    time::from_clock(text).unwrap()
}

/// Which of the times, in the order of rows, are in the second hour; read as often as there is something to learn.
fn second(times: &[&str]) -> (Vec<usize>, usize) {
    let mut folds = Folds::new();
    loop {
        let mut clock = Clock::new(i64::MAX, folds.clone());
        let site = clock.add("Plant", Some(eastern()));
        let shown: Vec<_> =
            times.iter().map(|time| clock.look(site, 7, at(time), TimeKind::Local, || "id".into())).collect();
        let learned = clock.learned(|_| "id".into());
        if learned == folds {
            let is_second = |place: &usize| shown[*place] == Shown::Good { is_second: true };
            return ((0..times.len()).filter(is_second).collect(), clock.notes().len());
        }
        assert!(folds.is_empty(), "a second reading learns the same");
        folds = learned;
    }
}

#[test]
fn the_second_pass_begins_where_the_time_goes_back() {
    let hourly = ["2026-11-01T00:00", "2026-11-01T01:00", "2026-11-01T01:00", "2026-11-01T02:00"];
    assert_eq!(second(&hourly), (vec![2], 0));
    let halves = ["2026-11-01T01:00", "2026-11-01T01:30", "2026-11-01T01:00", "2026-11-01T01:30", "2026-11-01T02:00"];
    assert_eq!(second(&halves), (vec![2, 3], 0));
}

#[test]
fn backwards_the_second_hour_comes_first() {
    let halves = ["2026-11-01T02:00", "2026-11-01T01:30", "2026-11-01T01:00", "2026-11-01T01:30", "2026-11-01T01:00"];
    assert_eq!(second(&halves), (vec![1, 2], 0));
    let hourly = ["2026-11-01T03:00", "2026-11-01T02:00", "2026-11-01T01:00", "2026-11-01T01:00", "2026-11-01T00:00"];
    assert_eq!(second(&hourly), (vec![2], 0));
}

#[test]
fn without_an_order_all_are_in_the_first_hour_and_it_is_said() {
    assert_eq!(second(&["2026-11-01T00:30", "2026-11-01T01:30", "2026-11-01T02:30"]), (vec![], 1));
    let pairs = ["2026-11-01T01:00", "2026-11-01T01:00", "2026-11-01T01:30", "2026-11-01T01:30", "2026-11-01T02:00"];
    assert_eq!(second(&pairs), (vec![], 1));
}

#[test]
fn other_hours_are_shown_once() {
    let times = ["2026-03-08T02:30", "2026-07-01T01:30", "2026-07-01T01:30", "2026-11-01T00:59", "2026-11-01T02:00"];
    assert_eq!(second(&times), (vec![], 0));
    // A site in UTC, or of which no zone is known.
    let mut clock = Clock::new(i64::MAX, Folds::new());
    let site = clock.add("Plant", None);
    for _ in 0..2 {
        let shown = clock.look(site, 0, at("2026-11-01T01:00"), TimeKind::Local, String::new);
        assert_eq!(shown, Shown::Good { is_second: false });
    }
    assert_eq!(clock.local_sites(), ["Plant"]);
}

#[test]
fn a_time_is_in_the_future_by_the_sites_clock() {
    let mut clock = Clock::new(at("2026-07-01T12:00:00Z"), Folds::new());
    let (eastern, utc) = (clock.add("East", Some(eastern())), clock.add("Other", None));
    let mut is_future = |site, text, kind| clock.look(site, 0, at(text), kind, String::new) == Shown::Future;
    assert!(!is_future(utc, "2026-07-02T12:00:00Z", TimeKind::Clock));
    assert!(is_future(utc, "2026-07-02T12:00:01Z", TimeKind::Clock));
    assert!(!is_future(eastern, "2026-07-02T08:00", TimeKind::Local));
    assert!(is_future(eastern, "2026-07-02T08:01", TimeKind::Local));
    assert!(!is_future(utc, "2026-07-02T08:01", TimeKind::Local));
    assert!(!is_future(utc, "2026-07-02", TimeKind::Date));
    assert!(is_future(utc, "2026-07-03", TimeKind::Date));
    assert!(!is_future(utc, "9000-01-01", TimeKind::Hours));
}

//! Where a sign, a limit and a value meet, and where a month meets the next one.

use super::*;
use crate::evaluate::Surveyor;
use crate::time::DAY;
use Qualifier::{Equal, Greater, Less};

const MINUTE: i64 = 60_000_000;

/// The exceedances with their signs, and how many values are open, of limits of 5.
fn found(statistic: &str, direction: Direction, rows: &[(i64, f64, Qualifier)]) -> (Vec<(f64, Qualifier)>, u64) {
    let verdict = verdict(&rule(named(statistic), 5.0, direction), &qualified(rows));
    let exceedances = &verdict.exceedances;
    let signs = exceedances.flags.iter().map(|flags| flags.qualifier());
    (exceedances.values.iter().copied().zip(signs).collect(), verdict.inconclusive)
}

#[test]
fn the_highest_may_be_the_limit_itself_whatever_another_sign_says() {
    let max = |rows: &[(i64, f64, Qualifier)]| found("daily_max", Direction::Max, rows);
    assert_eq!(max(&[(0, 5.0, Equal), (1, 3.0, Greater)]), (vec![], 1), "5 is in order, above 3 may be beyond");
    assert_eq!(max(&[(0, 5.0, Greater), (1, 3.0, Equal)]), (vec![(5.0, Greater)], 0), "above 5 is beyond");
    assert_eq!(max(&[(0, 5.0, Equal), (1, 5.0, Greater)]), (vec![(5.0, Greater)], 0));
    let min = |rows: &[(i64, f64, Qualifier)]| found("daily_min", Direction::Min, rows);
    assert_eq!(min(&[(0, 5.0, Equal), (1, 9.0, Less)]), (vec![], 1));
    assert_eq!(min(&[(0, 9.0, Equal), (1, 5.0, Less)]), (vec![(5.0, Less)], 0));
    let weeks = [(0, 5.0, Equal), (7 * DAY, 3.0, Greater)];
    assert_eq!(found("weekly_avg_max", Direction::Max, &weeks), (vec![], 1));
}

#[test]
fn of_equal_results_the_one_with_a_sign_is_shown_in_whatever_order_they_came() {
    for rows in [[(0, 9.0, Equal), (1, 9.0, Greater)], [(0, 9.0, Greater), (1, 9.0, Equal)]] {
        assert_eq!(found("daily_max", Direction::Max, &rows), (vec![(9.0, Greater)], 0));
    }
}

#[test]
fn a_week_of_non_detects_is_not_shown_as_the_highest() {
    let weeks = [(0, 6.0, Equal), (7 * DAY, 9.0, Less)];
    assert_eq!(found("weekly_avg_max", Direction::Max, &weeks), (vec![(6.0, Equal)], 0));
    let weeks = [(0, 6.0, Less), (7 * DAY, 9.0, Less)];
    assert_eq!(found("weekly_avg_max", Direction::Max, &weeks), (vec![], 1));
}

#[test]
fn a_mean_above_the_limit_by_its_sign_is_beyond_it_though_its_fraction_is_not_exact() {
    let rows = qualified(&[(0, 0.1, Equal), (1, 0.2, Equal), (2, 0.3, Greater)]);
    for statistic in [named("daily_avg"), Statistic::rolling_mean(3)] {
        let verdict = verdict(&rule(statistic, 0.2, Direction::Max), &rows);
        assert_eq!((verdict.exceedances.len(), verdict.inconclusive), (1, 0), "{statistic}");
    }
}

#[test]
fn a_result_above_what_is_rounded_to_the_limit_may_be_rounded_to_it_too() {
    let limit = Limit { decimals: Some(0), ..Limit::plain("X", 10.0, "mg/L", Statistic::INSTANT) };
    let rows = qualified(&[(0, 10.4, Greater), (1, 10.5, Greater), (2, 10.4, Equal), (3, 10.4, Less)]);
    let verdict = verdict(&of(limit), &rows);
    assert_eq!((verdict.exceedances.times, verdict.inconclusive), (vec![1], 1));
}

#[test]
fn the_first_reading_of_a_month_decides_how_long_the_last_one_of_the_month_before_holds() {
    let at = |text: &str| from_clock(text).unwrap();
    let rule = rule(named("as_excursion"), 9.0, Direction::Max);
    let before = [(at("2026-02-28T22:00"), 10.0), (at("2026-03-09"), 7.0)];
    assert_eq!(judge(&rule, &columns(&before)), [], "nobody knows how long it was outside");
    let new = (at("2026-03-01T01:00"), 7.0);
    let mut judge = Judge::new(&rule, (new.0, new.0));
    judge.feed(&columns(&[before[0], new, before[1]]));
    let found = judge.finish().exceedances;
    assert_eq!((found.times, found.values), (vec![before[0].0], vec![120.0]));
}

#[test]
fn excursions_over_the_end_of_a_month_and_into_a_gap() {
    let at = |text: &str| from_clock(text).unwrap();
    let rule = rule(named("as_excursion"), 9.0, Direction::Max);
    let over = |start: &str, end: &str| {
        let rows = [("2026-03-31T22:00", 7.0), (start, 10.0), ("2026-03-31T23:50", 10.0), (end, 7.0)];
        judge(&rule, &columns(&rows.map(|(time, value)| (at(time), value))))
    };
    let (march, april) = (at("2026-03-31T22:55"), at("2026-04-01"));
    assert_eq!(over("2026-03-31T23:20", "2026-04-01T00:20"), []);
    assert_eq!(over("2026-03-31T23:20", "2026-04-01T00:21"), [(april, 61.0)]);
    assert_eq!(over("2026-03-31T22:55", "2026-04-01T00:20"), [(march, 65.0)]);
    let mut rows = vec![columns(&[(0, 7.0), (MINUTE, 10.0), (2 * MINUTE, 10.0), (90 * MINUTE, 7.0)])];
    let survey = Surveyor::new(&rule, (0, 90 * MINUTE)).run(|| Ok::<_, ()>(rows.pop())).unwrap();
    assert_eq!((survey.gaps, survey.exceedances_total()), (1, 0), "it is cut short after a minute");
}

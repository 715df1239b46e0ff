use super::*;
use crate::columns::{Columns, Row};
use crate::permit::{NonDetect, Season, Statistic};
use crate::permit_json;
use crate::reading::{Direction, Flags, Qualifier, Series};
use crate::time::{HOUR, TimeKind, from_clock};
use serde_json::json;

mod properties;

fn rule(statistic: Statistic, value: f64, direction: Direction) -> Rule {
    let name = match statistic {
        Statistic::RollingMean(n) => format!("rolling_mean({n})"),
        other => other.to_string(),
    };
    let permit = permit_json::parse(&json!({"limits": [
        {"parameter": "X", "value": value, "unit": "mg/L", "direction": direction, "statistic": name}]}))
    .unwrap();
    rules_for(&Series::raw("s", "001", "x"), &permit, false).remove(0)
}

fn columns(rows: &[(i64, f64)]) -> Columns {
    qualified(&rows.iter().map(|&(t, v)| (t, v, Qualifier::Equal)).collect::<Vec<_>>())
}

fn qualified(rows: &[(i64, f64, Qualifier)]) -> Columns {
    let mut out = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    for &(time, value, qualifier) in rows {
        out.push(Row { time, value, flags: Flags::new(qualifier, TimeKind::Hours, None, 0), limit: 0.0 });
    }
    out.sort_and_dedup();
    out
}

fn judge(rule: &Rule, columns: &Columns) -> Vec<(i64, f64)> {
    let mut judge = Judge::new(rule, columns.span().unwrap());
    judge.feed(columns);
    let found = judge.finish().exceedances;
    found.times.into_iter().zip(found.values).collect()
}

/// Hourly readings.
fn hourly(values: &[f64]) -> Columns {
    columns(&values.iter().enumerate().map(|(i, &v)| (i as i64 * HOUR, v)).collect::<Vec<_>>())
}

#[test]
fn every_reading_is_judged_not_only_the_last() {
    let readings = hourly(&[200.0, 900.0, 5000.0, 900.0, 200.0, 200.0, 200.0]);
    let instant = judge(&rule(Statistic::Instant, 250.0, Direction::Max), &readings);
    assert_eq!(instant.iter().map(|a| a.1).collect::<Vec<_>>(), [900.0, 5000.0, 900.0]);
    let rolling = judge(&rule(Statistic::RollingMean(3), 250.0, Direction::Max), &readings);
    assert_eq!(rolling.len(), 4);
    assert_eq!(rolling[0], (2 * HOUR, 6100.0 / 3.0));
}

#[test]
fn the_limit_itself_is_no_exceedance() {
    assert_eq!(judge(&rule(Statistic::Instant, 250.0, Direction::Max), &hourly(&[250.0, 250.1])), [(HOUR, 250.1)]);
    assert_eq!(judge(&rule(Statistic::Instant, 6.0, Direction::Min), &hourly(&[6.0, 5.9])), [(HOUR, 5.9)]);
    let mean = rule(Statistic::RollingMean(3), 0.2, Direction::Max);
    assert_eq!(judge(&mean, &hourly(&[0.1, 0.2, 0.3])), [], "0.20000000000000004 is rounding");
}

#[test]
fn qualifiers_bound_what_can_exceed() {
    let max = rule(Statistic::Instant, 1.0, Direction::Max);
    let min = rule(Statistic::Instant, 1.0, Direction::Min);
    let rows = [
        (0, 5.0, Qualifier::Less),
        (1, 5.0, Qualifier::Greater),
        (2, 0.5, Qualifier::Less),
        (3, 0.5, Qualifier::Greater),
    ];
    assert_eq!(judge(&max, &qualified(&rows)), [(1, 5.0)]);
    assert_eq!(judge(&min, &qualified(&rows)), [(2, 0.5)]);
    let daily = rule(Statistic::DailyMax, 1.0, Direction::Max);
    assert_eq!(judge(&daily, &qualified(&[(0, 9.0, Qualifier::Less), (1, 2.0, Qualifier::Equal)])), [(0, 2.0)]);
}

#[test]
fn averages_by_day_week_and_month() {
    let at = |text: &str| from_clock(text).unwrap();
    let rows = columns(&[
        (at("2026-03-01T00:00:00Z"), 10.0),
        (at("2026-03-01T12:00:00Z"), 30.0),
        (at("2026-03-07T23:59:59Z"), 5.0),
        (at("2026-03-08T00:00:00Z"), 100.0),
        (at("2026-04-01T00:00:00Z"), 7.0),
    ]);
    let starts = |statistic, limit| judge(&rule(statistic, limit, Direction::Max), &rows);
    assert_eq!(starts(Statistic::DailyAvg, 19.0), [(at("2026-03-01"), 20.0), (at("2026-03-08"), 100.0)]);
    assert_eq!(starts(Statistic::WeeklyAvg, 14.0), [(at("2026-03-01"), 15.0), (at("2026-03-08"), 100.0)]);
    assert_eq!(starts(Statistic::MonthlyAvg, 36.0), [(at("2026-03-01"), 36.25)]);
    assert_eq!(starts(Statistic::DailyMax, 29.0), [(at("2026-03-01"), 30.0), (at("2026-03-08"), 100.0)]);
    let low = judge(&rule(Statistic::DailyMin, 8.0, Direction::Min), &rows);
    assert_eq!(low, [(at("2026-03-07"), 5.0), (at("2026-04-01"), 7.0)]);
}

#[test]
fn non_detects_enter_averages_by_the_rule() {
    let rows = qualified(&[(0, 4.0, Qualifier::Less), (1, 6.0, Qualifier::Equal)]);
    for (non_detect, mean) in [(NonDetect::Zero, 3.0), (NonDetect::Half, 4.0), (NonDetect::Full, 5.0)] {
        let rule = Rule { non_detect, ..rule(Statistic::DailyAvg, 1.0, Direction::Max) };
        assert_eq!(judge(&rule, &rows), [(0, mean)]);
    }
}

#[test]
fn geometric_mean_looks_thirty_days_back() {
    let day = 24 * HOUR;
    let geomean = rule(Statistic::Geomean30d, 15.0, Direction::Max);
    let found = judge(&geomean, &columns(&[(0, 10.0), (29 * day, 1000.0), (30 * day, 10.0), (60 * day, 10.0)]));
    let rounded: Vec<_> = found.iter().map(|(t, v)| (t / day, v.round())).collect();
    assert_eq!(rounded, [(29, 100.0), (30, 100.0)]);
    let found = judge(&geomean, &qualified(&[(0, 5.0, Qualifier::Less), (1, 400.0, Qualifier::Equal)]));
    assert_eq!(found[0].1.round(), 20.0, "nothing found counts as one");
}

#[test]
fn a_season_bounds_the_limit() {
    let at = |text: &str| from_clock(text).unwrap();
    let summer = Rule { season: Season::of(&[6, 7]), ..rule(Statistic::Instant, 1.0, Direction::Max) };
    let rows = columns(&[(at("2026-05-31T23:59:59Z"), 2.0), (at("2026-06-01"), 2.0), (at("2026-08-01"), 2.0)]);
    assert_eq!(judge(&summer, &rows), [(at("2026-06-01"), 2.0)]);
}

#[test]
fn units_convert_or_are_reported() {
    let mut rows = Columns { units: vec!["ug/L".into(), "SU".into()], ..Columns::default() };
    for (time, value, unit) in [(0, 1500.0, 0), (1, 7.0, 1), (2, 900.0, 0)] {
        rows.push(Row { time, value, flags: Flags::new(Qualifier::Equal, TimeKind::Hours, None, unit), limit: 0.0 });
    }
    let rule = rule(Statistic::Instant, 1.0, Direction::Max);
    let mut judge = Judge::new(&rule, (0, 2));
    judge.feed(&rows);
    let verdict = judge.finish();
    assert_eq!(verdict.exceedances.values, [1.5]);
    assert_eq!(verdict.judged, 2);
    assert_eq!(verdict.incomparable.into_iter().collect::<Vec<_>>(), [("SU".to_owned(), 1)]);
}

#[test]
fn rows_with_their_own_limits() {
    let mut rows = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    for (time, value, limit) in
        [(0, 3.12, Some((3.0, Direction::Max))), (1, 9.0, None), (2, 3.9, Some((4.0, Direction::Min)))]
    {
        let flags = Flags::new(Qualifier::Equal, TimeKind::Clock, limit.map(|l| l.1), 0);
        rows.push(Row { time, value, flags, limit: limit.map_or(0.0, |l| l.0) });
    }
    let rule = Rule::of_rows();
    let mut judge = Judge::new(&rule, (0, 2));
    judge.feed(&rows);
    let verdict = judge.finish();
    assert_eq!((verdict.judged, verdict.exceedances.times), (2, vec![0, 2]));
}

fn survey(rule: &Rule, readings: &Columns) -> Survey {
    let mut pieces = vec![readings.clone()];
    Surveyor::new(rule, readings.span().unwrap()).run(|| Ok::<_, ()>(pieces.pop())).unwrap()
}

#[test]
fn a_survey_sums_up_what_a_judge_would_judge() {
    let readings = hourly(&[200.0, 900.0, 100.0, 240.0]);
    let instant = survey(&rule(Statistic::Instant, 250.0, Direction::Max), &readings);
    assert_eq!((instant.values, instant.exceedances_total(), instant.mean()), (4, 1, Some(360.0)));
    assert_eq!((instant.worst.unwrap().row.value, instant.last.unwrap().row.value), (900.0, 240.0));
    let rolling = survey(&rule(Statistic::RollingMean(3), 250.0, Direction::Max), &readings);
    assert_eq!((rolling.values, rolling.exceedances_total()), (2, 2));
    let last = rolling.last.unwrap();
    assert_eq!((last.row.value, last.row.limit, &*last.unit), (1240.0 / 3.0, 250.0, "mg/L"));
    let lowest = survey(&rule(Statistic::DailyMin, 150.0, Direction::Min), &readings);
    assert_eq!((lowest.values, lowest.exceedances_total(), lowest.worst.unwrap().row.value), (1, 1, 100.0));
}

#[test]
fn a_survey_shows_non_detects_and_counts_none() {
    let readings = qualified(&[(0, 2.0, Qualifier::Equal), (1, 9.0, Qualifier::Less)]);
    let found = survey(&rule(Statistic::Instant, 5.0, Direction::Max), &readings);
    assert_eq!((found.values, found.exceedances_total(), found.worst.unwrap().row.value), (1, 0, 2.0));
    assert_eq!(found.inconclusive, 1, "below 9, a limit of 5 may be exceeded or not");
    assert_eq!(found.last.unwrap().row.flags.qualifier(), Qualifier::Less);
}

#[test]
fn a_survey_of_readings_with_limits_of_their_own() {
    let mut readings = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    for (time, value, limit) in [(0, 5.0, Some(10.0)), (1, 3.0, Some(2.0)), (2, 99.0, None)] {
        let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, limit.map(|_| Direction::Max), 0);
        readings.push(Row { time, value, flags, limit: limit.unwrap_or(0.0) });
    }
    let found = survey(&Rule::of_rows(), &readings);
    assert_eq!((found.values, found.exceedances_total()), (2, 1));
    assert_eq!((found.worst.unwrap().row.limit, found.last.unwrap().row.time), (2.0, 1));
}

#[test]
fn a_survey_counts_what_was_compared_and_what_could_not_be() {
    let mut readings = qualified(&[(0, 2.0, Qualifier::Less), (1, 9.0, Qualifier::Less)]);
    for statistic in [Statistic::Instant, Statistic::DailyMax, Statistic::DailyAvg] {
        let found = survey(&rule(statistic, 5.0, Direction::Max), &readings);
        assert_eq!((found.judged, found.incomparable.len()), (2, 0), "{statistic}");
    }
    readings.units = vec!["SU".into()];
    for statistic in [Statistic::Instant, Statistic::DailyMax, Statistic::DailyAvg] {
        let found = survey(&rule(statistic, 5.0, Direction::Max), &readings);
        assert_eq!((found.judged, found.values, found.incomparable["SU"]), (0, 0, 2), "{statistic}");
    }
}

use super::*;
use crate::calendar::Calendar;
use crate::columns::{Columns, Row};
use crate::history::{History, Version};
use crate::permit::{Limit, NonDetect, Of, Permit, Season};
use crate::reading::{Direction, Flags, Mark, Qualifier, Series};
use crate::statistic::Statistic;
use crate::time::{HOUR, TimeKind, from_clock};

const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

mod edges;
mod properties;

fn named(name: &str) -> Statistic {
    name.parse().unwrap()
}

fn rule(statistic: Statistic, value: f64, direction: Direction) -> Rule {
    of(Limit { direction, ..Limit::plain("X", value, "mg/L", statistic) })
}

fn of(limit: Limit) -> Rule {
    Rule::of_limit(&limit, &Calendar::default(), ALWAYS)
}

fn columns(rows: &[(i64, f64)]) -> Columns {
    qualified(&rows.iter().map(|&(t, v)| (t, v, Qualifier::Equal)).collect::<Vec<_>>())
}

fn qualified(rows: &[(i64, f64, Qualifier)]) -> Columns {
    let mut out = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    for &(time, value, qualifier) in rows {
        out.push(Row { time, value, flags: Flags::new(qualifier, TimeKind::Hours, None, 0), limit: 0.0, sample: 0 });
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

fn verdict(rule: &Rule, columns: &Columns) -> Verdict {
    let mut judge = Judge::new(rule, columns.span().unwrap());
    judge.feed(columns);
    judge.finish()
}

fn series() -> Series {
    Series::raw("s", "001", "x")
}

/// Hourly readings.
fn hourly(values: &[f64]) -> Columns {
    columns(&values.iter().enumerate().map(|(i, &v)| (i as i64 * HOUR, v)).collect::<Vec<_>>())
}

#[test]
fn every_reading_is_judged_not_only_the_last() {
    let readings = hourly(&[200.0, 900.0, 5000.0, 900.0, 200.0, 200.0, 200.0]);
    let instant = judge(&rule(Statistic::INSTANT, 250.0, Direction::Max), &readings);
    assert_eq!(instant.iter().map(|a| a.1).collect::<Vec<_>>(), [900.0, 5000.0, 900.0]);
    let rolling = judge(&rule(Statistic::rolling_mean(3), 250.0, Direction::Max), &readings);
    assert_eq!(rolling.len(), 4);
    assert_eq!(rolling[0], (2 * HOUR, 6100.0 / 3.0));
}

#[test]
fn the_limit_itself_is_no_exceedance() {
    assert_eq!(judge(&rule(Statistic::INSTANT, 250.0, Direction::Max), &hourly(&[250.0, 250.1])), [(HOUR, 250.1)]);
    assert_eq!(judge(&rule(Statistic::INSTANT, 6.0, Direction::Min), &hourly(&[6.0, 5.9])), [(HOUR, 5.9)]);
    let mean = rule(Statistic::rolling_mean(3), 0.2, Direction::Max);
    assert_eq!(judge(&mean, &hourly(&[0.1, 0.2, 0.3])), [], "0.20000000000000004 is rounding");
}

#[test]
fn a_sign_leaves_open_what_its_interval_contains() {
    let rows = [
        (0, 5.0, Qualifier::Less),
        (1, 5.0, Qualifier::Greater),
        (2, 0.5, Qualifier::Less),
        (3, 0.5, Qualifier::Greater),
        (4, 1.0, Qualifier::Less),
        (5, 1.0, Qualifier::Greater),
    ];
    let judged = |direction, inconclusive_violates| {
        let limit = Limit { direction, inconclusive_violates, ..Limit::plain("X", 1.0, "mg/L", Statistic::INSTANT) };
        let verdict = verdict(&of(limit), &qualified(&rows));
        (
            verdict.exceedances.times,
            verdict.inconclusive,
            verdict.open.iter().map(|value| value.time).collect::<Vec<_>>(),
        )
    };
    assert_eq!(judged(Direction::Max, false), (vec![1, 5], 2, vec![0, 3]));
    assert_eq!(judged(Direction::Min, false), (vec![2, 4], 2, vec![0, 3]));
    assert_eq!(judged(Direction::Max, true), (vec![0, 1, 3, 5], 0, vec![]));
    let daily = |rows: &[(i64, f64, Qualifier)]| {
        let verdict = verdict(&rule(named("daily_max"), 5.0, Direction::Max), &qualified(rows));
        (verdict.exceedances.values, verdict.inconclusive)
    };
    assert_eq!(daily(&[(0, 9.0, Qualifier::Less), (1, 2.0, Qualifier::Equal)]), (vec![], 1), "between 2 and 9");
    assert_eq!(daily(&[(0, 9.0, Qualifier::Less), (1, 6.0, Qualifier::Equal)]), (vec![6.0], 0));
    assert_eq!(daily(&[(0, 4.0, Qualifier::Less), (1, 2.0, Qualifier::Equal)]), (vec![], 0));
}

#[test]
fn in_what_is_reported_a_sign_does_not_excuse() {
    let rows = qualified(&[(0, 5.0, Qualifier::Less), (1, 5.0, Qualifier::Greater), (2, 0.5, Qualifier::Greater)]);
    let verdict = verdict(&rule(Statistic::AS_REPORTED, 1.0, Direction::Max), &rows);
    assert_eq!((verdict.exceedances.times, verdict.inconclusive), (vec![0, 1], 0));
}

#[test]
fn quality_control_is_never_judged() {
    let mut rows = hourly(&[900.0, 900.0]);
    rows.flags[1] = rows.flags[1].with(Mark::QualityControl);
    for statistic in [Statistic::INSTANT, named("daily_max"), named("monthly_avg"), Statistic::rolling_mean(2)] {
        let verdict = verdict(&rule(statistic, 250.0, Direction::Max), &rows);
        assert_eq!(verdict.judged, 1, "{statistic}");
        assert!(verdict.exceedances.times.iter().all(|time| *time == 0), "{statistic}");
    }
}

#[test]
fn averages_are_those_of_daily_discharges() {
    let at = |text: &str| from_clock(text).unwrap();
    let rows = columns(&[
        (at("2026-03-01T00:00:00Z"), 10.0),
        (at("2026-03-01T12:00:00Z"), 30.0),
        (at("2026-03-07T23:59:59Z"), 5.0),
        (at("2026-03-08T00:00:00Z"), 99.0),
        (at("2026-04-01T00:00:00Z"), 7.0),
    ]);
    let over = |name, limit| judge(&rule(named(name), limit, Direction::Max), &rows);
    assert_eq!(over("daily_avg", 19.0), [(at("2026-03-01"), 20.0), (at("2026-03-08"), 99.0)]);
    assert_eq!(over("weekly_avg", 12.0), [(at("2026-03-01"), 12.5), (at("2026-03-08"), 99.0)]);
    assert_eq!(over("monthly_avg", 41.0), [(at("2026-03-01"), 124.0 / 3.0)]);
    assert_eq!(over("daily_max", 29.0), [(at("2026-03-01"), 30.0), (at("2026-03-08"), 99.0)]);
    assert_eq!(over("weekly_avg_max", 12.0), [(at("2026-03-01"), 99.0)]);
    assert_eq!(over("quarterly_avg", 41.0), [(at("2026-01-01"), 124.0 / 3.0)]);
    assert_eq!(over("annual_avg", 32.0), [(at("2026-01-01"), 131.0 / 4.0)]);
    assert_eq!(
        over("rolling_12m_avg", 24.0),
        [(at("2026-03-01"), 124.0 / 3.0), (at("2026-04-01"), (124.0 / 3.0 + 7.0) / 2.0)]
    );
    assert_eq!(over("monthly_total", 100.0), [(at("2026-03-01"), 124.0)]);
    let low = judge(&rule(named("daily_min"), 8.0, Direction::Min), &rows);
    assert_eq!(low, [(at("2026-03-07"), 5.0), (at("2026-04-01"), 7.0)]);
    let results = of(Limit { of: Some(Of::Results), ..Limit::plain("X", 35.0, "mg/L", named("monthly_avg")) });
    assert_eq!(judge(&results, &rows), [(at("2026-03-01"), 36.0)]);
}

/// 40 CFR 122.2: four grabs of 10 on one day and one of 40 on the next are 25, not 16.
#[test]
fn each_day_has_one_weight() {
    let at = |text: &str| from_clock(text).unwrap();
    let mut rows: Vec<_> = (0..4).map(|grab| (at("2026-06-01") + grab * HOUR, 10.0)).collect();
    rows.push((at("2026-06-02"), 40.0));
    assert_eq!(judge(&rule(named("monthly_avg"), 24.0, Direction::Max), &columns(&rows)), [(at("2026-06-01"), 25.0)]);
}

#[test]
fn days_are_those_of_the_site() {
    let at = |text: &str| from_clock(text).unwrap();
    let rows = columns(&[(at("2026-03-02T10:00:00-06:00"), 10.0), (at("2026-03-02T22:00:00-06:00"), 30.0)]);
    let limit = Limit::plain("X", 15.0, "mg/L", named("daily_avg"));
    let calendar = Calendar::new("America/Chicago", jiff::civil::Weekday::Sunday).unwrap();
    let local = Rule::of_limit(&limit, &calendar, ALWAYS);
    assert_eq!(judge(&local, &rows), [(at("2026-03-02T00:00:00-06:00"), 20.0)]);
    assert_eq!(judge(&of(limit), &rows), [(at("2026-03-03"), 30.0)], "UTC has them on two days");
}

#[test]
fn non_detects_enter_averages_by_the_rule() {
    let rows = qualified(&[(0, 4.0, Qualifier::Less), (1, 6.0, Qualifier::Equal)]);
    for (non_detect, mean) in [(NonDetect::Zero, 3.0), (NonDetect::Half, 4.0), (NonDetect::Full, 5.0)] {
        let limit = Limit { non_detect, ..Limit::plain("X", 1.0, "mg/L", named("daily_avg")) };
        assert_eq!(judge(&of(limit), &rows), [(0, mean)]);
    }
}

#[test]
fn a_mean_of_non_detects_alone_is_below_the_largest_of_their_limits() {
    let rows = qualified(&[(0, 4.0, Qualifier::Less), (1, 6.0, Qualifier::Less)]);
    let judged = |value, by_rule| {
        let limit = Limit { all_non_detect_by_rule: by_rule, ..Limit::plain("X", value, "mg/L", named("monthly_avg")) };
        let verdict = verdict(&of(limit), &rows);
        (verdict.exceedances.len(), verdict.inconclusive)
    };
    assert_eq!([judged(5.0, false), judged(6.0, false), judged(5.0, true)], [(0, 1), (0, 0), (0, 0)]);
    let greater = qualified(&[(0, 4.0, Qualifier::Greater), (1, 6.0, Qualifier::Equal)]);
    let found = verdict(&rule(named("daily_avg"), 4.0, Direction::Max), &greater).exceedances;
    assert_eq!((found.values[0], found.flags[0].qualifier()), (5.0, Qualifier::Greater));
}

#[test]
fn geometric_mean_looks_thirty_days_back() {
    let day = 24 * HOUR;
    let geomean = of(Limit::plain("X", 15.0, "MPN/100mL", named("geomean_30d")));
    let of_counts = |mut rows: Columns| {
        rows.units = vec!["CFU/100mL".into()];
        judge(&geomean, &rows).iter().map(|(t, v)| (t / day, v.round())).collect::<Vec<_>>()
    };
    assert_eq!(
        of_counts(columns(&[(0, 10.0), (29 * day, 1000.0), (30 * day, 10.0), (60 * day, 10.0)])),
        [(29, 100.0), (30, 100.0)]
    );
    let nothing_found =
        qualified(&[(0, 5.0, Qualifier::Less), (1, 400.0, Qualifier::Equal), (2, 0.0, Qualifier::Equal)]);
    assert_eq!(of_counts(nothing_found), [], "nothing found counts as one: the cube root of 400 is 7.4");
    let nickel = of(Limit::plain("X", 0.0, "mg/L", named("monthly_geomean")));
    assert_eq!(judge(&nickel, &columns(&[(0, 0.0), (1, 400.0)])), [], "a zero makes it 0");
}

#[test]
fn a_percentage_of_results_may_be_beyond() {
    let rows = hourly(&[100.0, 300.0, 300.0, 100.0]);
    let at_most = |percent: &str| {
        let rule = rule(named(percent), 235.0, Direction::Max);
        let found = verdict(&rule, &rows).exceedances;
        (0..found.len())
            .map(|i| (found.row(i).value, found.row(i).limit, found.unit_of(i).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(at_most("percent_of_results(10)"), [(50.0, 10.0, "%".to_owned())]);
    assert_eq!(at_most("percent_of_results(50)"), []);
}

/// Readings a minute apart. A reading holds until the next one; what is missing ends an excursion.
#[test]
fn minutes_outside_a_range_are_added_up() {
    const MINUTE: i64 = HOUR / 60;
    let limit = Limit { low: Some(6.0), ..Limit::plain("X", 9.0, "SU", named("as_excursion")) };
    let outside = |ranges: &[std::ops::Range<i64>]| {
        let value = |minute| if ranges.iter().any(|range| range.contains(&minute)) { 9.5 } else { 7.0 };
        let mut rows = columns(&(0..2000).map(|minute| (minute * MINUTE, value(minute))).collect::<Vec<_>>());
        rows.units = vec!["SU".into()];
        rows
    };
    let found = |rows: &Columns| judge(&of(limit.clone()), rows).iter().map(|found| found.1).collect::<Vec<f64>>();
    assert_eq!(found(&outside(std::slice::from_ref(&(100..160)))), [0.0; 0], "sixty minutes are allowed");
    assert_eq!(found(&outside(std::slice::from_ref(&(100..161)))), [61.0]);
    let often: Vec<_> = (0..9).map(|i| i * 100..i * 100 + 50).collect();
    assert_eq!(found(&outside(&often)), [450.0]);
    assert_eq!(found(&outside(&often[..8])), [0.0; 0]);
    let mut with_gap = Columns { units: vec!["SU".into()], ..Columns::default() };
    with_gap.append_range(&outside(std::slice::from_ref(&(0..2000))), 0..20).unwrap();
    with_gap.append_range(&outside(std::slice::from_ref(&(0..2000))), 1000..1020).unwrap();
    assert_eq!(found(&with_gap), [0.0; 0], "nobody knows what happened between");
}

#[test]
fn values_are_rounded_where_the_limit_says_so() {
    let rows = hourly(&[10.04, 10.05]);
    let rounded = Limit { decimals: Some(1), ..Limit::plain("X", 10.0, "mg/L", Statistic::INSTANT) };
    assert_eq!(judge(&of(rounded), &rows), [(HOUR, 10.1)]);
    assert_eq!(judge(&rule(Statistic::INSTANT, 10.0, Direction::Max), &rows).len(), 2);
}

#[test]
fn a_value_belongs_to_the_version_in_force_when_its_period_begins() {
    let at = |text: &str| from_clock(text).unwrap();
    let permit =
        |value| Permit { limits: vec![Limit::plain("X", value, "mg/L", named("weekly_avg"))], ..Permit::default() };
    let history = History::of(permit(20.0), 1).with(Version {
        number: 2,
        effective_from: Some(jiff::civil::date(2026, 7, 1)),
        permit: permit(10.0),
    });
    // 2026-06-28 is a Sunday.
    let rows = columns(&[(at("2026-06-30"), 15.0), (at("2026-07-03"), 15.0), (at("2026-07-06"), 15.0)]);
    let found: Vec<_> = rules_for(&series(), &history, false).iter().flat_map(|rule| judge(rule, &rows)).collect();
    assert_eq!(found, [(at("2026-07-05"), 15.0)]);
    let same = History::of(permit(20.0), 1).with(Version {
        number: 2,
        effective_from: Some(jiff::civil::date(2026, 7, 1)),
        permit: permit(20.0),
    });
    let rules = rules_for(&series(), &same, false);
    assert_eq!((rules.len(), rules[0].holds_always()), (1, true), "the same limit goes on");
}

#[test]
fn interim_limits_have_days_of_their_own() {
    let at = |text: &str| from_clock(text).unwrap();
    let limit = Limit {
        from: Some(jiff::civil::date(2026, 3, 2)),
        until: Some(jiff::civil::date(2026, 3, 3)),
        ..Limit::plain("X", 1.0, "mg/L", Statistic::INSTANT)
    };
    let history = History::of(Permit { limits: vec![limit], ..Permit::default() }, 1);
    let rows = columns(&["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"].map(|day| (at(day) + HOUR, 9.0)));
    let rules = rules_for(&series(), &history, false);
    assert_eq!(
        judge(&rules[0], &rows).iter().map(|found| found.0 - HOUR).collect::<Vec<_>>(),
        [at("2026-03-02"), at("2026-03-03")]
    );
}

#[test]
fn a_season_bounds_the_limit() {
    let at = |text: &str| from_clock(text).unwrap();
    let summer = of(Limit { season: Season::of(&[6, 7]), ..Limit::plain("X", 1.0, "mg/L", Statistic::INSTANT) });
    let rows = columns(&[(at("2026-05-31T23:59:59Z"), 2.0), (at("2026-06-01"), 2.0), (at("2026-08-01"), 2.0)]);
    assert_eq!(judge(&summer, &rows), [(at("2026-06-01"), 2.0)]);
}

#[test]
fn units_convert_or_are_reported() {
    let mut rows = Columns { units: vec!["ug/L".into(), "SU".into()], ..Columns::default() };
    for (time, value, unit) in [(0, 1500.0, 0), (1, 7.0, 1), (2, 900.0, 0)] {
        rows.push(Row {
            time,
            value,
            flags: Flags::new(Qualifier::Equal, TimeKind::Hours, None, unit),
            limit: 0.0,
            sample: 0,
        });
    }
    let rule = rule(Statistic::INSTANT, 1.0, Direction::Max);
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
        rows.push(Row { time, value, flags, limit: limit.map_or(0.0, |l| l.0), sample: 0 });
    }
    let rule = Rule::of_rows("X", &Calendar::default());
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
    let instant = survey(&rule(Statistic::INSTANT, 250.0, Direction::Max), &readings);
    assert_eq!((instant.values, instant.exceedances_total(), instant.mean()), (4, 1, Some(360.0)));
    assert_eq!((instant.worst.unwrap().row.value, instant.last.unwrap().row.value), (900.0, 240.0));
    let rolling = survey(&rule(Statistic::rolling_mean(3), 250.0, Direction::Max), &readings);
    assert_eq!((rolling.values, rolling.exceedances_total()), (2, 2));
    let last = rolling.last.unwrap();
    assert_eq!((last.row.value, last.row.limit, &*last.unit), (1240.0 / 3.0, 250.0, "mg/L"));
    let lowest = survey(&rule(named("daily_min"), 150.0, Direction::Min), &readings);
    assert_eq!((lowest.values, lowest.exceedances_total(), lowest.worst.unwrap().row.value), (1, 1, 100.0));
}

#[test]
fn a_survey_shows_non_detects_and_counts_none() {
    let readings = qualified(&[(0, 2.0, Qualifier::Equal), (1, 9.0, Qualifier::Less)]);
    let found = survey(&rule(Statistic::INSTANT, 5.0, Direction::Max), &readings);
    assert_eq!((found.values, found.exceedances_total(), found.worst.unwrap().row.value), (2, 0, 2.0));
    assert_eq!(found.inconclusive, 1, "below 9, a limit of 5 may be exceeded or not");
    assert_eq!(found.last.unwrap().row.flags.qualifier(), Qualifier::Less);
}

#[test]
fn a_survey_of_readings_with_limits_of_their_own() {
    let mut readings = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    for (time, value, limit) in [(0, 5.0, Some(10.0)), (1, 3.0, Some(2.0)), (2, 99.0, None)] {
        let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, limit.map(|_| Direction::Max), 0);
        readings.push(Row { time, value, flags, limit: limit.unwrap_or(0.0), sample: 0 });
    }
    let found = survey(&Rule::of_rows("X", &Calendar::default()), &readings);
    assert_eq!((found.values, found.exceedances_total()), (2, 1));
    assert_eq!((found.worst.unwrap().row.limit, found.last.unwrap().row.time), (2.0, 1));
}

#[test]
fn a_survey_counts_what_was_compared_and_what_could_not_be() {
    let mut readings = qualified(&[(0, 2.0, Qualifier::Less), (1, 9.0, Qualifier::Less)]);
    for statistic in [Statistic::INSTANT, named("daily_max"), named("daily_avg")] {
        let found = survey(&rule(statistic, 5.0, Direction::Max), &readings);
        assert_eq!((found.judged, found.incomparable.len()), (2, 0), "{statistic}");
    }
    readings.units = vec!["SU".into()];
    for statistic in [Statistic::INSTANT, named("daily_max"), named("daily_avg")] {
        let found = survey(&rule(statistic, 5.0, Direction::Max), &readings);
        assert_eq!((found.judged, found.values, found.incomparable["SU"]), (0, 0, 2), "{statistic}");
    }
}

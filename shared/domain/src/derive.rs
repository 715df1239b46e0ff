//! Values made of several series: loads, removal, and what depends on the water.

use crate::calendar::{Calendar, PeriodKind};
use crate::columns::{Columns, Row};
use crate::permit::{Limit, NonDetect, Of, Other};
use crate::reading::{Direction, Flags, Mark, Qualifier};
use crate::statistic::{Batch, Settings, Statistic, Value};
use crate::time::TimeKind;
use crate::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// lb/d in a flow of 1 MGD of 1 mg/L, as permits write it.
const POUNDS: f64 = 8.34;
/// kg/d in the same: litres per gallon (NIST Handbook 44, appendix C).
const KILOGRAMS: f64 = 3.785411784;

/// By the start of a period, the inputs of a formula.
pub type Waters = BTreeMap<i64, Vec<f64>>;

/// Values made of several series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Derived {
    /// One value for each period in which all have results, in the unit of the limit. For a formula, one for each
    /// result, with its own limit if the formula gives it.
    pub columns: Columns,
    /// The starts of periods in which one of them has none.
    pub incomplete: Vec<i64>,
    /// What the water was like, for a formula.
    pub waters: Waters,
}

/// The values that a limit compares, from the limited series and the others that it names. All are in time order and
/// reach from the start of a [`period`] to the end of one.
pub fn derive(own: &Columns, others: &[Columns], limit: &Limit, calendar: &Calendar) -> Derived {
    let (unit, non_detect, none) = (&limit.unit, limit.non_detect, Columns::default());
    let other = others.first().unwrap_or(&none);
    match &limit.with {
        Some(Other::Flow { factor, .. }) => {
            let (value, by) =
                if unit.as_str() == "kg/d" { (unit.clone(), KILOGRAMS) } else { (pounds(), factor.unwrap_or(POUNDS)) };
            // The limit may have any unit of load: lb/d, with the permit's own factor, is converted.
            let Some(conversion) = value.conversion_to(unit) else { return Derived::default() };
            let own = means("daily_avg", own, &Unit::parse("mg/L"), calendar, non_detect);
            let flow = means("daily_avg", other, &Unit::parse("MGD"), calendar, non_detect);
            joined(&own, &flow, unit, |concentration, flow| match product(sign(concentration), sign(flow)) {
                Some(sign) => (conversion.apply(concentration.value * flow.value * by), sign),
                // It is only known that there is a load.
                None => (0.0, Qualifier::Greater),
            })
        }
        Some(Other::Influent { .. }) => {
            let means = |of: &Columns, unit: &Unit| means("monthly_avg", of, unit, calendar, non_detect);
            let (mut effluents, mut influents) = (Vec::new(), Vec::new());
            // Each month by itself, so the other months do not matter.
            let (mut own, mut other) =
                (by_period(own, PeriodKind::Month, calendar), by_period(other, PeriodKind::Month, calendar));
            for start in own.keys().chain(other.keys()).copied().collect::<BTreeSet<_>>() {
                let (own, other) = (own.remove(&start).unwrap_or_default(), other.remove(&start).unwrap_or_default());
                effluents.extend(means(&own, &common(&own, &other)));
                influents.extend(means(&other, &common(&other, &other)).into_iter().filter(|value| value.value > 0.0));
            }
            // A lower effluent is more removal, a lower influent is less.
            joined(&effluents, &influents, unit, |effluent, influent| {
                match product(turned(sign(effluent)), sign(influent)) {
                    Some(sign) => ((1.0 - effluent.value / influent.value) * 100.0, sign),
                    // It is only known that something goes out.
                    None => (100.0, Qualifier::Less),
                }
            })
        }
        Some(Other::Water { formula, .. }) => formula.apply(own, others, unit, (calendar, period(limit))),
        None => Derived::default(),
    }
}

/// The period of one value: a day for loads, a month for removal. For a limit that depends on the water, that of its
/// statistic, a day at least; for a value that does, the day.
pub fn period(limit: &Limit) -> PeriodKind {
    match (&limit.with, limit.statistic.period()) {
        (Some(Other::Influent { .. }), _) => PeriodKind::Month,
        (Some(Other::Water { .. }), kind) if limit.formula().is_some() && kind != PeriodKind::Instant => kind,
        _ => PeriodKind::Day,
    }
}

/// Of several series of one parameter, the one that counts in each period: the first one if it has results in it,
/// otherwise the only one that has. What counts in a period depends on the results of the period alone.
pub fn one_of(mut series: Vec<Columns>, kind: PeriodKind, calendar: &Calendar) -> Columns {
    if series.iter().filter(|of| !of.is_empty()).count() < 2 {
        return series.drain(..).find(|of| !of.is_empty()).unwrap_or_default();
    }
    let mut split: Vec<_> = series.iter().map(|of| by_period(of, kind, calendar)).collect();
    let starts: BTreeSet<i64> = split.iter().flat_map(BTreeMap::keys).copied().collect();
    let mut out = Columns::default();
    for start in starts {
        let mut there = split.iter_mut().enumerate().filter_map(|(place, of)| Some((place, of.remove(&start)?)));
        if let (Some((place, results)), next) = (there.next(), there.next())
            && (place == 0 || next.is_none())
        {
            // A series has far fewer units than fit.
            let _ = out.append(&results);
        }
    }
    out
}

/// The results of each period that has any besides quality control.
fn by_period(of: &Columns, kind: PeriodKind, calendar: &Calendar) -> BTreeMap<i64, Columns> {
    let mut split = BTreeMap::new();
    let mut from = 0;
    while from < of.len() {
        let period = calendar.around(kind, of.times[from]);
        let to = of.lower_bound(period.end);
        if !of.flags[from..to].iter().all(|flags| flags.has(Mark::QualityControl)) {
            let mut columns = Columns::default();
            // It has no more units than the original.
            let _ = columns.append_range(of, from..to);
            split.insert(period.start, columns);
        }
        from = to;
    }
    split
}

fn pounds() -> Unit {
    Unit::parse("lb/d")
}

/// The unit in which to compare both series: that of the second one's first reading.
fn common(own: &Columns, other: &Columns) -> Unit {
    let of = if other.is_empty() { own } else { other };
    Unit::parse(if of.is_empty() { "" } else { of.unit_of(0) })
}

/// The means of a series by period.
pub(crate) fn means(
    statistic: &str,
    of: &Columns,
    unit: &Unit,
    calendar: &Calendar,
    non_detect: NonDetect,
) -> Vec<Value> {
    let Ok(statistic) = statistic.parse::<Statistic>() else { return Vec::new() };
    let settings = Settings {
        argument: 0.0,
        calendar: calendar.clone(),
        non_detect,
        of: Of::Days,
        all_non_detect_by_rule: false,
        is_per_100ml: false,
        are_totals: false,
        limit: f64::INFINITY,
        low: None,
        direction: Direction::Max,
        wants_all: true,
    };
    let conversions: Vec<_> = of.parsed_units().iter().map(|from| from.conversion_to(unit)).collect();
    let (mut course, mut values) = (statistic.course(&settings), Vec::new());
    course.take(&Batch::new(of, &conversions), &mut values);
    course.end(&mut values);
    values
}

fn sign(value: &Value) -> Qualifier {
    value.flags.qualifier()
}

fn turned(sign: Qualifier) -> Qualifier {
    match sign {
        Qualifier::Less => Qualifier::Greater,
        Qualifier::Greater => Qualifier::Less,
        Qualifier::Equal => Qualifier::Equal,
    }
}

/// The sign of a product of two numbers; `None` if one may be smaller than it says and the other larger.
fn product(one: Qualifier, other: Qualifier) -> Option<Qualifier> {
    match (one, other) {
        (Qualifier::Equal, sign) | (sign, Qualifier::Equal) => Some(sign),
        _ => (one == other).then_some(one),
    }
}

/// One value for each period that both have.
fn joined(own: &[Value], other: &[Value], unit: &Unit, make: impl Fn(&Value, &Value) -> (f64, Qualifier)) -> Derived {
    let columns = Columns { units: vec![unit.as_str().into()], ..Columns::default() };
    let mut found = Derived { columns, ..Derived::default() };
    let mut others = other.iter().peekable();
    for value in own {
        while others.next_if(|other| other.time < value.time).is_some() {}
        match others.peek().filter(|other| other.time == value.time) {
            Some(other) => {
                let (made, sign) = make(value, other);
                let flags = Flags::new(sign, TimeKind::Clock, None, 0);
                found.columns.push(Row { time: value.time, value: made, flags, limit: 0.0, sample: 0 });
            }
            None => found.incomplete.push(value.time),
        }
    }
    let met: BTreeSet<i64> = found.columns.times.iter().copied().collect();
    found.incomplete.extend(other.iter().map(|other| other.time).filter(|time| !met.contains(time)));
    found.incomplete.sort_unstable();
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::time::HOUR;

    /// Results in one unit: hour, value, sign.
    pub(crate) fn columns(unit: &str, rows: &[(i64, f64, Qualifier)]) -> Columns {
        let mut out = Columns { units: vec![unit.into()], ..Columns::default() };
        for &(hour, value, qualifier) in rows {
            let flags = Flags::new(qualifier, TimeKind::Clock, None, 0);
            out.push(Row { time: hour * HOUR, value, flags, limit: 0.0, sample: 0 });
        }
        out
    }

    fn made(own: &Columns, other: &Columns, with: &Other, unit: &str) -> Derived {
        let limit = Limit { with: Some(with.clone()), ..Limit::plain("A", 0.0, unit, Statistic::INSTANT) };
        derive(own, std::slice::from_ref(other), &limit, &Calendar::default())
    }

    fn flow(factor: Option<f64>) -> Other {
        Other::Flow { parameter: "Flow".into(), factor }
    }

    #[test]
    fn a_load_is_the_days_flow_times_the_days_concentration() {
        use Qualifier::{Equal, Less};
        let own = columns("mg/L", &[(1, 20.0, Equal), (13, 40.0, Equal), (25, 5.0, Less), (49, 9.0, Equal)]);
        let flow_series = columns("MGD", &[(2, 1.2, Equal), (26, 1.0, Equal), (100, 1.0, Equal)]);
        let found = made(&own, &flow_series, &flow(None), "lb/d");
        assert_eq!(found.columns.values, [30.0 * 1.2 * 8.34, 5.0 * 8.34]);
        assert_eq!(found.columns.flags[1].qualifier(), Less, "a non-detect makes a load below its own");
        assert_eq!(found.incomplete.len(), 2, "one day without flow, one without concentration");
        assert_eq!(made(&own, &flow_series, &flow(Some(8.345404)), "lb/d").columns.values[0], 30.0 * 1.2 * 8.345404);
        assert_eq!(made(&own, &flow_series, &flow(None), "kg/d").columns.values[0], 30.0 * 1.2 * 3.785411784);
        let cubic = columns("m3/d", &[(2, 1000.0, Equal)]);
        let kilograms = made(&own, &cubic, &flow(None), "kg/d").columns.values[0];
        assert!((kilograms - 30.0).abs() < 1e-9, "{kilograms}");
        assert_eq!(made(&own, &flow_series, &flow(None), "mg/L"), Derived::default(), "a limit that is no load");
    }

    #[test]
    fn removal_is_what_does_not_go_out() {
        use Qualifier::Equal;
        let with = Other::Influent { parameter: "BOD in".into() };
        let own = columns("mg/L", &[(1, 20.0, Equal), (25, 40.0, Equal)]);
        let influent = columns("mg/L", &[(2, 200.0, Equal)]);
        let found = made(&own, &influent, &with, "%");
        assert_eq!((found.columns.values, found.incomplete), (vec![85.0], vec![]));
        assert_eq!(made(&own, &columns("mg/L", &[(2, 0.0, Equal)]), &with, "%").columns.len(), 0);
    }

    /// The only value and its sign, of one result each.
    fn of_signs(own: Qualifier, other: Qualifier, with: &Other, units: (&str, &str)) -> (f64, Qualifier) {
        let found = made(&columns("mg/L", &[(1, 20.0, own)]), &columns(units.0, &[(2, 100.0, other)]), with, units.1);
        (found.columns.values[0], found.columns.flags[0].qualifier())
    }

    #[test]
    fn signs_of_both_series_are_kept() {
        use Qualifier::{Equal, Greater, Less};
        let load = |own, other| of_signs(own, other, &flow(Some(1.0)), ("MGD", "lb/d"));
        for (own, other, sign) in [(Equal, Greater, Greater), (Less, Equal, Less), (Greater, Greater, Greater)] {
            assert_eq!(load(own, other), (2000.0, sign), "{own:?} {other:?}");
        }
        assert_eq!(load(Less, Greater), (0.0, Greater), "nothing is known of it");
        let with = Other::Influent { parameter: "BOD in".into() };
        let removal = |own, other| of_signs(own, other, &with, ("mg/L", "%"));
        for (own, other, sign) in [(Less, Equal, Greater), (Equal, Less, Less), (Equal, Greater, Greater)] {
            assert_eq!(removal(own, other), (80.0, sign), "{own:?} {other:?}");
        }
        assert_eq!((removal(Less, Greater), removal(Greater, Less)), ((80.0, Greater), (80.0, Less)));
        assert_eq!(removal(Less, Less), (100.0, Less), "nothing is known of it");
    }

    /// Two months in units that do not compare: each counts by itself.
    #[test]
    fn a_month_of_removal_does_not_depend_on_another() {
        use Qualifier::Equal;
        let with = Other::Influent { parameter: "BOD in".into() };
        let both = |rows: [(&str, i64, f64); 2]| {
            let mut all = columns(rows[0].0, &[(rows[0].1, rows[0].2, Equal)]);
            all.append(&columns(rows[1].0, &[(rows[1].1, rows[1].2, Equal)])).unwrap();
            all
        };
        let (own, influent) =
            (both([("mg/L", 1, 20.0), ("lb/d", 800, 10.0)]), both([("mg/L", 2, 200.0), ("lb/d", 801, 40.0)]));
        assert_eq!(made(&own, &influent, &with, "%").columns.values, [90.0, 75.0]);
    }

    #[test]
    fn of_several_series_the_one_of_the_outfall_counts_or_else_the_only_one() {
        use Qualifier::Equal;
        let (first, second, third) = (
            columns("MGD", &[(1, 1.0, Equal)]),
            columns("gal/d", &[(2, 2.0, Equal), (25, 2.0, Equal)]),
            columns("MGD", &[(25, 3.0, Equal), (49, 3.0, Equal)]),
        );
        let day = |series: &[Columns]| one_of(series.to_vec(), PeriodKind::Day, &Calendar::default());
        let found = day(&[first.clone(), second.clone(), third]);
        assert_eq!((&found.values[..], found.unit_of(1)), (&[1.0, 3.0][..], "MGD"), "on the second day there are two");
        assert_eq!(day(&[first, second]).values, [1.0, 2.0]);
        assert_eq!(day(&[]).len(), 0);
    }
}

//! Loads, removal, and limits that depend on the water: what is made of several series.

use super::drawn::{self, Case, columns_of};
use super::plain::{Said, Sample, Terms};
use super::{Found, alike};
use domain::calendar::{Calendar, PeriodKind};
use domain::derive::{Derived, derive};
use domain::formula::Formula;
use domain::permit::{Limit, Other};
use domain::reading::Qualifier::{self, Equal, Greater, Less};
use domain::statistic::Statistic;
use proptest::prelude::*;

/// The means of two series, each a part of the case's results, and what the product makes of them.
fn of_two(
    case: &Case,
    is_own: &[bool],
    statistic: &'static str,
    with: &Other,
    units: (&str, &str),
) -> (Pairs, Derived) {
    let (own, other): (Vec<_>, Vec<_>) =
        case.samples_without(None).into_iter().zip(is_own).partition(|(_, is_own)| **is_own);
    let samples = |of: Vec<(Sample, &bool)>| of.into_iter().map(|(sample, _)| sample).collect::<Vec<_>>();
    let (own, other) = (samples(own), samples(other));
    let terms = Terms { statistic, of: None, by_rule: false, totals: false, per_100ml: false, ..case.terms.clone() };
    let calendar = Calendar::new(case.zone(), terms.week_starts).unwrap();
    let (left, right) = (columns_of("mg/L", &own), columns_of(units.0, &other));
    let limit = Limit {
        with: Some(with.clone()),
        non_detect: terms.non_detect,
        ..Limit::plain("A", 0.0, units.1, Statistic::INSTANT)
    };
    let made = derive(&left, &[right], &limit, &calendar);
    let signed = other.iter().filter(|sample| sample.sign != Equal).map(|sample| sample.moment).collect();
    (Pairs { own: terms.values(&own), other: terms.values(&other), signed }, made)
}

struct Pairs {
    own: Vec<Said>,
    other: Vec<Said>,
    /// When the other one has results with a sign.
    signed: Vec<i64>,
}

impl Pairs {
    /// Of each period that both have one value, and how many periods only one has.
    fn joined(&self, make: impl Fn(&Said, &Said) -> (f64, Qualifier)) -> (Vec<Found>, usize) {
        let mut made = Vec::new();
        for own in &self.own {
            if let Some(other) = self.other.iter().find(|other| other.time == own.time) {
                let (value, sign) = make(own, other);
                made.push((own.time, value, sign, 0.0));
            }
        }
        let alone = self.own.len() + self.other.len() - 2 * made.len();
        (made, alone)
    }
}

fn found(derived: &Derived) -> Vec<Found> {
    let rows = (0..derived.columns.len()).map(|index| derived.columns.row(index));
    rows.map(|row| (row.time, row.value, row.flags.qualifier(), 0.0)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Day by day: flow x concentration x factor.
    #[test]
    fn loads(case in drawn::cases("daily_avg"), is_own in prop::collection::vec(any::<bool>(), 90), by_permit: bool) {
        let with = Other::Flow { parameter: "Flow".into(), factor: by_permit.then_some(8.345404) };
        let (pairs, made) = of_two(&case, &is_own, "daily_avg", &with, ("MGD", "lb/d"));
        let factor = if by_permit { 8.345404 } else { 8.34 };
        let (expected, alone) = pairs.joined(|own, flow| match (own.sign, flow.sign) {
            (Less, Greater) | (Greater, Less) => (0.0, Greater),
            (Equal, sign) | (sign, _) => (flow.value * own.value * factor, sign),
        });
        prop_assert!(alike(&found(&made), &expected), "found {:?}\nexpected {:?}", found(&made), expected);
        prop_assert_eq!(made.incomplete.len(), alone);
    }

    /// Result by result: a limit by the mean hardness of its day, where all of that is known.
    #[test]
    fn limits_by_hardness(case in drawn::cases("daily_avg"), is_own in prop::collection::vec(any::<bool>(), 90)) {
        let formula = Formula::named("pb_chronic_hardness").unwrap();
        let with = Other::Water { formula, parameters: vec!["Hardness".into()] };
        let (pairs, made) = of_two(&case, &is_own, "daily_avg", &with, ("mg/L", "ug/L"));
        let calendar = Calendar::new(case.zone(), case.terms.week_starts).unwrap();
        let day = |time| calendar.around(PeriodKind::Day, time).start;
        // EPA: (1.46203 - 0.145712 ln h) exp(1.273 ln h - 4.705), the factor at most 1, from 400 mg/L on as at 400.
        let limit_at = |hardness: f64| {
            let ln = hardness.min(400.0).ln();
            (1.46203 - 0.145712 * ln).min(1.0) * (1.273 * ln - 4.705).exp()
        };
        let is_open = |start| pairs.signed.iter().any(|moment| day(*moment) == start);
        let known = |start| pairs.other.iter().find(|mean| mean.time == start && mean.value > 0.0 && !is_open(start));
        let mut with_limit = std::collections::BTreeSet::new();
        for index in 0..made.columns.len() {
            let row = made.columns.row(index);
            let expected = known(day(row.time)).map(|hardness| limit_at(hardness.value));
            let is_near = expected.is_some_and(|limit| (limit - row.limit).abs() <= 1e-9 * limit);
            prop_assert!(is_near, "{expected:?}, found {}", row.limit);
            with_limit.insert(day(row.time));
        }
        let days = |is_known: bool| {
            let own = pairs.own.iter().map(|own| own.time);
            own.filter(|start| known(*start).is_some() == is_known).collect::<Vec<_>>()
        };
        prop_assert_eq!(made.incomplete, days(false));
        prop_assert_eq!(with_limit.into_iter().collect::<Vec<_>>(), days(true));
    }

    /// Month by month: what does not go out of what comes in; nothing where nothing comes in.
    #[test]
    fn removal(case in drawn::cases("monthly_avg"), is_own in prop::collection::vec(any::<bool>(), 90)) {
        let with = Other::Influent { parameter: "BOD in".into() };
        let (mut pairs, made) = of_two(&case, &is_own, "monthly_avg", &with, ("mg/L", "%"));
        pairs.other.retain(|influent| influent.value > 0.0);
        let (expected, alone) = pairs.joined(|effluent, influent| {
            let percent = 100.0 - effluent.value * 100.0 / influent.value;
            match (effluent.sign, influent.sign) {
                (Equal, Equal) => (percent, Equal),
                (Less, Less) | (Greater, Greater) => (100.0, Less),
                (Greater, _) | (_, Less) => (percent, Less),
                (Less, _) | (_, Greater) => (percent, Greater),
            }
        });
        // Removal may be nothing at all: its number is near, not its digits.
        let rounded = |found: Vec<Found>| {
            found.into_iter().map(|(time, value, sign, limit)| (time, (value * 1e9).round(), sign, limit)).collect::<Vec<_>>()
        };
        let (found, expected) = (rounded(found(&made)), rounded(expected));
        prop_assert!(alike(&found, &expected), "found {:?}\nexpected {:?}", found, expected);
        prop_assert_eq!(made.incomplete.len(), alone);
    }
}

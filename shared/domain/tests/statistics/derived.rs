//! Loads and removal: values that are made of two series.

use super::drawn::{self, Case, columns_of};
use super::plain::{Said, Sample, Terms};
use super::{Found, alike};
use domain::calendar::Calendar;
use domain::derive::{Derived, derive};
use domain::permit::Other;
use domain::reading::Qualifier::{self, Equal, Greater, Less};
use domain::unit::Unit;
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
    let made = derive(&left, &right, with, &Unit::parse(units.1), &calendar, terms.non_detect);
    (Pairs { own: terms.values(&own), other: terms.values(&other) }, made)
}

struct Pairs {
    own: Vec<Said>,
    other: Vec<Said>,
}

impl Pairs {
    /// Of each period that both have one value, and how many periods only one has.
    fn joined(&self, make: impl Fn(&Said, &Said) -> (f64, Qualifier)) -> (Vec<Found>, u64) {
        let mut made = Vec::new();
        for own in &self.own {
            if let Some(other) = self.other.iter().find(|other| other.time == own.time) {
                let (value, sign) = make(own, other);
                made.push((own.time, value, sign, 0.0));
            }
        }
        let alone = self.own.len() + self.other.len() - 2 * made.len();
        (made, alone as u64)
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
        prop_assert_eq!(made.incomplete, alone);
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
        prop_assert_eq!(made.incomplete, alone);
    }
}

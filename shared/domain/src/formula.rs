//! Formulas that depend on the water: limits of metals on its hardness, the harmful part of ammonia on its pH and
//! temperature. The numbers are those of [`chemistry::criteria`].

use crate::calendar::{Calendar, PeriodKind};
use crate::columns::{Columns, Row};
use crate::derive::{Derived, Waters, means};
use crate::permit::NonDetect;
use crate::reading::{Direction, Flags, Mark, Qualifier};
use crate::unit::{Conversion, DEFAULT_UNIT, Unit};
use chemistry::criteria::{self, Criterion, Gives, Inputs, Water};
use std::collections::BTreeSet;
use std::fmt;

/// A formula.
#[derive(Clone, Copy)]
pub struct Formula(Criterion);

/// An input of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Its key in a limit, whose value is the parameter of the series.
    pub key: &'static str,
    /// The parameter, unless the limit names another one.
    pub parameter: &'static str,
    /// The unit in which the formula takes it.
    pub unit: &'static str,
}

/// All inputs of formulas.
pub const NEEDS: [Need; 3] = [
    Need { key: "hardness", parameter: "Hardness", unit: "mg/L as CaCO3" },
    Need { key: "ph", parameter: "pH", unit: "SU" },
    Need { key: "temperature", parameter: "Temperature", unit: "deg C" },
];

impl Formula {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        criteria::all().map(Self)
    }

    /// The one with this id.
    pub fn named(id: &str) -> Result<Self, String> {
        criteria::find(id).map(Self).ok_or_else(|| {
            let known: Vec<_> = criteria::all().map(|criterion| criterion.id).collect();
            format!("no formula {id:?}; known are {}", known.join(", "))
        })
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        self.0.label
    }

    /// The formula itself, as text.
    pub fn text(self) -> &'static str {
        self.0.formula
    }

    /// Its inputs, in the order of [`Self::value`].
    pub fn needs(self) -> &'static [Need] {
        match self.0.inputs {
            Inputs::Hardness => &NEEDS[..1],
            Inputs::PhAndTemperature => &NEEDS[1..],
        }
    }

    /// Whether it gives the limit, in [`Self::usual_unit`]. Otherwise it gives the part of the value that counts.
    pub fn gives_limit(self) -> bool {
        self.0.gives != Gives::Fraction
    }

    /// The unit of the limit that it gives; if it gives a share, the usual unit of such values.
    pub fn usual_unit(self) -> Unit {
        Unit::parse(if self.gives_limit() { "ug/L" } else { DEFAULT_UNIT })
    }

    /// Its value for inputs in the units of [`Self::needs`]. `None` if no water has them.
    pub fn value(self, water: &[f64]) -> Option<f64> {
        let known = |place: usize| water.get(place).copied();
        let water = match self.0.inputs {
            Inputs::Hardness => Water { hardness: known(0), ..Water::default() },
            Inputs::PhAndTemperature => Water { ph: known(0), temperature: known(1), hardness: None },
        };
        self.0.value(&water).ok().map(|answer| answer.value)
    }

    /// The results of a series, each with its limit in `unit`, or with the value that counts. The inputs are the means
    /// of the period of the result. Results of periods with an unknown input are left out, and the periods counted.
    pub(crate) fn apply(
        self,
        own: &Columns,
        others: &[Columns],
        unit: &Unit,
        (calendar, period): (&Calendar, PeriodKind),
    ) -> Derived {
        let conversion =
            if self.gives_limit() { self.usual_unit().conversion_to(unit) } else { Some(Conversion::Same) };
        let Some(conversion) = conversion else { return Derived::default() };
        let columns = Columns { units: own.units.clone(), ..Columns::default() };
        let mut found = Derived { columns, incomplete: Vec::new(), waters: self.waters(others, calendar, period) };
        let mut without = BTreeSet::new();
        for index in 0..own.len() {
            let row = own.row(index);
            let start = calendar.around(period, row.time).start;
            match found.waters.get(&start).and_then(|water| self.value(water)) {
                Some(limit) if self.gives_limit() => {
                    let flags = with_limit(row.flags);
                    found.columns.push(Row { flags, limit: conversion.apply(limit), ..row });
                }
                Some(share) => found.columns.push(Row { value: row.value * share, ..row }),
                None if row.flags.has(Mark::QualityControl) => {}
                None => {
                    without.insert(start);
                }
            }
        }
        found.incomplete = without.into_iter().collect();
        found
    }

    /// The inputs of each period in which all are known for certain: a result with a sign leaves it open.
    fn waters(self, others: &[Columns], calendar: &Calendar, period: PeriodKind) -> Waters {
        let mut waters = Waters::new();
        for (place, (need, of)) in self.needs().iter().zip(others).enumerate() {
            let has_sign = |flags: &Flags| flags.qualifier() != Qualifier::Equal && !flags.has(Mark::QualityControl);
            let signed = std::iter::zip(&of.times, &of.flags).filter(|(_, flags)| has_sign(flags));
            let open: BTreeSet<i64> = signed.map(|(time, _)| calendar.around(period, *time).start).collect();
            for mean in means(mean_of(period), of, &Unit::parse(need.unit), calendar, NonDetect::Zero) {
                let numbers = waters.entry(mean.time).or_default();
                if numbers.len() == place && !open.contains(&mean.time) {
                    numbers.push(mean.value);
                }
            }
        }
        waters.retain(|_, numbers| numbers.len() == self.needs().len());
        waters
    }
}

fn mean_of(period: PeriodKind) -> &'static str {
    match period {
        PeriodKind::Instant | PeriodKind::Day => "daily_avg",
        PeriodKind::Week => "weekly_avg",
        PeriodKind::Month => "monthly_avg",
        PeriodKind::Quarter => "quarterly_avg",
        PeriodKind::Year => "annual_avg",
    }
}

/// The flags of a reading with a maximum of its own.
fn with_limit(flags: Flags) -> Flags {
    let made = Flags::new(flags.qualifier(), flags.kind(), Some(Direction::Max), flags.unit());
    let made = made.with_laboratory(flags.laboratory());
    if flags.has(Mark::QualityControl) { made.with(Mark::QualityControl) } else { made }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

/// Only its id, which is part of the identity of limits.
impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::derive;
    use crate::derive::tests::columns;
    use crate::evaluate::{Judge, Rule};
    use crate::permit::{Limit, Other};
    use crate::statistic::Statistic;
    use crate::time::HOUR;

    fn limit(formula: &str, value: f64, unit: &str, statistic: &str) -> Limit {
        let formula = Formula::named(formula).unwrap();
        let parameters = formula.needs().iter().map(|need| need.parameter.to_owned()).collect();
        let statistic: Statistic = statistic.parse().unwrap();
        Limit { with: Some(Other::Water { formula, parameters }), ..Limit::plain("A", value, unit, statistic) }
    }

    /// The exceedances: hour, value and limit; the numbers of inconclusive values and of periods without a known water.
    fn judged(limit: &Limit, own: &Columns, others: &[Columns]) -> (Vec<(i64, f64, f64)>, u64, usize) {
        let calendar = Calendar::default();
        let derived = derive(own, others, limit, &calendar);
        let rule = Rule::of_limit(limit, &calendar, (i64::MIN, i64::MAX));
        let mut judge = Judge::new(&rule, own.span().unwrap());
        judge.feed(&derived.columns);
        let verdict = judge.finish();
        let rows = (0..verdict.exceedances.len()).map(|index| verdict.exceedances.row(index));
        let rows = rows.map(|row| (row.time / HOUR, row.value, (row.limit * 1e4).round() / 1e4)).collect();
        (rows, verdict.inconclusive, derived.incomplete.len())
    }

    use Qualifier::{Equal, Greater, Less};

    /// EPA's table: copper at 100 mg/L, acute and dissolved, 13.4 ug/L.
    #[test]
    fn each_result_has_the_limit_of_its_days_hardness() {
        let own = columns("ug/L", &[(1, 13.0, Equal), (2, 14.0, Equal), (25, 14.0, Equal), (49, 99.0, Equal)]);
        let hardness = columns("mg/L", &[(3, 80.0, Equal), (4, 120.0, Equal), (26, 200.0, Equal)]);
        let limit = limit("cu_acute_hardness", 0.0, "ug/L", "instant");
        assert_eq!(judged(&limit, &own, std::slice::from_ref(&hardness)), (vec![(2, 14.0, 13.4391)], 0, 1));
        let in_milligrams = Limit { unit: Unit::parse("mg/L"), ..limit };
        assert_eq!(judged(&in_milligrams, &own, &[hardness]).0, [(2, 0.014, 0.0134)]);
    }

    #[test]
    fn a_mean_has_the_limit_of_the_mean_hardness_of_its_period() {
        let own = columns("ug/L", &[(1, 10.0, Equal), (25, 30.0, Equal)]);
        let hardness = columns("mg/L", &[(1, 50.0, Equal), (73, 150.0, Equal)]);
        let limit = limit("cu_acute_hardness", 0.0, "ug/L", "monthly_avg");
        assert_eq!(judged(&limit, &own, std::slice::from_ref(&hardness)), (vec![(0, 20.0, 13.4391)], 0, 0));
        // Both are rounded: 13.44 is not beyond 13.4391.
        let rounded = Limit { decimals: Some(2), ..limit };
        let own = columns("ug/L", &[(1, 13.444, Equal)]);
        assert_eq!(judged(&rounded, &own, &[hardness]).0, []);
    }

    #[test]
    fn what_is_not_known_of_the_water_or_of_the_result_is_said() {
        let limit = limit("cu_acute_hardness", 0.0, "ug/L", "daily_max");
        let own = columns("ug/L", &[(1, 20.0, Less), (25, 20.0, Greater), (49, 20.0, Equal), (73, 20.0, Equal)]);
        let hardness = columns(
            "mg/L",
            &[(1, 100.0, Equal), (25, 100.0, Equal), (49, 50.0, Equal), (50, 100.0, Less), (73, 0.0, Equal)],
        );
        assert_eq!(judged(&limit, &own, &[hardness]), (vec![(24, 20.0, 13.4391)], 1, 2));
        assert_eq!(judged(&limit, &own, &[Columns::default()]).2, 4, "there is no such series");
        let of_calcium = columns("mg/L as Ca", &[(1, 40.0, Equal)]);
        assert_eq!(judged(&limit, &own, &[of_calcium]).2, 4, "hardness is as CaCO3");
    }

    /// Emerson 1975: at pH 8 and 20 degrees 3.807 % of ammonia is un-ionised.
    #[test]
    fn what_counts_of_ammonia_goes_by_ph_and_temperature() {
        let own = columns("mg/L", &[(1, 1.0, Equal), (25, 0.5, Equal), (49, 9.0, Equal)]);
        let ph = columns("SU", &[(2, 8.0, Equal), (26, 8.0, Equal), (50, 8.0, Equal)]);
        let temperature = columns("deg F", &[(3, 68.0, Equal), (27, 68.0, Equal)]);
        let limit = limit("unionised_ammonia_fraction", 0.02, "mg/L", "instant");
        let (found, inconclusive, incomplete) = judged(&limit, &own, &[ph, temperature]);
        assert_eq!((found.len(), inconclusive, incomplete), (1, 0, 1));
        assert!((found[0].1 - 0.03807).abs() < 5e-6, "{found:?}");
    }

    #[test]
    fn every_formula_is_found_by_its_id_and_needs_what_it_takes() {
        for formula in Formula::all() {
            assert_eq!(Formula::named(formula.id()), Ok(formula));
            let water: Vec<_> = formula.needs().iter().map(|_| 8.0).collect();
            assert!(formula.value(&water).is_some_and(|value| value > 0.0), "{formula:?}");
            assert_eq!(formula.value(&water[1..]), None, "{formula:?}");
        }
    }
}

//! Every statistic against a plain computation of the same (`plain.rs`), by the crate's public face.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, what is not as expected ends the test")]

mod derived;
mod drawn;
mod excursions;
mod plain;

use domain::columns::Columns;
use domain::evaluate::{Context, Judge, Rule, Surveyor, Verdict};
use domain::reading::Qualifier;
use domain::unit::Unit;
use drawn::Case;
use plain::{Said, Standing, standing};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{TestCaseError, TestRunner};

/// What a verdict or the plain computation has found: period, value, sign and limit.
type Found = (i64, f64, Qualifier, f64);

/// The values that are so, of periods in which the limit holds and that begin in a stretch.
fn expected(case: &Case, values: &[Said], wanted: Standing, (from, to): (i64, i64)) -> Vec<Found> {
    let terms = &case.terms;
    let counts = |said: &&Said| from <= said.time && said.time <= to && terms.holds(said.time);
    let values = values.iter().filter(counts).filter(|said| standing(said, terms.forbidden()) == wanted);
    values.map(|said| (said.time, said.value, said.sign, said.limit)).collect()
}

fn exceedances(verdict: &Verdict) -> Vec<Found> {
    let rows = (0..verdict.exceedances.len()).map(|index| verdict.exceedances.row(index));
    rows.map(|row| (row.time, row.value, row.flags.qualifier(), row.limit)).collect()
}

/// Whether two are the same, but for what binary fractions do to sums.
fn alike(one: &[Found], other: &[Found]) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let same = |(a, b): (&Found, &Found)| (a.0, a.2, a.3) == (b.0, b.2, b.3) && near(a.1, b.1);
    one.len() == other.len() && one.iter().zip(other).all(same)
}

macro_rules! prop_alike {
    ($found:expr, $expected:expr) => {
        prop_assert!(alike(&$found, &$expected), "found {:?}\nexpected {:?}", $found, $expected)
    };
}

fn verdict(rule: &Rule, readings: &Columns, touched: (i64, i64)) -> Verdict {
    let mut judge = Judge::new(rule, touched);
    judge.feed(readings);
    judge.finish()
}

/// Fed in pieces that end at random places.
fn in_pieces(rule: &Rule, readings: &Columns, touched: (i64, i64), cuts: &[Index]) -> Verdict {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(readings.len())).chain([readings.len()]).collect();
    ends.sort_unstable();
    let (mut judge, mut start) = (Judge::new(rule, touched), 0);
    for end in ends {
        let mut piece = Columns::default();
        piece.append_range(readings, start..end).unwrap();
        judge.feed(&piece);
        start = end;
    }
    judge.finish()
}

/// The readings that a rule asks for, and all others of the moments of the last ones.
fn asked_for(rule: &Rule, readings: &Columns, touched: (i64, i64)) -> Columns {
    let Context { from, to, neighbours } = rule.context(touched);
    let (mut start, mut end) = (readings.lower_bound(from), readings.lower_bound(to));
    let at_start = start;
    while start > 0 && neighbours > 0 && rule.comparable(readings, start..at_start) < neighbours {
        start -= 1;
    }
    let at_end = end;
    while end < readings.len() && neighbours > 0 && rule.comparable(readings, at_end..end) < neighbours {
        end = readings.lower_bound(readings.times[end] + 1);
    }
    let mut out = Columns::default();
    out.append_range(readings, start..end).unwrap();
    out
}

/// All that is to hold of a case.
fn check(case: &Case, touched: (Index, Index), cuts: &[Index]) -> Result<(), TestCaseError> {
    let (rule, readings) = (case.rule(), case.columns());
    let values = case.terms.values(&case.samples_without(None));
    let whole = readings.span().unwrap();
    judged_as_expected(case, &values, &verdict(&rule, &readings, whole), whole)?;
    let touched = case.between(touched);
    let of_touched = in_pieces(&rule, &readings, touched, cuts);
    judged_as_expected(case, &values, &of_touched, touched)?;
    prop_assert_eq!(
        &verdict(&rule, &asked_for(&rule, &readings, touched), touched),
        &of_touched,
        "the context is enough"
    );
    // What changes where the touched results were not there before is all in what the verdict covers.
    let before = case.terms.values(&case.samples_without(Some(touched)));
    let (from, to) = of_touched.covers;
    for outside in [(i64::MIN, from.saturating_sub(1)), (to.saturating_add(1), i64::MAX)] {
        for wanted in [Standing::Beyond, Standing::Open] {
            prop_alike!(expected(case, &before, wanted, outside), expected(case, &values, wanted, outside));
        }
    }
    surveyed_as_expected(case, &values, &rule, &readings)
}

fn judged_as_expected(case: &Case, values: &[Said], found: &Verdict, touched: (i64, i64)) -> Result<(), TestCaseError> {
    prop_alike!(exceedances(found), expected(case, values, Standing::Beyond, found.covers));
    let open: Vec<Found> = found
        .open
        .iter()
        .map(|open| (open.time, open.value, open.flags.qualifier(), open.limit.unwrap_or(case.terms.limit)))
        .collect();
    prop_alike!(open, expected(case, values, Standing::Open, found.covers));
    prop_assert_eq!(found.inconclusive, open.len() as u64);
    let (counted, others) = case.counted(touched);
    prop_assert!(found.judged == counted || found.judged < counted && !case.terms.months.is_empty());
    prop_assert_eq!(found.incomparable.values().sum::<u64>(), others);
    Ok(())
}

fn surveyed_as_expected(case: &Case, values: &[Said], rule: &Rule, readings: &Columns) -> Result<(), TestCaseError> {
    let mut pieces = vec![readings.clone()];
    let whole = readings.span().unwrap();
    let survey = Surveyor::new(rule, whole).run(|| Ok::<_, TestCaseError>(pieces.pop()))?;
    let covers = verdict(rule, readings, whole).covers;
    let count = |wanted| expected(case, values, wanted, covers).len() as u64;
    let (within, beyond, open) = (count(Standing::Within), count(Standing::Beyond), count(Standing::Open));
    prop_assert_eq!(
        (survey.values, survey.exceedances_total(), survey.inconclusive),
        (within + beyond + open, beyond, open)
    );
    let last = values.iter().rfind(|said| case.terms.holds(said.time));
    let expected: Vec<Found> = last.iter().map(|said| (said.time, said.value, said.sign, said.limit)).collect();
    let row = |row: domain::columns::Row| (row.time, row.value, row.flags.qualifier(), row.limit);
    let found: Vec<Found> = survey.last.iter().map(|last| row(last.row)).collect();
    prop_alike!(found, expected);
    Ok(())
}

/// Many cases of a statistic.
fn holds_of(statistic: &'static str) {
    let touched = (any::<Index>(), any::<Index>());
    let cuts = prop::collection::vec(any::<Index>(), 0..5);
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) });
    let outcome =
        runner.run(&(drawn::cases(statistic), touched, cuts), |(case, touched, cuts)| check(&case, touched, &cuts));
    if let Err(error) = outcome {
        panic!("{statistic}: {error}");
    }
}

macro_rules! as_plain {
    ($($name:ident)*) => {
        const COMPARED: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { holds_of(stringify!($name)); })*
    };
}

as_plain! {
    instant as_reported daily_max daily_min daily_avg weekly_avg weekly_avg_max monthly_avg quarterly_avg annual_avg
    rolling_12m_avg monthly_total annual_total weekly_geomean monthly_geomean geomean_30d rolling_mean
    percent_of_results percent_removal as_excursion
}

/// No statistic is without its test here.
#[test]
fn all_statistics_are_compared() {
    let all: Vec<_> = domain::statistic::Statistic::all().iter().map(|definition| definition.name()).collect();
    assert!(all.iter().all(|name| COMPARED.contains(name)), "{all:?}");
}

#[test]
fn a_unit_of_results_is_what_the_cases_take_it_for() {
    let to = |from: &str, to: &str| Unit::parse(from).conversion_to(&Unit::parse(to)).map(|by| by.apply(1.0));
    assert_eq!(to("ug/L", "mg/L"), Some(0.001));
    assert_eq!((to("lbs", "lb"), to("MPN/100mL", "CFU/100mL"), to("NTU", "lb")), (Some(1.0), Some(1.0), None));
}

//! Random limits and results: at clock changes, at the ends of months and years, in units that compare and such that do
//! not, with signs.

use super::plain::{Sample, Terms};
use domain::calendar::Calendar;
use domain::columns::{Columns, Row};
use domain::evaluate::Rule;
use domain::permit::{Limit, NonDetect, Of, Season};
use domain::reading::{Direction, Flags, Mark, Qualifier};
use domain::statistic::Statistic;
use domain::time::TimeKind;
use jiff::civil::{Weekday, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const MINUTE: i64 = 60_000_000;

/// Year, month, day.
type Day = (i16, i8, i8);

/// Zones with the days on which their clocks change: by an hour, by half an hour, and so that a day has no
/// midnight, or two.
const ZONES: [(&str, &[Day]); 6] = [
    ("UTC", &[(2026, 5, 1)]),
    ("America/Chicago", &[(2026, 3, 8), (2026, 11, 1)]),
    ("Europe/Berlin", &[(2026, 3, 29), (2026, 10, 25)]),
    ("Australia/Lord_Howe", &[(2026, 4, 5), (2026, 10, 4)]),
    ("America/Sao_Paulo", &[(2017, 10, 15), (2018, 2, 18)]),
    ("America/Havana", &[(2024, 3, 10), (2024, 11, 3)]),
];

/// Days on which months, quarters and years begin.
const FIRSTS: [Day; 6] = [(2024, 3, 1), (2026, 1, 1), (2026, 3, 1), (2026, 4, 1), (2026, 8, 1), (2027, 1, 1)];

/// A limit's unit, another one that compares with it, and how many of these make one of the limit's.
const UNITS: [(&str, &str, f64); 3] = [("mg/L", "ug/L", 1000.0), ("lb", "lbs", 1.0), ("CFU/100mL", "MPN/100mL", 1.0)];
const OTHER: &str = "NTU";

/// A limit and the results that it speaks of, in time order.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub terms: Terms,
    zone: &'static str,
    unit: usize,
    results: Vec<Result>,
}

#[derive(Debug, Clone, Copy)]
struct Result {
    sample: Sample,
    /// The limit's unit, the other one that compares, one that does not.
    unit: usize,
    is_control: bool,
}

/// Everything about a result but its time: quarters, sign, unit, control.
type Drawn = (u32, Qualifier, usize, bool);

fn drawn(signs: u32, is_mixed: bool) -> impl Strategy<Value = Drawn> {
    use Qualifier::{Equal, Greater, Less};
    let sign = prop_oneof![10 => Just(Equal), signs * 2 => Just(Less), signs => Just(Greater)];
    let others = u32::from(is_mixed);
    let unit = prop_oneof![6 => Just(0usize), others * 2 => Just(1), others => Just(2)];
    let is_control = prop_oneof![12 => Just(false), others => Just(true)];
    (prop_oneof![1 => Just(0u32), 9 => 0u32..40], sign, unit, is_control)
}

/// When results are taken, as minutes from the days that matter; some a moment before or after.
fn moments(zone: &'static str, changes: &'static [Day]) -> impl Strategy<Value = Vec<i64>> {
    let days: Vec<_> = changes.iter().chain(changes).chain(&FIRSTS).collect();
    let of = |&&(year, month, day): &&Day| {
        let zone = TimeZone::get(zone).unwrap();
        date(year, month, day).to_zoned_datetime(zone).unwrap().timestamp().as_microsecond()
    };
    let near: Vec<i64> = days.iter().map(of).collect();
    let scattered = (prop::collection::vec(select(near.clone()), 1..4), select(vec![50i64, 500, 3000])).prop_flat_map(
        |(near, halves)| {
            let jitter = select(vec![-1, 0, 0, 0, 1, 7 * MINUTE]);
            let one = (select(near), -halves..halves, jitter);
            prop::collection::vec(one.prop_map(|(near, half, jitter)| near + half * 30 * MINUTE + jitter), 1..60)
        },
    );
    // One after the other, as instruments give them, with some that are missing.
    let distance = select(vec![0i64, 5, 15, 15, 15, 15, 15, 30, 45, 46, 60, 400, 1440, 1441]);
    let chained =
        (select(near), 0i64..1500, prop::collection::vec(distance, 1..90)).prop_map(|(near, before, distances)| {
            let mut moment = near - before * MINUTE;
            let mut next = |distance: i64| {
                moment += distance * MINUTE;
                moment
            };
            distances.into_iter().map(&mut next).collect()
        });
    prop_oneof![scattered, chained]
}

fn terms(statistic: &'static str, zone: &'static str) -> impl Strategy<Value = (Terms, usize)> {
    let argument = match statistic {
        "rolling_mean" => select(vec![2.0, 3.0, 5.0, 8.0]),
        "percent_of_results" => select(vec![0.0, 10.0, 25.0, 50.0]),
        _ => select(vec![0.0]),
    };
    let week_starts = select(vec![Weekday::Sunday, Weekday::Monday, Weekday::Wednesday, Weekday::Saturday]);
    let limit = (select(vec![0.0, 1.0, 2.5, 5.0, 5.25, 7.5, 20.0]), prop::option::of(select(vec![0.5, 1.0])));
    let direction = prop_oneof![3 => Just(Direction::Max), 1 => Just(Direction::Min)];
    let non_detect = select(vec![NonDetect::Zero, NonDetect::Half, NonDetect::Full]);
    let of = (select(vec![None, Some(Of::Days), Some(Of::Results)]), prop::bool::weighted(0.2));
    let months = select(vec![vec![], vec![], vec![], vec![3u8], vec![1, 4, 10], vec![2, 12]]);
    (argument, week_starts, limit, direction, non_detect, of, months, 0..UNITS.len()).prop_map(
        move |(argument, week_starts, (limit, low), direction, non_detect, (of, by_rule), months, unit)| {
            let low = low.filter(|low| statistic == "as_excursion" && direction == Direction::Max && *low < limit);
            let (per_100ml, totals) = (UNITS[unit].0.ends_with("/100mL"), UNITS[unit].0 == "lb");
            let zone = TimeZone::get(zone).unwrap();
            let of_what = Terms {
                statistic,
                argument,
                zone,
                week_starts,
                limit,
                low,
                direction,
                non_detect,
                of,
                by_rule,
                per_100ml,
                totals,
                months,
            };
            (of_what, unit)
        },
    )
}

/// Cases of one statistic.
pub(crate) fn cases(statistic: &'static str) -> impl Strategy<Value = Case> {
    (select(ZONES.to_vec()), 0u32..4, any::<bool>()).prop_flat_map(move |((zone, changes), signs, is_mixed)| {
        (terms(statistic, zone), moments(zone, changes), prop::collection::vec(drawn(signs * signs, is_mixed), 90))
            .prop_map(move |((terms, unit), mut moments, drawn)| {
                moments.sort_unstable();
                let result = |(moment, (quarters, sign, unit, is_control)): (i64, Drawn)| Result {
                    sample: Sample { moment, value: f64::from(quarters) / 4.0, sign },
                    unit,
                    is_control,
                };
                let results = moments.into_iter().zip(drawn).map(result).collect();
                Case { terms, zone, unit, results }
            })
    })
}

impl Case {
    /// The results as the product has them.
    pub(crate) fn columns(&self) -> Columns {
        let (own, other, factor) = UNITS[self.unit];
        let is_mixed = self.results.iter().any(|result| result.unit > 0);
        let units: &[&str] = if is_mixed { &[own, other, OTHER] } else { &[own] };
        let mut out = Columns { units: units.iter().map(|&unit| unit.into()).collect(), ..Columns::default() };
        for Result { sample, unit, is_control } in &self.results {
            let flags = Flags::new(sample.sign, TimeKind::Clock, None, *unit);
            let flags = if *is_control { flags.with(Mark::QualityControl) } else { flags };
            let value = if *unit == 1 { sample.value * factor } else { sample.value };
            out.push(Row { time: sample.moment, value, flags, limit: 0.0, sample: 0 });
        }
        out
    }

    /// The limit as the product has it.
    pub(crate) fn rule(&self) -> Rule {
        let terms = &self.terms;
        let argument = ["rolling_mean", "percent_of_results"].contains(&terms.statistic).then_some(terms.argument);
        let statistic = Statistic::named(terms.statistic, argument).unwrap();
        let limit = Limit {
            direction: terms.direction,
            season: Season::of(&terms.months),
            non_detect: terms.non_detect,
            of: terms.of,
            all_non_detect_by_rule: terms.by_rule,
            low: terms.low,
            ..Limit::plain("X", terms.limit, UNITS[self.unit].0, statistic)
        };
        let calendar = Calendar::new(self.zone, terms.week_starts).unwrap();
        Rule::of_limit(&limit, &calendar, (i64::MIN, i64::MAX))
    }

    pub(crate) fn zone(&self) -> &'static str {
        self.zone
    }

    /// The results that count, but for those of a stretch.
    pub(crate) fn samples_without(&self, gone: Option<(i64, i64)>) -> Vec<Sample> {
        let is_gone = |sample: &Sample| gone.is_some_and(|(from, to)| from <= sample.moment && sample.moment <= to);
        let counts = |result: &&Result| result.unit < 2 && !result.is_control && !is_gone(&result.sample);
        self.results.iter().filter(counts).map(|result| result.sample).collect()
    }

    /// How many results of a stretch count, and how many have a unit that does not compare.
    pub(crate) fn counted(&self, (from, to): (i64, i64)) -> (u64, u64) {
        let is_in = |result: &&Result| from <= result.sample.moment && result.sample.moment <= to && !result.is_control;
        let (counted, others): (Vec<&Result>, Vec<&Result>) =
            self.results.iter().filter(is_in).partition(|result| result.unit < 2);
        (counted.len() as u64, others.len() as u64)
    }

    /// A stretch from one result to another.
    pub(crate) fn between(&self, (a, b): (Index, Index)) -> (i64, i64) {
        let moment = |index: Index| self.results[index.index(self.results.len())].sample.moment;
        (moment(a).min(moment(b)), moment(a).max(moment(b)))
    }
}

/// Results in one unit.
pub(crate) fn columns_of(unit: &str, samples: &[Sample]) -> Columns {
    let mut out = Columns { units: vec![unit.into()], ..Columns::default() };
    for sample in samples {
        let flags = Flags::new(sample.sign, TimeKind::Clock, None, 0);
        out.push(Row { time: sample.moment, value: sample.value, flags, limit: 0.0, sample: 0 });
    }
    out
}

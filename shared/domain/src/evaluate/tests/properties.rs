//! What holds of the judge whatever the readings: times to the minute, qualifiers, units that convert and such that do
//! not compare.

use super::*;
use crate::unit::Unit;
use proptest::prelude::*;

/// Two that convert into each other, and one that does not compare with them.
const UNITS: [&str; 3] = ["mg/L", "ug/L", "NTU"];
const MINUTE: i64 = HOUR / 60;

/// The statistics, as permits use them.
fn statistics() -> impl Strategy<Value = Statistic> {
    let plain = Statistic::all().iter().filter(|known| known.argument().is_none()).map(|known| named(known.name()));
    prop_oneof![
        8 => prop::sample::select(plain.collect::<Vec<_>>()),
        2 => (2u32..6).prop_map(Statistic::rolling_mean),
        1 => Just(named("percent_of_results(20)")),
    ]
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let zone = |name| Calendar::new(name, jiff::civil::Weekday::Sunday).unwrap();
    prop::sample::select(vec![Calendar::default(), zone("America/Chicago"), zone("Pacific/Kiritimati")])
}

/// Rules of every kind, in each unit and season, and the one of readings that bring their own limits.
fn rules() -> impl Strategy<Value = Rule> {
    let non_detect = prop::sample::select(vec![NonDetect::Zero, NonDetect::Half, NonDetect::Full]);
    let months = prop::sample::select(vec![vec![], vec![2], vec![1, 3]]);
    let of_what = prop::sample::select(vec![None, Some(Of::Days), Some(Of::Results)]);
    let of_permit = (statistics(), any::<bool>(), prop::sample::select(vec!["mg/L", "ug/L"]), months, non_detect);
    let of_permit =
        (of_permit, calendars(), of_what).prop_map(|((statistic, max, unit, months, non_detect), calendar, of)| {
            let limit = Limit {
                direction: if max { Direction::Max } else { Direction::Min },
                season: Season::of(&months),
                non_detect,
                of,
                ..Limit::plain("X", if unit == "mg/L" { 200.0 } else { 200_000.0 }, unit, statistic)
            };
            Rule::of_limit(&limit, &calendar, ALWAYS)
        });
    prop_oneof![9 => of_permit, 1 => Just(Rule::of_rows("X", &Calendar::default()))]
}

/// One reading: minute, value in mg/L, qualifier, unit, whether it brings a limit of its own.
type Drawn = (i64, f64, u8, u8, bool);

/// Readings a few minutes apart, or spread over the first four months of the calendar.
fn series() -> impl Strategy<Value = Vec<Drawn>> {
    let of = |minutes| {
        let unit = prop_oneof![5 => Just(0u8), 2 => Just(1), 3 => Just(2)];
        let qualifier = prop_oneof![8 => Just(0u8), 1 => Just(1), 1 => Just(2)];
        prop::collection::vec((0i64..minutes, 0.0f64..400.0, qualifier, unit, any::<bool>()), 2..120)
    };
    prop_oneof![of(300), of(6_000), of(170_000)]
}

fn columns_of(drawn: &[Drawn]) -> Columns {
    let mut out = Columns { units: UNITS.map(Into::into).into(), ..Columns::default() };
    for &(minute, value, qualifier, unit, limited) in drawn {
        let qualifier = [Qualifier::Equal, Qualifier::Less, Qualifier::Greater][usize::from(qualifier)];
        let factor = if UNITS[usize::from(unit)] == "ug/L" { 1000.0 } else { 1.0 };
        let flags = Flags::new(qualifier, TimeKind::Clock, limited.then_some(Direction::Max), unit.into());
        out.push(Row { time: minute * MINUTE, value: value * factor, flags, limit: 150.0 * factor, sample: 0 });
    }
    out.sort_and_dedup();
    out
}

/// Two times in order, which may or may not be those of readings.
fn touched() -> impl Strategy<Value = (prop::sample::Index, prop::sample::Index)> {
    (any::<prop::sample::Index>(), any::<prop::sample::Index>())
}

/// The stretch between two readings of the series.
fn between(whole: &Columns, (a, b): (prop::sample::Index, prop::sample::Index)) -> (i64, i64) {
    let (a, b) = (whole.times[a.index(whole.len())], whole.times[b.index(whole.len())]);
    (a.min(b), a.max(b))
}

/// What a rule asks for, and no reading more: of neighbours only those count that compare with the limit, since a rolling
/// mean passes over all others.
fn asked_for(rule: &Rule, whole: &Columns, touched: (i64, i64)) -> Columns {
    let Context { from, to, neighbours } = rule.context(touched);
    let compares = |&index: &usize| {
        let unit = Unit::parse(whole.unit_of(index));
        rule.limit.as_ref().is_none_or(|limit| unit.conversion_to(&limit.unit).is_some())
    };
    let (start, end) = (whole.lower_bound(from), whole.lower_bound(to));
    let mut indices: Vec<usize> = (0..start).rev().filter(compares).take(neighbours).collect();
    indices.reverse();
    indices.extend(start..end);
    indices.extend((end..whole.len()).filter(compares).take(neighbours));
    let mut out = Columns::default();
    indices.into_iter().for_each(|index| out.append_range(whole, index..index + 1).unwrap());
    out
}

fn verdict(rule: &Rule, readings: &Columns, touched: (i64, i64)) -> Verdict {
    let mut judge = Judge::new(rule, touched);
    judge.feed(readings);
    judge.finish()
}

/// The exceedances of a verdict: period, value and limit to the last bit, qualifier.
fn exceedances(verdict: &Verdict) -> Vec<(i64, u64, u64, Qualifier)> {
    let row = |index| verdict.exceedances.row(index);
    let of = |row: Row| (row.time, row.value.to_bits(), row.limit.to_bits(), row.flags.qualifier());
    (0..verdict.exceedances.len()).map(|index| of(row(index))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// The readings of a rule's context are enough: beyond them nothing changes what is found in the touched stretch.
    #[test]
    fn the_context_is_enough(rule in rules(), drawn in series(), touched in touched()) {
        let whole = columns_of(&drawn);
        let touched = between(&whole, touched);
        let from_context = verdict(&rule, &asked_for(&rule, &whole, touched), touched);
        prop_assert_eq!(&from_context, &verdict(&rule, &whole, touched));
        let all = exceedances(&verdict(&rule, &whole, whole.span().unwrap()));
        let (from, to) = from_context.covers;
        let covered: Vec<_> = all.into_iter().filter(|&(time, ..)| from <= time && time <= to).collect();
        prop_assert_eq!(exceedances(&from_context), covered);
    }

    /// Judged in one go, or file by file, each with no more than the context that its rule asks for and in place of what
    /// was found there before: the same exceedances.
    #[test]
    fn splitting_changes_nothing(rule in rules(), drawn in series(), cuts in prop::collection::vec(1usize..60, 1..5)) {
        let (mut known, mut stored) = (Vec::new(), Vec::new());
        let mut rest = drawn.as_slice();
        for size in cuts.into_iter().chain([drawn.len()]) {
            let (part, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            let Some(touched) = columns_of(part).span() else { break };
            known.extend(part);
            let verdict = verdict(&rule, &asked_for(&rule, &columns_of(&known), touched), touched);
            let (from, to) = verdict.covers;
            stored.retain(|&(time, ..): &(i64, u64, u64, Qualifier)| time < from || time > to);
            stored.extend(exceedances(&verdict));
        }
        stored.sort_by_key(|exceedance| exceedance.0);
        let whole = columns_of(&drawn);
        prop_assert_eq!(stored, exceedances(&verdict(&rule, &whole, whole.span().unwrap())));
    }

    /// Readings in the limit's own unit are judged a shorter way: the same verdict, whatever part is touched.
    #[test]
    fn the_short_way_finds_the_same(
        statistic in prop_oneof![Just(Statistic::INSTANT), (2u32..6).prop_map(Statistic::rolling_mean)],
        rows in prop::collection::vec((0i64..300, 0.0f64..400.0, 0u8..3), 1..120),
        size in 1usize..50,
        touched in (0i64..300, 0i64..300),
    ) {
        let rule = rule(statistic, 200.0, Direction::Max);
        let qualifiers = [Qualifier::Equal, Qualifier::Less, Qualifier::Greater];
        let whole = qualified(&rows.iter().map(|&(t, v, q)| (t, v, qualifiers[usize::from(q)])).collect::<Vec<_>>());
        let touched = (touched.0.min(touched.1), touched.0.max(touched.1));
        let verdict = |units: &[&str]| {
            let mut judge = Judge::new(&rule, touched);
            for start in (0..whole.len()).step_by(size) {
                let mut piece = Columns { units: units.iter().map(|&unit| unit.into()).collect(), ..Columns::default() };
                piece.append_range(&whole, start..(start + size).min(whole.len())).unwrap();
                judge.feed(&piece);
            }
            judge.finish()
        };
        prop_assert_eq!(verdict(&["mg/L"]), verdict(&["mg/L", "SU"]));
    }

    /// Fed whole or in pieces: the same verdict.
    #[test]
    fn pieces_change_nothing(rule in rules(), drawn in series(), touched in touched(), size in 1usize..50) {
        let whole = columns_of(&drawn);
        let touched = between(&whole, touched);
        let mut in_pieces = Judge::new(&rule, touched);
        for start in (0..whole.len()).step_by(size) {
            let mut piece = Columns::default();
            piece.append_range(&whole, start..(start + size).min(whole.len())).unwrap();
            in_pieces.feed(&piece);
        }
        prop_assert_eq!(in_pieces.finish(), verdict(&rule, &whole, touched));
    }
}

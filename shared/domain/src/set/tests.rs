use super::*;
use crate::reading::{Direction, Flags, Qualifier};
use proptest::prelude::*;

const FILE: Origin = Origin { revision: 1, is_file: true };
const LATER: Origin = Origin { revision: 2, is_file: true };
const PUBLISHED: Origin = Origin { revision: 3, is_file: false };
const LAST: Origin = Origin { revision: 4, is_file: true };

fn row(time: i64, value: f64, kind: TimeKind, sample: u64) -> Row {
    Row { time, value, flags: Flags::new(Qualifier::Equal, kind, None, 0), limit: 0.0, sample }
}

fn clock(value: f64) -> Row {
    row(1, value, TimeKind::Clock, 0)
}

fn sampled(value: f64, sample: u64) -> Row {
    row(1, value, TimeKind::Clock, sample)
}

fn marked(row: Row, mark: Mark) -> Row {
    Row { flags: row.flags.with(mark), ..row }
}

/// The values that count, in order, and what changed: `=5` repeated, `!5` confirmed, `5>6` replaced.
fn settled(came: &[(Row, Origin)]) -> (Vec<f64>, Vec<String>) {
    let mut columns = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    came.iter().for_each(|(row, _)| columns.push(*row));
    let mut changes = Vec::new();
    settle(
        &mut columns,
        |index| came[index].1,
        false,
        |change| {
            changes.push(match change {
                Change::Repeated { row, .. } => format!("={}", row.value),
                Change::Confirmed { row, .. } => format!("!{}", row.value),
                Change::Replaced { old, new, .. } => format!("{}>{}", old.value, new.value),
            });
        },
    );
    (columns.values, changes)
}

fn gives(came: &[(Row, Origin)], values: &[f64], changes: &[&str]) {
    let (found, said) = settled(came);
    assert_eq!((found.as_slice(), said), (values, changes.iter().map(|text| (*text).to_owned()).collect()));
}

#[test]
fn rows_of_one_file_all_count_but_for_repeats() {
    gives(&[(clock(5.0), FILE), (clock(7.0), FILE), (clock(5.0), FILE)], &[5.0, 7.0], &["=5"]);
    let day = |value| row(1, value, TimeKind::Date, 0);
    gives(&[(day(5.0), FILE), (day(7.0), FILE), (day(5.0), FILE)], &[5.0, 7.0, 5.0], &[]);
    let day = |value| row(1, value, TimeKind::Date, 9);
    gives(&[(day(5.0), FILE), (day(5.0), FILE)], &[5.0], &["=5"]);
    let hours = row(1, 5.0, TimeKind::Hours, 0);
    gives(&[(hours, FILE), (hours, FILE)], &[5.0], &["=5"]);
}

#[test]
fn a_limit_or_a_qualifier_makes_a_difference() {
    let limited = |limit| Row {
        flags: Flags::new(Qualifier::Equal, TimeKind::Clock, Some(Direction::Max), 0),
        limit,
        ..clock(5.0)
    };
    gives(&[(limited(1.0), FILE), (limited(2.0), FILE), (limited(1.0), FILE)], &[5.0, 5.0], &["=5"]);
    let less = Row { flags: Flags::new(Qualifier::Less, TimeKind::Clock, None, 0), ..clock(5.0) };
    gives(&[(clock(5.0), FILE), (less, FILE)], &[5.0, 5.0], &[]);
}

#[test]
fn a_published_result_replaces_what_came_with_the_same_revision() {
    let all = |value| marked(clock(value), Mark::Replaces);
    gives(&[(all(5.0), PUBLISHED), (all(7.0), PUBLISHED)], &[7.0], &["5>7"]);
    gives(&[(clock(5.0), PUBLISHED), (all(7.0), PUBLISHED), (clock(8.0), PUBLISHED)], &[7.0, 8.0], &["5>7"]);
}

#[test]
fn a_later_row_of_a_sample_replaces_the_earlier_one() {
    gives(
        &[(sampled(14.8, 7), FILE), (sampled(2.0, 8), FILE), (sampled(1.5, 7), FILE), (sampled(1.5, 7), FILE)],
        &[2.0, 1.5],
        &["14.8>1.5", "=1.5"],
    );
}

#[test]
fn a_later_file_replaces_the_whole_set() {
    let came = [(clock(5.0), FILE), (clock(7.0), FILE), (clock(6.0), FILE)];
    gives(&[came[0], came[1], came[2], (clock(7.0), LATER)], &[7.0], &["!7", "5>7", "6>7"]);
    gives(&[came[0], (clock(8.0), PUBLISHED), (clock(1.0), LAST), (clock(2.0), LAST)], &[1.0, 2.0], &["5>1", "8>2"]);
    // One file after the other: each change is told once.
    gives(&[(clock(1.0), FILE), (clock(2.0), LATER), (clock(3.0), LAST)], &[3.0], &["1>2", "2>3"]);
}

#[test]
fn a_published_result_adds_unless_it_replaces() {
    gives(&[(clock(5.0), FILE), (clock(5.0), PUBLISHED), (clock(6.0), PUBLISHED)], &[5.0, 5.0, 6.0], &[]);
    let all = marked(clock(9.0), Mark::Replaces);
    gives(&[(clock(5.0), FILE), (clock(6.0), FILE), (all, PUBLISHED)], &[9.0], &["5>9", "6>9"]);
    let other = marked(clock(8.0), Mark::Replaces);
    gives(&[(clock(5.0), FILE), (all, PUBLISHED), (other, PUBLISHED)], &[8.0], &["5>9", "9>8"]);
    gives(&[(sampled(5.0, 3), FILE), (sampled(6.0, 4), FILE), (sampled(1.0, 3), PUBLISHED)], &[6.0, 1.0], &["5>1"]);
}

#[test]
fn quality_control_and_routine_results_replace_nothing_of_each_other() {
    let blank = |value| marked(sampled(value, 7), Mark::QualityControl);
    gives(&[(sampled(0.34, 7), FILE), (blank(0.31), FILE), (blank(0.002), FILE)], &[0.34, 0.002], &["0.31>0.002"]);
    gives(&[(clock(5.0), FILE), (blank(0.1), LATER)], &[5.0, 0.1], &[]);
    gives(&[(blank(0.1), FILE), (clock(5.0), LATER)], &[0.1, 5.0], &[]);
}

#[test]
fn times_are_the_same_only_where_they_are_one_moment() {
    let local = row(1, 6.0, TimeKind::Local, 0);
    gives(&[(clock(5.0), FILE), (local, LATER)], &[5.0, 6.0], &[]);
    gives(&[(local, FILE), (marked(local, Mark::Fold), LATER)], &[6.0, 6.0], &[]);
    let mut columns = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    columns.push(clock(5.0));
    columns.push(local);
    settle(&mut columns, |index| [FILE, LATER][index], true, |_| ());
    assert_eq!(columns.values, [6.0], "the site's clock shows UTC");
}

#[test]
fn times_come_in_order_and_rows_of_one_time_as_they_came() {
    let came = [(3, 1.0), (1, 2.0), (3, 3.0), (2, 4.0), (1, 5.0)];
    let came: Vec<_> = came.map(|(time, value)| (row(time, value, TimeKind::Clock, 0), FILE)).into();
    gives(&came, &[2.0, 5.0, 4.0, 1.0, 3.0], &[]);
}

/// One time, told plainly: compared with everything that is there, each time anew.
fn plainly(came: &[(Row, Origin)]) -> Vec<f64> {
    let mut kept: Vec<(usize, Row, Origin)> = Vec::new();
    for (index, (row, origin)) in came.iter().copied().enumerate() {
        let control = |row: &Row| row.flags.has(Mark::QualityControl);
        if origin.is_file || row.flags.has(Mark::Replaces) {
            kept.retain(|(_, old, from)| origin.is_file && *from == origin || control(old) != control(&row));
        }
        let same = |old: &Row| control(old) == control(&row) && old.value == row.value && old.sample == row.sample;
        let once = row.sample != 0 || (origin.is_file && row.flags.kind() != TimeKind::Date);
        if once && kept.iter().any(|(_, old, _)| same(old)) {
            continue;
        }
        kept.retain(|(_, old, _)| row.sample == 0 || old.sample != row.sample || control(old) != control(&row));
        kept.push((index, row, origin));
    }
    kept.iter().map(|(_, row, _)| row.value).collect()
}

proptest! {
    /// The same set as the plain telling, few results or many; and every result counts, is repeated or was replaced.
    #[test]
    fn what_counts_is_what_a_plain_telling_leaves(
        came in prop::collection::vec((0..6u8, 0..4u64, 0..3u8, any::<bool>()), 0..60),
        kind in prop::sample::select(vec![TimeKind::Clock, TimeKind::Date]),
    ) {
        let mut revision = 0;
        let came: Vec<(Row, Origin)> = came.into_iter().map(|(value, sample, mark, next)| {
            revision += u64::from(next && value == 0);
            let row = row(1, f64::from(value), kind, sample);
            let row = match mark {
                1 => marked(row, Mark::QualityControl),
                2 if revision % 2 == 1 => marked(row, Mark::Replaces),
                _ => row,
            };
            (row, Origin { revision, is_file: revision % 2 == 0 })
        }).collect();
        let (values, changes) = settled(&came);
        prop_assert_eq!(&values, &plainly(&came));
        prop_assert_eq!(values.len() + changes.len(), came.len());
    }
}

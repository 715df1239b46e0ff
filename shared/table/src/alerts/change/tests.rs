use super::*;
use domain::reading::{Direction, Flags, Qualifier, Series};
use domain::statistic::Statistic;
use domain::time::TimeKind;

const COVERS: (i64, i64) = (0, 1_000_000);

fn source(action: &str) -> Source {
    let series = Series::raw("here", "001", "SO4");
    Source {
        series_id: series.id(),
        series,
        rule: "rule".into(),
        statistic: Statistic::INSTANT,
        action: action.into(),
        thresholds: None,
        history: Arc::default(),
        waters: Arc::default(),
    }
}

/// Exceedances of a limit of 1, at times 0, 1, 2 ...; a 0 is no exceedance.
fn found(values: &[f64]) -> Columns {
    let mut found = Columns { units: vec!["mg/L".into()], ..Columns::default() };
    for (time, &value) in values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, Some(Direction::Max), 0);
        found.push(Row { time: time as i64, value, flags, limit: 1.0, sample: 0 });
    }
    found
}

/// Reconciles a verdict's exceedances between two times, in pieces of a thousand, with what is stored, and returns what
/// is stored afterwards.
fn settled(stored: &StoredRule, values: &[f64], covers: (i64, i64)) -> (Change, StoredRule) {
    let mut reconciler = Reconciler::new(source(""), stored.clone(), covers.0, 100).unwrap();
    let mut staged = Vec::new();
    let all = found(values);
    let within = all.lower_bound(covers.0)..all.lower_bound(covers.1 + 1);
    for start in within.clone().step_by(1000) {
        let mut piece = Columns::default();
        piece.append_range(&all, start..(start + 1000).min(within.end)).unwrap();
        reconciler.found(&piece).unwrap();
        staged.extend(reconciler.overflow(|| 7).unwrap());
    }
    let (change, rest) = reconciler.finish(covers.1, || 7).unwrap();
    staged.extend(rest);
    let mut after = stored.clone();
    match change.generation {
        None => {
            assert!(staged.is_empty());
            change.apply(&mut after).unwrap();
        }
        Some(generation) => {
            staged.sort_by_key(|block| block.first);
            after = StoredRule { generation, blocks: staged, garbage: false };
        }
    }
    (change, after)
}

fn times(stored: &StoredRule) -> Vec<i64> {
    stored.blocks.iter().flat_map(|block| block.rows().unwrap().times).collect()
}

#[test]
fn the_gravest_of_many_alerts_are_listed_and_all_are_counted() {
    let mut values = vec![1.1; 3 * MAX_LISTED];
    values[2500] = 9.0;
    values[7] = 1.6;
    let (added, stored) = settled(&StoredRule::default(), &values, COVERS);
    assert_eq!((added.added.len(), added.added_total()), (MAX_LISTED, values.len() as u64));
    assert_eq!(added.added.iter().take(3).map(|alert| alert.value).collect::<Vec<_>>(), [9.0, 1.6, 1.1]);
    assert_eq!(added.added_by_severity[&Severity::Warning], 1);
    assert_eq!(times(&stored).len(), values.len());

    let (again, same) = settled(&stored, &values, COVERS);
    assert_eq!((again.writes(), again.changes_alerts()), (0, false), "nothing is new");
    assert_eq!(again.found_by_severity.values().sum::<u64>(), values.len() as u64);
    assert_eq!(times(&same), times(&stored));

    let (corrected, none) = settled(&stored, &[], COVERS);
    assert_eq!((corrected.withdrawn.len(), corrected.withdrawn_total), (MAX_LISTED, values.len() as u64));
    assert!(none.blocks.is_empty() && corrected.puts.is_empty());
    let (removed, _) = Change::removal(stored, &Arc::default(), || 7).unwrap().unwrap();
    assert_eq!(removed.withdrawn_total, values.len() as u64);
}

#[test]
fn a_few_alerts_are_listed_in_time_order() {
    let (added, stored) = settled(&StoredRule::default(), &[1.1, 9.0, 1.2], COVERS);
    assert_eq!(added.added.iter().map(|alert| alert.value).collect::<Vec<_>>(), [1.1, 9.0, 1.2]);
    let (changed, _) = settled(&stored, &[1.1, 8.0, 1.2], COVERS);
    assert_eq!(changed.added.iter().map(|alert| alert.value).collect::<Vec<_>>(), [8.0]);
}

#[test]
fn what_a_verdict_does_not_speak_of_stays() {
    let values = vec![2.0; 3 * BLOCK];
    let (_, stored) = settled(&StoredRule::default(), &values, COVERS);
    let mut corrected = values.clone();
    let (from, to) = (BLOCK as i64 + 10, BLOCK as i64 + 19);
    corrected[from as usize..=to as usize].fill(0.0);
    let (change, after) = settled(&stored, &corrected, (from, to));
    assert_eq!((change.withdrawn_total, change.added_total()), (10, 0));
    assert_eq!(times(&after).len(), values.len() - 10);
    assert_eq!(change.puts.len(), 1, "the block in the middle alone");
    // In the opposite order, one alert at a time, blocks do not stay small.
    let mut stored = StoredRule::default();
    for count in 1..=600 {
        (_, stored) = settled(&stored, &vec![2.0; count], (count as i64 - 1, count as i64 - 1));
    }
    assert_eq!(times(&stored), (0..600).collect::<Vec<_>>());
    assert!(stored.blocks.len() <= 3, "{}", stored.blocks.len());
}

#[test]
fn what_is_too_much_for_one_transaction_becomes_a_generation() {
    let fits = vec![2.0; IN_PLACE * BLOCK];
    let (in_place, stored) = settled(&StoredRule::default(), &fits, (0, i64::MAX - 1));
    assert_eq!((in_place.generation, in_place.puts.len()), (None, IN_PLACE));
    let more = vec![2.0; (IN_PLACE + 2) * BLOCK];
    let (staged, after) = settled(&stored, &more, (BLOCK as i64, i64::MAX - 1));
    assert_eq!((staged.generation, staged.added_total()), (Some(7), 2 * BLOCK as u64));
    assert_eq!(times(&after).len(), more.len());
    let all = vec![3.0; more.len()];
    let (replaced, after) = settled(&after, &all, (BLOCK as i64, i64::MAX - 1));
    assert_eq!((replaced.generation, replaced.puts.len()), (Some(7), 0));
    assert_eq!(replaced.added_total(), (all.len() - BLOCK) as u64);
    // What the verdict did not reach is kept.
    assert_eq!(times(&after), (0..all.len() as i64).collect::<Vec<_>>());
}

#[test]
fn blocks_that_overlap_are_taken_apart() {
    let (_, one) = settled(&StoredRule::default(), &[2.0, 2.0, 2.0], COVERS);
    let (_, two) = settled(&StoredRule::default(), &[0.0, 2.0, 2.0, 2.0], COVERS);
    let tangled = StoredRule { blocks: [one.blocks, two.blocks].concat(), ..StoredRule::default() };
    let (change, after) = settled(&tangled, &[2.0; 4], COVERS);
    assert_eq!((change.added_total(), change.withdrawn_total), (0, 0));
    assert_eq!(times(&after), [0, 1, 2, 3]);
}

#[test]
fn another_action_writes_all_blocks_anew() {
    let (_, stored) = settled(&StoredRule::default(), &vec![2.0; 2 * BLOCK], COVERS);
    let reconciler = Reconciler::new(source("Call"), stored, 2 * BLOCK as i64, 0).unwrap();
    let (change, _) = reconciler.finish(2 * BLOCK as i64, || 7).unwrap();
    assert!(!change.changes_alerts());
    assert_eq!(change.puts.len(), 2);
}

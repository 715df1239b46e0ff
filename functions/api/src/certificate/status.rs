//! The status of a certificate, and why it is no better.

use super::facts::{LimitFacts, SeriesFacts};
use super::ledger::Ledger;
use super::range::Range;
use domain::permit::{Limit, Season, Statistic};
use domain::time::{PeriodKind, month_of};
use std::collections::BTreeSet;
use table::permits::StoredPermit;

/// What the page says in large letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Compliant,
    NonCompliant,
    Insufficient,
}

/// The status with what stands in the way of a better one.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) gaps: Vec<Gap>,
    /// Stored exceedances and those of the readings differ: a file is being judged at this moment.
    pub(super) out_of_step: bool,
}

/// Something that could not be judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Gap {
    /// There is no reading in the period.
    NoReadings,
    /// There are readings, and no limit for any of them.
    NothingCompared,
    /// A limit of the site's own permit, and why it was compared with nothing.
    Unmet { limit: Box<Limit>, why: Why },
    /// Readings of a limited parameter in a unit that the limit's cannot be compared with.
    Units { outfall: String, parameter: String, unit: String, limit_unit: String, readings: u64 },
    /// A file that is not completely taken in.
    Unfinished { ingest: String },
    /// Readings or limits on which verdicts are still being worked out.
    Unsettled,
}

/// What of the site is not finished, whatever period it is about.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Verdicts are still being worked out.
    pub(super) unsettled: bool,
    /// Files whose recording was interrupted.
    pub(super) interrupted: Vec<String>,
}

/// Why a limit was compared with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// None of its readings are in the period.
    NoReadings,
    /// They are in other units.
    OtherUnits,
    /// They are fewer than its rolling mean asks for.
    TooFew(u32),
    /// None of the days, weeks or months of its statistic begins in the period and its season.
    NoPeriod,
}

/// Decides. `range` is what was asked for; where it is open, the readings of `series` close it.
pub(super) fn decide(
    permit: &StoredPermit,
    series: &[SeriesFacts],
    range: Range,
    ledger: &Ledger,
    site: &Unfinished,
) -> Outcome {
    let limits = || series.iter().flat_map(|series| &series.limits);
    let exceeds = limits().any(|limit| limit.exceeding.total() > 0 || limit.survey.exceedances_total() > 0);
    let mut gaps = Vec::new();
    if series.iter().all(|series| series.scan.readings == 0) && !limits().any(LimitFacts::was_compared) {
        gaps.push(Gap::NoReadings);
    } else {
        if !limits().any(LimitFacts::was_compared) {
            gaps.push(Gap::NothingCompared);
        }
        gaps.extend(unmet(permit, series, range));
        gaps.extend(series.iter().flat_map(units));
    }
    let of_range = ledger.files.iter().filter(|file| !file.done).map(|file| &file.id);
    let unfinished: BTreeSet<&String> = of_range.chain(&site.interrupted).collect();
    gaps.extend(unfinished.into_iter().map(|id| Gap::Unfinished { ingest: id.clone() }));
    if site.unsettled {
        gaps.push(Gap::Unsettled);
    }
    let status = match (exceeds, gaps.is_empty()) {
        (true, _) => Status::NonCompliant,
        (false, true) => Status::Compliant,
        (false, false) => Status::Insufficient,
    };
    Outcome { status, gaps, out_of_step: !limits().all(LimitFacts::in_step) }
}

/// The limits of the site's own permit that were compared with nothing though they hold at some time of the period.
/// The built-in permit was not written for the site: what it limits need not be measured there.
fn unmet(permit: &StoredPermit, series: &[SeriesFacts], range: Range) -> Vec<Gap> {
    if permit.version == 0 {
        return Vec::new();
    }
    let (from, to) = range.bounds();
    let first = series.iter().filter_map(|series| series.scan.first).map(|row| row.time).min();
    let last = series.iter().filter_map(|series| series.scan.last).map(|row| row.time).max();
    let span =
        (if from == i64::MIN { first.unwrap_or(0) } else { from }, if to == i64::MAX { last.unwrap_or(0) } else { to });
    let in_season = permit.permit.limits.iter().filter(|limit| holds_within(limit.season, span));
    let gap = |limit: &Limit| Some(Gap::Unmet { limit: Box::new(limit.clone()), why: why(limit, series)? });
    in_season.filter_map(gap).collect()
}

/// Why a limit was compared with nothing; `None` if it was compared with something.
fn why(limit: &Limit, series: &[SeriesFacts]) -> Option<Why> {
    let id = limit.id();
    let covered = || series.iter().filter(|series| limit.covers(&series.entry.series));
    let facts = || covered().flat_map(|series| &series.limits).filter(|facts| facts.rule.id == id);
    if facts().any(LimitFacts::was_compared) {
        return None;
    }
    Some(match limit.statistic {
        _ if covered().all(|series| series.scan.readings == 0) => Why::NoReadings,
        _ if facts().any(|facts| !facts.survey.incomparable.is_empty()) => Why::OtherUnits,
        Statistic::RollingMean(readings) if facts().any(|facts| facts.survey.judged > 0) => Why::TooFew(readings),
        _ => Why::NoPeriod,
    })
}

fn units(series: &SeriesFacts) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for limit in &series.limits {
        let limit_unit = limit.rule.limit.as_ref().map_or("", |limit| limit.unit.as_str());
        for (unit, &readings) in &limit.survey.incomparable {
            let (outfall, parameter) = (series.entry.series.outfall.clone(), series.entry.series.parameter.clone());
            let gap =
                Gap::Units { outfall, parameter, unit: unit.clone(), limit_unit: limit_unit.to_owned(), readings };
            // Several limits in one unit say the same.
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
    }
    gaps
}

/// Whether a season holds at some time of a stretch.
fn holds_within(season: Season, (from, to): (i64, i64)) -> bool {
    let mut month = from;
    // After twelve months every month has been met.
    for _ in 0..12 {
        if month > to {
            return false;
        }
        if season.contains(month_of(month)) {
            return true;
        }
        month = PeriodKind::Month.around(month).end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::from_clock;

    #[test]
    fn seasons_and_the_stretches_that_meet_them() {
        let stretch = |from: &str, to: &str| (from_clock(from).unwrap(), from_clock(to).unwrap());
        let summer = Season::of(&[6, 7, 8]);
        for (from, to, holds) in [
            ("2026-01-01", "2026-05-31", false),
            ("2026-05-31", "2026-06-01", true),
            ("2026-08-31", "2026-12-31", true),
            ("2026-09-01", "2027-05-31", false),
            ("2026-09-01", "2040-01-01", true),
        ] {
            assert_eq!(holds_within(summer, stretch(from, to)), holds, "{from} {to}");
            assert!(holds_within(Season::ALL, stretch(from, to)));
        }
    }
}

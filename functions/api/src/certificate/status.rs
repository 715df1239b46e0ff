//! The status of a certificate, and why it is no better.

use super::facts::{LimitFacts, SeriesFacts};
use super::ledger::Ledger;
use super::range::Range;
use domain::alert::AlertKind;
use domain::calendar::{Calendar, PeriodKind};
use domain::evaluate::Rule;
use domain::permit::{Limit, Other, Season};
use domain::statistic::Reach;
use domain::time::{self, TimeKind};
use serde::Serialize;
use std::collections::BTreeSet;
use table::permits::StoredPermit;
use utoipa::ToSchema;

/// The most periods without a value that are counted and named for a limit.
const MAX_MISSING: u64 = 1000;
const MAX_NAMED: usize = 12;

/// The status, printed in large letters on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CertificateStatus)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Compliant,
    NonCompliant,
    Insufficient,
}

/// The status, and the reasons why it is no better.
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
    /// There are readings, but none has a limit.
    NothingCompared,
    /// A limit of the site's own permit that was compared with nothing, and why.
    Unmet { limit: Box<Limit>, why: Why },
    /// Periods in which a limit has no value.
    Missing { limit: Box<Limit>, outfall: String, periods: Vec<String>, count: u64 },
    /// Values that may or may not exceed their limit.
    Inconclusive { limit: Box<Limit>, outfall: String, count: u64 },
    /// Periods with results that were compared with nothing, because the properties of the water are not known.
    NoWater { limit: Box<Limit>, outfall: String, count: u64 },
    /// Values that came with a limit that cannot be judged.
    Unjudged { outfall: String, parameter: String, count: u64 },
    /// Unreadable rows of a file that brought results for the period.
    Refused { ingest: String, source: String, rows: u64 },
    /// The site is judged by the built-in permit.
    NoPermit,
    /// Readings of a limited parameter whose unit does not compare with the limit's.
    Units { outfall: String, parameter: String, unit: String, limit_unit: String, readings: u64 },
    /// A file that is not completely ingested.
    Unfinished { ingest: String },
    /// Verdicts on readings or limits are still pending.
    Unsettled,
}

/// The unfinished work of the site, whatever period it concerns.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// Verdicts are still pending.
    pub(super) unsettled: bool,
    /// Files whose recording was interrupted.
    pub(super) interrupted: Vec<String>,
}

/// Why a limit was compared with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It has no readings in the period.
    NoReadings,
    /// Its readings are in other units.
    OtherUnits,
    /// There are fewer readings than its rolling mean needs.
    TooFew(u32),
    /// None of the days, weeks or months of its statistic begins in the period and its season.
    NoPeriod,
}

/// Decides. `range` is what was requested; on an open side, the readings of `series` close it.
pub(super) fn decide(
    permit: &StoredPermit,
    series: &[SeriesFacts],
    range: &Range,
    ledger: &Ledger,
    site: &Unfinished,
) -> Outcome {
    let limits = || series.iter().flat_map(|series| &series.limits);
    let exceeds = limits().any(|limit| limit.exceeding.total() > 0 || limit.survey.exceedances_total() > 0);
    let mut gaps = Vec::new();
    let is_violation = |limit: &&LimitFacts| limit.rule.kind() == AlertKind::Limit && limit.was_compared();
    if series.iter().all(|series| series.scan.readings == 0) && !limits().any(LimitFacts::was_compared) {
        gaps.push(Gap::NoReadings);
    } else {
        let compared = || limits().filter(is_violation);
        if !compared().any(|limit| limit.survey.judges()) {
            gaps.push(Gap::NothingCompared);
        } else if !permit.is_own() && compared().any(|limit| limit.rule.limit.is_some()) {
            gaps.push(Gap::NoPermit);
        }
        let span = closed(range, series);
        let unmet = unmet(permit, series, span);
        let is_told =
            |rule: &Rule| unmet.iter().any(|gap| matches!(gap, Gap::Unmet { limit, .. } if limit.id() == rule.id));
        for of in series {
            gaps.extend(units(of));
            gaps.extend(of.limits.iter().filter_map(|limit| inconclusive(of, limit)));
            gaps.extend(of.limits.iter().filter_map(|limit| without_water(of, limit)));
            gaps.extend(of.limits.iter().filter_map(|limit| unjudged(of, limit)));
            if permit.is_own() {
                let limits = of.limits.iter().filter(|limit| !is_told(&limit.rule));
                gaps.extend(limits.filter_map(|limit| missing(of, limit, span)));
            }
        }
        gaps.extend(unmet);
    }
    gaps.extend(ledger.files.iter().filter_map(|file| {
        let rows = file.rows_refused.filter(|rows| *rows > 0 && !file.is_resolved)?;
        Some(Gap::Refused { ingest: file.id.clone(), source: file.source.clone(), rows })
    }));
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

/// The range; an open side ends at the site's first or last reading.
fn closed(range: &Range, series: &[SeriesFacts]) -> (i64, i64) {
    let (from, to) = range.bounds();
    let first = series.iter().filter_map(|series| series.scan.first).map(|row| row.time).min();
    let last = series.iter().filter_map(|series| series.scan.last).map(|row| row.time).max();
    (if from == i64::MIN { first.unwrap_or(0) } else { from }, if to == i64::MAX { last.unwrap_or(0) } else { to })
}

/// The limits of the site's own permit that were compared with nothing although they are in force at some time in the
/// period. The built-in permit was not written for the site: its parameters need not be measured there.
fn unmet(permit: &StoredPermit, series: &[SeriesFacts], span: (i64, i64)) -> Vec<Gap> {
    if !permit.is_own() {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut gaps = Vec::new();
    for (version, window) in permit.history.in_force() {
        // The next version is in force from the moment at which this one ends.
        let span = (span.0.max(window.0), span.1.min(window.1.saturating_sub(1)));
        let limits = version.permit.limits.iter().filter(|limit| limit.kind == AlertKind::Limit);
        for limit in limits.filter(|limit| holds_within(limit.season, &permit.history.calendar, span)) {
            if let Some(why) = why(limit, series).filter(|_| seen.insert(limit.id())) {
                gaps.push(Gap::Unmet { limit: Box::new(limit.clone()), why });
            }
        }
    }
    gaps
}

/// Values that may or may not exceed the limit.
fn inconclusive(series: &SeriesFacts, facts: &LimitFacts) -> Option<Gap> {
    let limit = violated(&facts.rule).filter(|_| facts.survey.inconclusive > 0)?;
    let (limit, outfall) = (Box::new(limit.clone()), series.entry.series.outfall.clone());
    Some(Gap::Inconclusive { limit, outfall, count: facts.survey.inconclusive })
}

/// Results without a limit, because the limit depends on unknown properties of the water.
fn without_water(series: &SeriesFacts, facts: &LimitFacts) -> Option<Gap> {
    let is_of_water = |limit: &&Limit| matches!(limit.with, Some(Other::Water { .. }));
    let limit = violated(&facts.rule).filter(is_of_water).filter(|_| facts.survey.incomplete > 0)?;
    let (limit, outfall) = (Box::new(limit.clone()), series.entry.series.outfall.clone());
    Some(Gap::NoWater { limit, outfall, count: facts.survey.incomplete })
}

/// The permit's limit behind a rule, if exceeding it is a violation.
fn violated(rule: &Rule) -> Option<&Limit> {
    rule.limits.last().filter(|limit| limit.kind == AlertKind::Limit)
}

/// Values whose own limit cannot be judged, if the series has no other limits.
fn unjudged(series: &SeriesFacts, facts: &LimitFacts) -> Option<Gap> {
    let is_all = facts.survey.unjudged > 0 && facts.survey.values == 0;
    is_all.then(|| Gap::Unjudged {
        outfall: series.entry.series.outfall.clone(),
        parameter: series.entry.series.parameter.clone(),
        count: facts.survey.unjudged,
    })
}

/// Complete periods of the range, already over, for which a limit should have a value and has none.
fn missing(series: &SeriesFacts, facts: &LimitFacts, (from, to): (i64, i64)) -> Option<Gap> {
    let (rule, limit) = (&facts.rule, violated(&facts.rule)?);
    let (kind, to) = (rule.expected(), to.min(time::now()));
    let closed = limit.closed_from.map_or(i64::MAX, |day| rule.calendar.midnight(day));
    let (mut periods, mut count) = (Vec::new(), 0);
    let mut period = rule.calendar.around(kind, from);
    while period.start <= to && count < MAX_MISSING {
        let is_over = period.end <= time::now();
        let is_due = rule.holds_at(period.start) && period.start < closed;
        if is_over && is_due && !facts.survey.met.contains(&period.start) {
            count += 1;
            if periods.len() < MAX_NAMED {
                periods.push(rule.calendar.label(kind, period.start, TimeKind::Clock));
            }
        }
        period = rule.calendar.around(kind, period.end);
    }
    let (limit, outfall) = (Box::new(limit.clone()), series.entry.series.outfall.clone());
    (count > 0).then_some(Gap::Missing { limit, outfall, periods, count })
}

/// Why a limit was compared with nothing; `None` if it was compared with something.
fn why(limit: &Limit, series: &[SeriesFacts]) -> Option<Why> {
    let id = limit.id();
    let covered = || series.iter().filter(|series| limit.covers(&series.entry.series));
    let facts = || covered().flat_map(|series| &series.limits).filter(|facts| facts.rule.id == id);
    if facts().any(LimitFacts::was_compared) {
        return None;
    }
    Some(match limit.statistic.reach() {
        _ if covered().all(|series| series.scan.readings == 0) => Why::NoReadings,
        _ if facts().any(|facts| !facts.survey.incomparable.is_empty()) => Why::OtherUnits,
        Reach::Neighbours(readings) if facts().any(|facts| facts.survey.judged > 0) => Why::TooFew(readings as u32),
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
            // Several limits in one unit give the same gap.
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
    }
    gaps
}

/// Whether a season touches a stretch.
fn holds_within(season: Season, calendar: &Calendar, (from, to): (i64, i64)) -> bool {
    let mut month = from;
    // Twelve months cover every month of the year.
    for _ in 0..12 {
        if month > to {
            return false;
        }
        if season.contains(calendar.month_of(month)) {
            return true;
        }
        month = calendar.around(PeriodKind::Month, month).end;
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
        let utc = Calendar::default();
        let summer = Season::of(&[6, 7, 8]);
        for (from, to, holds) in [
            ("2026-01-01", "2026-05-31", false),
            ("2026-05-31", "2026-06-01", true),
            ("2026-08-31", "2026-12-31", true),
            ("2026-09-01", "2027-05-31", false),
            ("2026-09-01", "2040-01-01", true),
        ] {
            assert_eq!(holds_within(summer, &utc, stretch(from, to)), holds, "{from} {to}");
            assert!(holds_within(Season::ALL, &utc, stretch(from, to)));
        }
    }
}

//! The facts of a site and a period, read from the table.

use super::exceeding::{Exceeding, MAX_LISTED};
use super::ledger::{self, Ledger};
use super::range::Range;
use super::scan::{Scan, scan};
use super::status::{Outcome, Unfinished, decide};
use domain::alert::{Alert, Severity};
use domain::calendar::PeriodKind;
use domain::evaluate::{Rule, Survey};
use domain::statistic::Reach;
use domain::{name, time};
use engine::standing::surveys;
use engine::terms::Terms;
use engine::water;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use table::permits::StoredPermit;
use table::series::Entry;
use table::{Store, StoreError};
use web::request_id;

/// Series read at once. Reading is mostly waiting; each series holds its packed readings, 2 MB for a million.
const AT_ONCE: usize = 8;
/// The most series whose points are kept for a chart.
const MAX_CHARTS: usize = 100;

/// Everything that a certificate shows.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) site: String,
    pub(super) range: Range,
    pub(super) permit: StoredPermit,
    /// All series of the site, with or without readings in the period, by outfall and parameter.
    pub(super) series: Vec<SeriesFacts>,
    /// The first exceedances, with the time at which each begins, in time order: at most [`MAX_LISTED`].
    pub(super) exceedances: Vec<(i64, Alert)>,
    pub(super) by_severity: BTreeMap<Severity, u64>,
    pub(super) ledger: Ledger,
    pub(super) verdict: Outcome,
    /// Whether the period is over.
    pub(super) is_over: bool,
    pub(super) generated_at: String,
    pub(super) request_id: String,
}

/// A series in the period.
#[derive(Debug)]
pub(super) struct SeriesFacts {
    pub(super) entry: Entry,
    pub(super) scan: Scan,
    pub(super) limits: Vec<LimitFacts>,
    /// How many readings each revision brought.
    revisions: BTreeMap<u64, u64>,
}

/// A limit of a series in the period.
#[derive(Debug)]
pub(super) struct LimitFacts {
    pub(super) rule: Rule,
    pub(super) survey: Survey,
    pub(super) exceeding: Exceeding,
}

impl Facts {
    pub(super) fn exceedances_total(&self) -> u64 {
        self.by_severity.values().sum()
    }

    /// The series that have readings in the period.
    pub(super) fn present(&self) -> impl Iterator<Item = &SeriesFacts> {
        self.series.iter().filter(|series| series.scan.readings > 0)
    }

    /// The limits that something in the period was compared with, and their series.
    pub(super) fn compared(&self) -> impl Iterator<Item = (&SeriesFacts, &LimitFacts)> {
        let all = self.series.iter().flat_map(|series| series.limits.iter().map(move |limit| (series, limit)));
        all.filter(|(series, limit)| series.scan.readings > 0 || limit.was_compared() || limit.exceeding.total() > 0)
    }
}

impl LimitFacts {
    /// Whether anything in the period was compared with the limit: its statistic has a value, or it judged readings
    /// that cannot exceed, such as non-detects under a daily maximum. Too few readings for a rolling mean do not count.
    pub(super) fn was_compared(&self) -> bool {
        let is_rolling = matches!(self.rule.statistic.reach(), Reach::Neighbours(_));
        self.survey.values > 0 || self.survey.judged > 0 && !is_rolling && self.rule.other().is_none()
    }

    /// Whether the stored exceedances match the readings. For a moment while a file is judged, they do not.
    pub(super) fn in_step(&self) -> bool {
        self.survey.exceedances_total() == self.exceeding.total()
    }
}

/// Reads everything.
pub(super) async fn gather(
    store: &Store,
    site: String,
    permit: StoredPermit,
    range: Range,
) -> Result<Facts, StoreError> {
    let (before, changes) = (store.pending(&site).await?, store.head(&site).await?.changes);
    let terms = Terms::of(&permit);
    let mut entries = store.series_of(&site).await?;
    entries.sort_by_cached_key(|entry| {
        let series = &entry.series;
        [&series.outfall, &series.parameter, &series.base, &entry.unit, &series.variant].map(|part| name::key(part))
    });
    let (mut series, mut exceedances, mut by_severity, mut revisions) =
        (Vec::new(), Vec::new(), BTreeMap::new(), BTreeMap::new());
    for chunk in entries.chunks(AT_ONCE) {
        let charted = series.len() < MAX_CHARTS;
        let read = chunk.iter().map(async |entry| one(store, entry, &terms, &range, charted).await);
        for mut found in try_join_all(read).await? {
            for limit in &mut found.limits {
                exceedances.append(&mut limit.exceeding.listed);
                limit
                    .exceeding
                    .by_severity
                    .iter()
                    .for_each(|(severity, count)| *by_severity.entry(*severity).or_default() += count);
            }
            found.revisions.iter().for_each(|(revision, count)| *revisions.entry(*revision).or_default() += count);
            series.push(found);
        }
        exceedances.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.id.cmp(&other.id)));
        exceedances.truncate(MAX_LISTED);
    }
    let ledger = ledger::find(store, &site, &revisions).await?;
    // Anything that changed during the reads may have been seen in part.
    let outstanding = store.outstanding(&site).await?;
    let unsettled = before + store.pending(&site).await? > 0 || store.head(&site).await?.changes != changes;
    let unfinished = Unfinished { unsettled, interrupted: outstanding.interrupted };
    let verdict = decide(&permit, &series, &range, &ledger, &unfinished);
    let (generated_at, request_id) = (time::rfc3339_seconds(time::now()), request_id::current());
    let is_over = range.bounds().1 < time::now();
    Ok(Facts {
        is_over,
        site,
        range,
        permit,
        series,
        exceedances,
        by_severity,
        ledger,
        verdict,
        generated_at,
        request_id,
    })
}

/// A range, extended to whole periods.
fn whole(rule: &Rule, (from, to): (i64, i64)) -> (i64, i64) {
    match rule.statistic.period() {
        PeriodKind::Instant => (from, to),
        _ if from == i64::MIN => (from, to),
        kind => (rule.calendar.around(kind, from).start, to),
    }
}

async fn one(
    store: &Store,
    entry: &Entry,
    terms: &Terms,
    range: &Range,
    charted: bool,
) -> Result<SeriesFacts, StoreError> {
    let (from, to) = range.bounds();
    let (first, last) = entry.span(&terms.view);
    let bounds = (from.max(first), to.min(last));
    let mut facts =
        SeriesFacts { entry: entry.clone(), scan: Scan::default(), limits: Vec::new(), revisions: BTreeMap::new() };
    // There may be none: the readings of a month that begins in the period can all be later.
    if bounds.0 <= bounds.1 {
        let readings = store.readings(entry, &terms.view, bounds).await?;
        facts.revisions = readings.revisions()?;
        facts.scan = scan(readings, bounds, &entry.unit, charted).await?;
    }
    for (rule, survey) in surveys(store, entry, terms, (from, to)).await? {
        let mut blocks = store.alert_blocks(&entry.series.site, Some(&entry.id), Some(&rule.id)).await?;
        let range = whole(&rule, (from, to));
        water::add_to_blocks(store, &mut blocks, range).await?;
        facts.limits.push(LimitFacts { exceeding: Exceeding::of(&blocks, range), rule, survey });
    }
    Ok(facts)
}

//! Judging stretches of series: where the judge meets the table.

use crate::metrics;
use domain::columns::Columns;
use domain::evaluate::{Judge, Rule, rules_for};
use domain::permit::Permit;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use table::accounts::MAX_GRAVEST;
use table::alerts::{Change, Reconciler, Source, Stored, StoredRule};
use table::segments::Merged;
use table::series::Entry;
use table::{Store, StoreError};

/// What a rule found about a stretch of a series.
#[derive(Debug)]
pub(crate) struct Found {
    /// How many touched readings were compared with the limit.
    pub(crate) judged: u64,
    /// Touched readings whose unit cannot be compared with the limit's: their unit, the limit's, how many.
    pub(crate) incomparable: Vec<(String, String, u64)>,
    /// What has to be written.
    pub(crate) change: Change,
}

/// Whether what is found is to be written.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// Nothing is written.
    Preview,
    /// Blocks that are too many for one transaction are written as the judge goes on, and become valid with it.
    Settle(Generations),
}

/// Numbers for generations of alerts that no other attempt uses.
#[derive(Debug)]
pub(crate) struct Generations {
    fence: u64,
    next: AtomicU64,
}

impl Generations {
    /// For the holder of a lease, whose fence is its own.
    pub(crate) fn of(fence: u64) -> Self {
        Self { fence, next: AtomicU64::new(0) }
    }

    fn next(&self) -> u64 {
        self.fence << 24 | self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Purpose {
    fn generation(&self) -> u64 {
        if let Self::Settle(generations) = self { generations.next() } else { u64::MAX }
    }

    async fn stage(&self, store: &Store, blocks: Vec<Stored>) -> Result<(), StoreError> {
        match self {
            Self::Settle(_) if !blocks.is_empty() => store.stage_alerts(blocks).await,
            _ => Ok(()),
        }
    }
}

/// What alerts of a series under a rule have in common.
pub(crate) fn source(entry: &Entry, rule: &Rule) -> Source {
    Source {
        series: entry.series.clone(),
        series_id: entry.id.clone(),
        rule: rule.id.clone(),
        statistic: rule.statistic,
        action: rule.action.clone(),
    }
}

/// Judges a stretch of a stored series by all rules of a permit, and withdraws what is left of rules that are no longer
/// in it.
pub(crate) async fn judge(
    store: &Store,
    entry: &Entry,
    permit: &Permit,
    touched: (i64, i64),
    purpose: &Purpose,
) -> Result<Vec<Found>, StoreError> {
    let started = Instant::now();
    let rules = rules_for(&entry.series, permit, entry.carries_limits);
    let mut stored = store.stored_rules(&entry.series.site, &entry.id).await?;
    let mut found = Vec::new();
    if let Some(readings) = store.context(entry, &rules, touched).await? {
        for rule in &rules {
            let known = stored.remove(&rule.id).unwrap_or_default();
            // The readings are kept packed, and unpacked for each rule.
            found.push(judge_by(store, entry, rule, known, readings.clone(), touched, purpose).await?);
        }
    }
    for gone in stored.into_values() {
        if let Some((change, blocks)) = Change::removal(gone, || purpose.generation())? {
            purpose.stage(store, blocks).await?;
            found.push(Found { judged: 0, incomparable: Vec::new(), change });
        }
    }
    metrics::evaluated(started.elapsed());
    Ok(found)
}

async fn judge_by(
    store: &Store,
    entry: &Entry,
    rule: &Rule,
    stored: StoredRule,
    mut readings: Merged,
    touched: (i64, i64),
    purpose: &Purpose,
) -> Result<Found, StoreError> {
    let mut judge = Judge::new(rule, touched);
    let mut reconciler = Reconciler::new(source(entry, rule), stored, judge.covers_from(), MAX_GRAVEST)?;
    while let Some(piece) = readings.next_piece()? {
        judge.feed(&piece);
        reconciler.found(&judge.drain())?;
        purpose.stage(store, reconciler.overflow(|| purpose.generation())?).await?;
        tokio::task::yield_now().await;
    }
    let verdict = judge.finish();
    reconciler.found(&verdict.exceedances)?;
    let (change, blocks) = reconciler.finish(verdict.covers.1, || purpose.generation())?;
    purpose.stage(store, blocks).await?;
    let limit_unit = rule.limit.as_ref().map_or("", |limit| limit.unit.as_str());
    let units = verdict.incomparable.iter();
    Ok(Found {
        judged: verdict.judged,
        incomparable: units.map(|(unit, count)| (unit.clone(), limit_unit.to_owned(), *count)).collect(),
        change,
    })
}

/// Judges readings that are at hand, in time order and with the context that the rules need. `None` if what changes is
/// too much for one transaction.
pub(crate) fn judge_columns(
    entry: &Entry,
    rules: &[Rule],
    columns: &Columns,
    touched: (i64, i64),
    stored: &BTreeMap<String, StoredRule>,
) -> Result<Option<Vec<Change>>, StoreError> {
    let mut changes = Vec::new();
    for rule in rules {
        let mut judge = Judge::new(rule, touched);
        let from = judge.covers_from();
        judge.feed(columns);
        let verdict = judge.finish();
        let known = stored.get(&rule.id).cloned().unwrap_or_default();
        if verdict.exceedances.is_empty() && known.is_untouched(from, &rule.action)? {
            continue;
        }
        let mut reconciler = Reconciler::new(source(entry, rule), known, from, 0)?;
        reconciler.found(&verdict.exceedances)?;
        let (change, blocks) = reconciler.finish(verdict.covers.1, || u64::MAX)?;
        if !blocks.is_empty() {
            return Ok(None);
        }
        if change.writes() > 0 {
            changes.push(change);
        }
    }
    Ok(Some(changes))
}

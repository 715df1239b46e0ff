//! Judges stretches of stored series.

use crate::metrics;
use crate::terms::{Terms, other_series};
use domain::columns::{Columns, TooManyUnits};
use domain::derive::{self, Derived};
use domain::evaluate::{Judge, Rule};
use domain::history::History;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use table::accounts::MAX_GRAVEST;
use table::alerts::{Change, Reconciler, Source, Stored, StoredRule};
use table::segments::View;
use table::series::Entry;
use table::{Store, StoreError};

/// The result of a rule for a stretch of a series.
#[derive(Debug)]
pub(crate) struct Found {
    /// How many touched readings were compared with the limit.
    pub(crate) judged: u64,
    /// Touched readings whose unit does not compare with the limit's: their unit, the limit's, how many.
    pub(crate) incomparable: Vec<(String, String, u64)>,
    /// How many values leave open whether they exceed the limit.
    pub(crate) inconclusive: u64,
    /// How many periods with results were compared with nothing, because the properties of the water are not known.
    pub(crate) without_water: u64,
    /// The changes to write.
    pub(crate) change: Change,
}

impl Found {
    /// The result for readings of another series: only what is new through them.
    fn of_another(mut self) -> Self {
        (self.judged, self.inconclusive, self.without_water) = (0, 0, 0);
        self.incomparable.clear();
        self.change.found_by_severity.clone_from(&self.change.added_by_severity);
        self.change.gravest.truncate(if self.change.added_total() > 0 { usize::MAX } else { 0 });
        self
    }
}

/// Whether results are written.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// Nothing is written.
    Preview,
    /// Blocks that are too many for one transaction are written during judging, and become valid with the last
    /// transaction.
    Settle(Generations),
}

/// Numbers for generations of alerts that no other attempt uses.
#[derive(Debug)]
pub(crate) struct Generations {
    fence: u64,
    next: AtomicU64,
}

impl Generations {
    /// For the holder of a lease, which has its own fence.
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

/// The common properties of a series' alerts under a rule.
pub(crate) fn source(entry: &Entry, rule: &Rule, history: &Arc<History>) -> Source {
    Source {
        series: entry.series.clone(),
        series_id: entry.id.clone(),
        rule: rule.id.clone(),
        statistic: rule.statistic,
        action: rule.action().to_owned(),
        thresholds: rule.thresholds(),
        history: history.clone(),
        waters: Arc::default(),
    }
}

/// Whose readings have touched a stretch of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TouchedBy {
    /// Its own.
    Own,
    /// Those of another series from which its values or limits are computed: they touch whole periods.
    Another,
}

/// Judges a stretch of a stored series by all rules of a permit, and withdraws the alerts of rules that are no longer
/// in it.
pub(crate) async fn judge(
    store: &Store,
    entry: &Entry,
    terms: &Terms,
    (touched, by): ((i64, i64), TouchedBy),
    purpose: &Purpose,
) -> Result<Vec<Found>, StoreError> {
    let started = Instant::now();
    let rules = entry.rules(&terms.history);
    let mut stored = store.stored_rules(&entry.series.site, &entry.id).await?;
    let mut found = Vec::new();
    let (made, own): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| rule.other().is_some());
    if let Some(readings) = store.context(entry, &terms.view, &own, touched).await? {
        for rule in &own {
            let known = stored.remove(&rule.id).unwrap_or_default();
            // The readings stay packed, and are unpacked for each rule.
            let mut readings = readings.clone();
            let next = || readings.next_piece();
            let source = source(entry, rule, &terms.history);
            found.push(judge_by(store, (rule, source), known, next, touched, purpose).await?);
        }
    }
    for rule in &made {
        let known = stored.remove(&rule.id).unwrap_or_default();
        found.push(judge_made(store, (entry, terms), rule, known, (touched, by), purpose).await?);
    }
    for gone in stored.into_values() {
        if let Some((change, blocks)) = Change::removal(gone, &terms.history, || purpose.generation())? {
            purpose.stage(store, blocks).await?;
            found.push(Found { judged: 0, incomparable: Vec::new(), inconclusive: 0, without_water: 0, change });
        }
    }
    metrics::evaluated(started.elapsed());
    Ok(if by == TouchedBy::Own { found } else { found.into_iter().map(Found::of_another).collect() })
}

/// Judges values that are computed from several series.
async fn judge_made(
    store: &Store,
    (entry, terms): (&Entry, &Terms),
    rule: &Rule,
    stored: StoredRule,
    (touched, by): ((i64, i64), TouchedBy),
    purpose: &Purpose,
) -> Result<Found, StoreError> {
    let whole = whole_periods(rule, touched);
    // A single result is judged with the water of its period; loads and removals are values of whole periods.
    let touched = if rule.is_of_water() && by == TouchedBy::Own { touched } else { whole };
    let Derived { columns, waters, incomplete } = made_values(store, (entry, terms), rule, touched).await?;
    let source = Source { waters: Arc::new(waters), ..source(entry, rule, &terms.history) };
    let mut values = Some(columns);
    let found = judge_by(store, (rule, source), stored, || Ok(values.take()), touched, purpose).await?;
    let without_water = match rule.is_of_water() {
        true => rule.count_held(incomplete.into_iter().filter(|start| (whole.0..=whole.1).contains(start))),
        false => 0,
    };
    Ok(Found { without_water, ..found })
}

/// The whole periods from which a rule's values are computed.
pub(crate) fn whole_periods(rule: &Rule, (first, last): (i64, i64)) -> (i64, i64) {
    let Some(limit) = rule.latest().filter(|limit| limit.with.is_some()) else { return (first, last) };
    let kind = derive::period(limit);
    (rule.calendar.around(kind, first).start, rule.calendar.around(kind, last).end - 1)
}

/// The values that a rule computes from several series, with the context that a stretch needs.
pub(crate) async fn made_values(
    store: &Store,
    (entry, terms): (&Entry, &Terms),
    rule: &Rule,
    touched: (i64, i64),
) -> Result<Derived, StoreError> {
    let (Some(with), Some(limit)) = (rule.other(), rule.latest()) else { return Ok(Derived::default()) };
    let context = rule.context(touched);
    // Neighbours are values, and nobody knows in advance how far away they are.
    let has_neighbours = context.neighbours > 0;
    let range = if has_neighbours { entry.span(&terms.view) } else { (context.from, context.to - 1) };
    let range = whole_periods(rule, range);
    let own = all(store, entry, &terms.view, range).await?;
    let mut others = Vec::new();
    for named in other_series(store, entry, with).await? {
        let mut columns = Vec::new();
        for other in &named {
            columns.push(match other {
                Some(other) => all(store, other, &terms.view, range).await?,
                None => Columns::default(),
            });
        }
        others.push(derive::one_of(columns, derive::period(limit), &rule.calendar));
    }
    Ok(derive::derive(&own, &others, limit, &rule.calendar))
}

/// The readings of a series between two times.
pub(crate) async fn all(store: &Store, entry: &Entry, view: &View, range: (i64, i64)) -> Result<Columns, StoreError> {
    let mut columns = Columns::default();
    let mut readings = store.readings(entry, view, range).await?;
    while let Some(piece) = readings.next_piece()? {
        columns.append(&piece).map_err(too_many_units)?;
    }
    Ok(columns)
}

pub(crate) fn too_many_units(error: TooManyUnits) -> StoreError {
    StoreError::Damaged { key: "series".into(), reason: error.to_string() }
}

async fn judge_by(
    store: &Store,
    (rule, source): (&Rule, Source),
    stored: StoredRule,
    mut next: impl FnMut() -> Result<Option<Columns>, StoreError>,
    touched: (i64, i64),
    purpose: &Purpose,
) -> Result<Found, StoreError> {
    let mut judge = Judge::new(rule, touched);
    let from = judge.covers_from();
    let mut reconciler = Reconciler::new(source, stored, from, MAX_GRAVEST)?;
    while let Some(piece) = next()? {
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
        inconclusive: verdict.inconclusive,
        without_water: 0,
        change,
    })
}

/// Judges given readings, in time order and with the context that the rules need. `None` if the changes are too many
/// for one transaction.
pub(crate) fn judge_columns(
    (entry, history): (&Entry, &Arc<History>),
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
        let source = source(entry, rule, history);
        if verdict.exceedances.is_empty() && known.is_untouched(from, &source)? {
            continue;
        }
        let mut reconciler = Reconciler::new(source, known, from, 0)?;
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

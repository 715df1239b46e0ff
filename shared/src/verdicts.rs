//! Verdicts on what is stored: where the judge meets the table.

use crate::domain::columns::Columns;
use crate::domain::evaluate::rules_for;
use crate::domain::evaluate::{Context, Judge, Rule, Verdict};
use crate::domain::permit::Permit;
use crate::ingest::alert_events;
use crate::live::ports::Announce;
use crate::store::alerts::{self, Block, Change};
use crate::store::feed::Event;
use crate::store::permits::StoredPermit;
use crate::store::series::Entry;
use crate::store::{Store, StoreError, Transaction};
use crate::telemetry::metrics;
use std::collections::BTreeMap;
use std::time::Instant;

/// A rule, and what it found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The rule.
    pub rule: Rule,
    /// Its verdict.
    pub verdict: Verdict,
}

/// What is known of a series and what has to change about its alerts.
#[derive(Debug)]
pub struct Judged {
    /// The directory entry that the verdict is based on.
    pub entry: Entry,
    /// The verdict of each rule.
    pub found: Vec<Found>,
    /// What has to be written.
    pub changes: Vec<Change>,
}

impl Judged {
    /// How many touched readings some rule was applied to.
    pub fn judged(&self) -> u64 {
        self.found.iter().map(|found| found.verdict.judged).max().unwrap_or_default()
    }
}

/// Judges the stretch of a stored series that new readings touched.
pub async fn judge(store: &Store, entry: Entry, permit: &Permit, touched: (i64, i64)) -> Result<Judged, StoreError> {
    let started = Instant::now();
    let rules = rules_for(&entry.series, permit, entry.carries_limits);
    let context = rules.iter().map(|rule| rule.context(touched)).reduce(Context::union);
    let verdicts = match context {
        None => Vec::new(),
        Some(context) => {
            let mut judges: Vec<_> = rules.iter().map(|rule| Judge::new(rule, touched)).collect();
            let mut readings = store.context(&entry, context).await?;
            while let Some(piece) = readings.next_piece()? {
                judges.iter_mut().for_each(|judge| judge.feed(&piece));
                tokio::task::yield_now().await;
            }
            judges.into_iter().map(Judge::finish).collect()
        }
    };
    let found: Vec<_> = std::iter::zip(rules, verdicts).map(|(rule, verdict)| Found { rule, verdict }).collect();
    let blocks = store.alert_blocks(&entry.series.site, Some(&entry.id), None).await?;
    let changes = changes(&entry, &found, &blocks)?;
    metrics::evaluated(started.elapsed());
    Ok(Judged { entry, found, changes })
}

/// Judges readings that are at hand, in time order and with the context that their rules need.
pub(crate) fn judge_columns(rules: &[Rule], columns: &Columns, touched: (i64, i64)) -> Vec<Found> {
    let judge = |rule: &Rule| {
        let mut judge = Judge::new(rule, touched);
        judge.feed(columns);
        Found { rule: rule.clone(), verdict: judge.finish() }
    };
    rules.iter().map(judge).collect()
}

/// What has to be written so that the stored alerts agree with the verdicts; alerts of rules that no longer are in
/// the permit go.
pub(crate) fn changes(entry: &Entry, found: &[Found], blocks: &[Block]) -> Result<Vec<Change>, StoreError> {
    let mut by_rule: BTreeMap<&str, Vec<Block>> = BTreeMap::new();
    for block in blocks {
        by_rule.entry(&block.rule).or_default().push(block.clone());
    }
    let mut changes = Vec::new();
    for Found { rule, verdict } in found {
        let known = by_rule.remove(rule.id.as_str()).unwrap_or_default();
        changes.push(alerts::change(&entry.series, rule, verdict, &known)?);
    }
    changes.extend(by_rule.into_values().map(|gone| alerts::removal(&entry.series.site, &gone)));
    Ok(changes)
}

/// What a new permit changed.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The permit in force.
    pub permit: StoredPermit,
    /// Exceedances that were none before.
    pub alerts_new: u64,
    /// Alerts that no longer hold.
    pub alerts_withdrawn: u64,
}

/// The most alerts that a new permit pushes to subscribers.
const MAX_PUSHED: usize = 500;

/// Puts a permit in force: judges all that is stored of the site by it, and announces what changes.
pub async fn adopt_permit(
    store: &Store,
    announce: &dyn Announce,
    site: &str,
    permit: &Permit,
) -> Result<Adopted, StoreError> {
    store.note_site(site).await?;
    let stored = store.put_permit(site, permit).await?;
    // Who keeps the old permit in memory notices by the revision.
    store.next_revision(site).await?;
    let mut changes = Vec::new();
    for entry in store.series_of(site).await? {
        changes.extend(settle(store, entry, permit).await?);
    }
    let (added, withdrawn): (Vec<_>, Vec<_>) =
        changes.into_iter().map(|change| (change.added, change.withdrawn)).unzip();
    let (mut added, mut withdrawn) = (added.concat(), withdrawn.concat());
    let adopted = Adopted { permit: stored, alerts_new: added.len() as u64, alerts_withdrawn: withdrawn.len() as u64 };
    added.iter().for_each(|alert| metrics::alerts_raised(alert.severity, 1));
    added.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    added.truncate(MAX_PUSHED);
    withdrawn.truncate(MAX_PUSHED);
    let events = alert_events(&added, &withdrawn, adopted.alerts_new, None);
    if !events.is_empty() {
        publish(store, announce, site, &events).await?;
    }
    Ok(adopted)
}

/// Appends events to the feed of a site.
async fn publish(store: &Store, announce: &dyn Announce, site: &str, events: &[Event]) -> Result<(), StoreError> {
    loop {
        let mut transaction = Transaction::default();
        let head = store.head(site).await?;
        let entries = store.append(&mut transaction, site, head, events)?;
        match store.commit(transaction).await {
            Ok(()) => {
                announce.announce(site, entries);
                return Ok(());
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Judges a whole series and writes the changes, again if somebody else wrote in between.
async fn settle(store: &Store, mut entry: Entry, permit: &Permit) -> Result<Vec<Change>, StoreError> {
    loop {
        let whole = (entry.first, entry.latest.time);
        let mut judged = judge(store, entry, permit, whole).await?;
        match store.write_alerts(&mut judged.entry, &judged.changes).await {
            Ok(()) => return Ok(judged.changes),
            Err(StoreError::Conflict) => {
                let (site, id) = (&judged.entry.series.site, &judged.entry.id);
                entry = store.series(site, id).await?.ok_or(StoreError::Conflict)?;
            }
            Err(error) => return Err(error),
        }
    }
}

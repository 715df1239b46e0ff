//! Verdicts on what is stored: where the judge meets the table.

use crate::answer::MAX_ANSWERED_ALERTS;
use crate::events::alert_events;
use crate::metrics;
use domain::alert::{self, Alert, Severity};
use domain::columns::Columns;
use domain::evaluate::rules_for;
use domain::evaluate::{Context, Judge, Rule, Survey, Surveyor, Verdict};
use domain::permit::{Permit, Statistic};
use domain::time::PeriodKind;
use live::ports::Announce;
use std::collections::BTreeMap;
use std::time::Instant;
use table::alerts::{self, Block, Change};
use table::feed::Event;
use table::permits::StoredPermit;
use table::segments::Merged;
use table::series::Entry;
use table::{Store, StoreError, Transaction};

/// A rule, and what it found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The rule.
    pub rule: Rule,
    /// Its verdict.
    pub verdict: Verdict,
}

/// What a rule found, in short. The exceedances themselves can be as many as the readings: a rule's are in its
/// [`Change`] and gone before the next rule is judged.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many touched readings were compared with the limit.
    pub judged: u64,
    /// Readings whose unit cannot be compared with the limit's: their unit, the limit's, how many.
    pub incomparable: Vec<(String, String, u64)>,
    /// The exceedances by severity.
    pub by_severity: BTreeMap<Severity, u64>,
    /// The gravest of them, at most [`MAX_ANSWERED_ALERTS`].
    pub gravest: Vec<Alert>,
}

impl Summary {
    fn of(entry: &Entry, Found { rule, verdict }: &Found) -> Self {
        let rows = &verdict.exceedances;
        let mut by_severity = BTreeMap::new();
        alerts::count_severities(rows, &mut by_severity);
        let worst = alerts::gravest(rows, (0..rows.len() as u32).collect(), MAX_ANSWERED_ALERTS);
        let limit_unit = rule.limit.as_ref().map_or("", |limit| limit.unit.as_str());
        let units = verdict.incomparable.iter();
        Self {
            judged: verdict.judged,
            incomparable: units.map(|(unit, count)| (unit.clone(), limit_unit.to_owned(), *count)).collect(),
            by_severity,
            gravest: worst
                .into_iter()
                .map(|index| alerts::alert_of(&entry.series, &entry.id, rule, rows, index as usize))
                .collect(),
        }
    }
}

/// What is known of a series and what has to change about its alerts.
#[derive(Debug)]
pub struct Judged {
    /// The directory entry that the verdict is based on.
    pub entry: Entry,
    /// What each rule found.
    pub found: Vec<Summary>,
    /// What has to be written.
    pub changes: Vec<Change>,
}

impl Judged {
    /// How many touched readings some rule was applied to.
    pub fn judged(&self) -> u64 {
        self.found.iter().map(|found| found.judged).max().unwrap_or_default()
    }
}

/// Judges the stretch of a stored series that new readings touched.
pub async fn judge(store: &Store, entry: Entry, permit: &Permit, touched: (i64, i64)) -> Result<Judged, StoreError> {
    let started = Instant::now();
    let rules = rules_for(&entry.series, permit, entry.carries_limits);
    let context = rules.iter().map(|rule| rule.context(touched)).reduce(Context::union);
    let mut blocks = by_rule(&store.alert_blocks(&entry.series.site, Some(&entry.id), None).await?);
    let (mut found, mut changes) = (Vec::new(), Vec::new());
    if let Some(context) = context {
        let readings = store.context(&entry, context).await?;
        for rule in rules {
            // The readings are kept packed, and unpacked for each rule.
            let verdict = judge_by(&rule, readings.clone(), touched).await?;
            let one = Found { rule, verdict };
            let known = blocks.remove(&one.rule.id).unwrap_or_default();
            found.push(Summary::of(&entry, &one));
            changes.push(alerts::change(&entry.series, &one.rule, &one.verdict, &known)?);
        }
    }
    changes.extend(blocks.into_values().map(|gone| alerts::removal(&entry.series.site, &gone)));
    metrics::evaluated(started.elapsed());
    Ok(Judged { entry, found, changes })
}

async fn judge_by(rule: &Rule, mut readings: Merged, touched: (i64, i64)) -> Result<Verdict, StoreError> {
    let mut judge = Judge::new(rule, touched);
    while let Some(piece) = readings.next_piece()? {
        judge.feed(&piece);
        tokio::task::yield_now().await;
    }
    Ok(judge.finish())
}

/// What the statistic of each rule comes to in the period of a series' latest reading.
pub async fn standing(store: &Store, entry: &Entry, permit: &Permit) -> Result<Vec<(Rule, Survey)>, StoreError> {
    let touched = (entry.latest.time, entry.latest.time);
    let rules = rules_for(&entry.series, permit, entry.carries_limits);
    let Some(context) = rules.iter().map(|rule| rule.context(touched)).reduce(Context::union) else {
        return Ok(Vec::new());
    };
    let readings = store.context(entry, context).await?;
    let mut surveys = Vec::new();
    for rule in rules {
        let mut pieces = readings.clone();
        let survey = Surveyor::new(&rule, touched).run(|| pieces.next_piece())?;
        surveys.push((rule, survey));
        tokio::task::yield_now().await;
    }
    Ok(surveys)
}

/// What the statistic of each rule came to in the periods that begin between two times, both included.
pub async fn surveys(
    store: &Store,
    entry: &Entry,
    permit: &Permit,
    range: (i64, i64),
) -> Result<Vec<(Rule, Survey)>, StoreError> {
    let mut found = Vec::new();
    for rule in rules_for(&entry.series, permit, entry.carries_limits) {
        let Some(touched) = beginning_within(&rule, entry, range) else {
            found.push((rule, Survey::default()));
            continue;
        };
        let (from, _) = store.context_span(entry, rule.context(touched)).await?;
        // Up to the end of the last period: what comes later belongs to periods that begin later.
        let to = rule.statistic.period().around(touched.1).end - 1;
        let mut readings = store.readings(entry, from, to).await?;
        let survey = move || {
            let survey = Surveyor::new(&rule, touched).run(|| readings.next_piece())?;
            Ok::<_, StoreError>((rule, survey))
        };
        // A million readings are work for a second, which nobody else is to wait for.
        let done = tokio::task::spawn_blocking(survey).await;
        found.push(done.map_err(|error| StoreError::Service(error.to_string()))??);
    }
    Ok(found)
}

/// The stretch of readings that make up the periods which begin within a range of time, as far as there are any.
fn beginning_within(rule: &Rule, entry: &Entry, (from, to): (i64, i64)) -> Option<(i64, i64)> {
    let kind = if rule.statistic == Statistic::AsReported { PeriodKind::Instant } else { rule.statistic.period() };
    let opening = kind.around(from.max(entry.first));
    let first = if opening.start < from { opening.end } else { opening.start };
    let last = to.min(entry.latest.time);
    (first <= last).then_some((first, last))
}

fn by_rule(blocks: &[Block]) -> BTreeMap<String, Vec<Block>> {
    let mut by_rule: BTreeMap<String, Vec<Block>> = BTreeMap::new();
    for block in blocks {
        by_rule.entry(block.rule.clone()).or_default().push(block.clone());
    }
    by_rule
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
    let mut by_rule = by_rule(blocks);
    let mut changes = Vec::new();
    for Found { rule, verdict } in found {
        let known = by_rule.remove(rule.id.as_str()).unwrap_or_default();
        changes.push(alerts::change(&entry.series, rule, verdict, &known)?);
    }
    changes.extend(by_rule.into_values().map(|gone| alerts::removal(&entry.series.site, &gone)));
    Ok(changes)
}

/// What a permit would change, were it in force.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// All exceedances there would be, by severity.
    pub by_severity: BTreeMap<Severity, u64>,
    /// Those that are none now.
    pub alerts_new: u64,
    /// Alerts that would no longer hold.
    pub alerts_withdrawn: u64,
    /// The gravest exceedances, at most [`MAX_ANSWERED_ALERTS`].
    pub gravest: Vec<Alert>,
}

/// Judges all that is stored of a site by a permit that is not in force. Nothing is written.
pub async fn preview_permit(store: &Store, site: &str, permit: &Permit) -> Result<Preview, StoreError> {
    let mut preview = Preview::default();
    for entry in store.series_of(site).await? {
        let whole = (entry.first, entry.latest.time);
        let judged = judge(store, entry, permit, whole).await?;
        for found in judged.found {
            for (severity, count) in found.by_severity {
                *preview.by_severity.entry(severity).or_default() += count;
            }
            preview.gravest.extend(found.gravest);
        }
        preview.alerts_new += judged.changes.iter().map(Change::added_total).sum::<u64>();
        preview.alerts_withdrawn += judged.changes.iter().map(|change| change.withdrawn_total).sum::<u64>();
        alert::sort_by_gravity(&mut preview.gravest);
        preview.gravest.truncate(MAX_ANSWERED_ALERTS);
    }
    Ok(preview)
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

/// Puts a permit in force in place of version `over`: judges all that is stored of the site by it, and announces what
/// changes. `None` if another version is in force by now.
pub async fn adopt_permit(
    store: &Store,
    announce: &dyn Announce,
    site: &str,
    permit: &Permit,
    over: u64,
) -> Result<Option<Adopted>, StoreError> {
    store.note_site(site).await?;
    let Some(stored) = store.put_permit(site, permit, over).await? else {
        return Ok(None);
    };
    // Who keeps the old permit in memory notices by the revision.
    store.next_revision(site).await?;
    let mut adopted = Adopted { permit: stored, alerts_new: 0, alerts_withdrawn: 0 };
    let (mut added, mut withdrawn) = (Vec::new(), Vec::new());
    for entry in store.series_of(site).await? {
        for change in settle(store, entry, permit).await? {
            adopted.alerts_new += change.added_total();
            adopted.alerts_withdrawn += change.withdrawn_total;
            change.added_by_severity.iter().for_each(|(&severity, &count)| metrics::alerts_raised(severity, count));
            added.extend(change.added);
            withdrawn.extend(change.withdrawn);
        }
    }
    added.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    added.truncate(MAX_PUSHED);
    withdrawn.truncate(MAX_PUSHED);
    let events = alert_events(&added, &withdrawn, adopted.alerts_new, None);
    if !events.is_empty() {
        publish(store, announce, site, &events).await?;
    }
    Ok(Some(adopted))
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

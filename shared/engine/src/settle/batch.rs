//! A settlement's writes: the steps that fit into one transaction, and what follows from them.

use super::pass::Task;
use crate::answer::bound;
use crate::events::{alert_events, event};
use crate::judge::Found;
use crate::metrics;
use crate::summary;
use domain::alert::{Alert, sort_by_gravity};
use domain::reading::Series;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use table::accounts::{Account, Incomparable};
use table::alerts::Change;
use table::feed::Draft;
use table::marks::{Mark, Origin};
use table::settle::{ROOM, ROOM_BYTES};

/// The most alerts of one rule of a series that events list, and their bytes; the event counts the rest.
const MAX_NAMED: usize = 200;
const NAMED_BYTES: usize = 150 * 1024;
/// The most alerts, new and withdrawn, that events list for one file or permit.
const MAX_NAMED_OF_ORIGIN: u64 = 1000;
/// The most origins of one settlement, each with an account.
const MAX_ORIGINS: usize = 8;

/// A change, or the end of a task.
pub(super) struct Step {
    task: Arc<Marked>,
    change: Option<Change>,
    /// The last step of a task removes its marks and records its result: if something comes between its steps, all of
    /// it is judged again.
    last: Option<Account>,
    bytes: usize,
}

/// Marks that are settled together.
struct Marked {
    marks: Vec<Mark>,
}

/// Steps that are written together.
#[derive(Default)]
pub(super) struct Batch {
    steps: Vec<Step>,
    writes: usize,
    bytes: usize,
}

/// The effects of a batch on others.
pub(super) struct Written {
    pub(super) accounts: Vec<(Origin, Account)>,
    pub(super) events: Vec<Draft>,
    /// Files without any marks left at the site.
    pub(super) finished: Vec<String>,
}

impl Batch {
    /// The steps of a task, in order.
    pub(super) fn steps(task: Task) -> Vec<Step> {
        let Task { marks, entry, found, limited, sets } = task;
        let mut facts = entry.map_or_else(Account::default, |entry| facts(&entry.series, &found, limited));
        sets.add_to(&mut facts);
        let task = Arc::new(Marked { marks });
        let step = |change: Change| {
            let change = shortened(change);
            let named: usize =
                change.added.iter().map(|alert| serde_json::to_vec(alert).map_or(0, |json| json.len())).sum();
            let bytes = change.bytes() + named + 24 * change.withdrawn.len();
            Step { task: task.clone(), change: Some(change), last: None, bytes }
        };
        let mut steps: Vec<Step> = found.into_iter().map(|Found { change, .. }| step(change)).collect();
        match steps.last_mut() {
            Some(last) => last.last = Some(facts),
            None => steps.push(Step { task: task.clone(), change: None, last: Some(facts), bytes: 0 }),
        }
        steps
    }

    /// Whether a step fits with those already here.
    pub(super) fn has_room(&self, step: &Step) -> bool {
        let mut origins: BTreeSet<_> = self.origins().collect();
        origins.extend(step.task.marks.first().map(|mark| mark.origin.clone()));
        self.steps.is_empty()
            || self.writes + step.writes() <= ROOM
                && self.bytes + step.bytes <= ROOM_BYTES
                && origins.len() <= MAX_ORIGINS
    }

    pub(super) fn add(&mut self, step: Step) {
        self.writes += step.writes();
        self.bytes += step.bytes;
        self.steps.push(step);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The origins that are told the result.
    pub(super) fn origins(&self) -> impl Iterator<Item = Origin> + use<'_> {
        self.steps.iter().filter_map(|step| step.task.marks.first()).map(|mark| mark.origin.clone())
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().filter_map(|step| step.change.as_ref()).filter(|change| change.writes() > 0)
    }

    /// The marks to remove.
    pub(super) fn settled(&self) -> Vec<&Mark> {
        self.steps.iter().filter(|step| step.last.is_some()).flat_map(|step| &step.task.marks).collect()
    }

    /// The marks of a task with further steps, which must still be there.
    pub(super) fn demanded(&self) -> Vec<&Mark> {
        let last = self.steps.last().filter(|step| step.last.is_none());
        last.iter().flat_map(|step| &step.task.marks).collect()
    }

    /// Counts what was written.
    pub(super) fn count(&self) {
        for (severity, count) in self.changes().flat_map(|change| &change.added_by_severity) {
            metrics::alerts_raised(*severity, *count);
        }
    }

    /// The result, added to the accounts.
    pub(super) fn written(&self, accounts: &HashMap<Origin, Account>, units: f64) -> Written {
        let mut written = Written { accounts: Vec::new(), events: Vec::new(), finished: Vec::new() };
        let (mut told, mut last): (Vec<Told>, Vec<Draft>) = (Vec::new(), Vec::new());
        for step in &self.steps {
            let Some(mark) = step.task.marks.first() else { continue };
            let place = match written.accounts.iter().position(|(origin, _)| *origin == mark.origin) {
                Some(place) => place,
                None => {
                    let account = accounts.get(&mark.origin).cloned().unwrap_or_default();
                    written.accounts.push((mark.origin.clone(), account));
                    told.push(Told::default());
                    written.accounts.len() - 1
                }
            };
            let account = &mut written.accounts[place].1;
            if let Some(change) = &step.change {
                told[place].note(change, &mark.origin, account);
            }
            if let Some(facts) = &step.last {
                account.add_found(facts);
                account.left = account.left.saturating_sub(1);
                if account.left == 0 && !account.interrupted {
                    last.extend(last_event(&mark.origin, account));
                    if let Origin::File(id) = &mark.origin {
                        written.finished.push(id.clone());
                    }
                }
            }
        }
        for ((origin, _), told) in std::iter::zip(&written.accounts, told) {
            written.events.extend(told.events(origin));
        }
        written.events.append(&mut last);
        written.accounts.retain(|(origin, _)| !matches!(origin, Origin::Readings(_)));
        if let Some((_, account)) = written.accounts.first_mut() {
            account.write_units += units;
        }
        written
    }
}

impl Step {
    fn writes(&self) -> usize {
        self.change.as_ref().map_or(0, Change::writes) + self.task.marks.len()
    }
}

/// The result of a task besides its changes.
fn facts(series: &Series, found: &[Found], limited: bool) -> Account {
    let mut facts = Account::default();
    facts.judged = found.iter().map(|found| found.judged).max().unwrap_or_default();
    if !limited {
        facts.note_unlimited(&series.parameter);
    }
    for Found { judged, incomparable, inconclusive, without_water, change } in found {
        facts.inconclusive += inconclusive;
        facts.without_water += without_water;
        // A rule whose alerts are withdrawn because it was removed met no reading.
        if *judged > 0 || !incomparable.is_empty() || !change.found_by_severity.is_empty() {
            facts.met.insert(change.source.rule.clone());
        }
        for (severity, count) in &change.found_by_severity {
            *facts.found.entry(*severity).or_default() += count;
        }
        facts.note_gravest(&change.source, &change.gravest);
        for (reading_unit, limit_unit, readings) in incomparable {
            facts.note_incomparable(Incomparable {
                outfall: series.outfall.clone(),
                parameter: series.parameter.clone(),
                reading_unit: reading_unit.clone(),
                limit_unit: limit_unit.clone(),
                readings: *readings,
            });
        }
    }
    facts
}

/// The change with as many alerts as events list, the gravest.
fn shortened(mut change: Change) -> Change {
    sort_by_gravity(&mut change.added);
    change.added.truncate(MAX_NAMED);
    bound(&mut change.added, NAMED_BYTES);
    change.withdrawn.truncate(MAX_NAMED);
    change
}

/// The alerts that subscribers are told of because of one origin.
#[derive(Default)]
struct Told {
    added: Vec<Alert>,
    withdrawn: Vec<String>,
    totals: (u64, u64),
}

impl Told {
    /// Records a change in the account of its origin, and its alerts as far as there is room.
    fn note(&mut self, change: &Change, origin: &Origin, account: &mut Account) {
        for (severity, count) in &change.added_by_severity {
            *account.new.entry(*severity).or_default() += count;
        }
        account.withdrawn += change.withdrawn_total;
        let room = match origin {
            Origin::Readings(_) => usize::MAX,
            _ => MAX_NAMED_OF_ORIGIN.saturating_sub(account.named) as usize,
        };
        let added = &change.added[..change.added.len().min(room)];
        let withdrawn = &change.withdrawn[..change.withdrawn.len().min(room - added.len())];
        if added.is_empty() && withdrawn.is_empty() {
            account.omitted += change.added_total();
            account.withdrawn_omitted += change.withdrawn_total;
            return;
        }
        account.named += (added.len() + withdrawn.len()) as u64;
        self.totals.0 += change.added_total();
        self.totals.1 += change.withdrawn_total;
        self.added.extend_from_slice(added);
        self.withdrawn.extend_from_slice(withdrawn);
    }

    fn events(&self, origin: &Origin) -> Vec<Draft> {
        let ingest = if let Origin::File(id) = origin { Some(id.as_str()) } else { None };
        alert_events(&self.added, &self.withdrawn, self.totals, ingest)
    }
}

/// The event when the last mark of an origin is settled: a file's account, or whatever a permit has not announced yet.
fn last_event(origin: &Origin, account: &Account) -> Vec<Draft> {
    match origin {
        Origin::File(_) => vec![event("ingest", summary::account_of_file(account))],
        Origin::Permit(_) => alert_events(&[], &[], (account.omitted, account.withdrawn_omitted), None),
        Origin::Readings(_) => Vec::new(),
    }
}

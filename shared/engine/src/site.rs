//! What is known of a site between two transactions that publish readings.
//!
//! Everything kept here is a copy of the table. Every transaction demands that the head of the feed has not moved
//! since the copy was made, and all other writers move it (files and permits by their revision, other publishers by
//! the sequence), so that a stale copy shows in a conflict: it is dropped, and the readings are judged afresh.

use super::events::alert_events;
use crate::metrics;
use crate::verdicts;
use domain::alert::{Alert, Severity};
use domain::columns::{Columns, Row};
use domain::evaluate::{Context, Rule, rules_for};
use domain::permit::Permit;
use domain::reading::Series;
use live::protocol::Published;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use table::alerts::{Block, Change};
use table::feed::{Entry as Event, Event as NewEvent, Head};
use table::segments::{self, Order};
use table::series::{Entry, Tail};
use table::write::TRANSACTION;
use table::{Store, StoreError, Transaction};

/// Readings in the open segment of a series: every transaction writes it anew, at about 1.7 bytes a reading.
const TAIL_READINGS: usize = 1024;
/// Series kept at once.
const MAX_SERIES: usize = 4096;

/// A site.
pub(super) struct Site {
    name: String,
    known: Option<Known>,
}

struct Known {
    head: Head,
    permit: Permit,
    series: HashMap<String, Copy>,
}

/// The copy of a series.
struct Copy {
    entry: Entry,
    rules: Vec<Rule>,
    blocks: Vec<Block>,
    tail: Columns,
    recent: Recent,
}

/// The latest readings of a series, as far as verdicts on the next one need them.
struct Recent {
    columns: Columns,
    /// There is none missing from this time on.
    from: i64,
}

/// What a transaction has stored.
pub(super) struct Stored {
    /// The events, readings first and in order.
    pub(super) entries: Vec<Event>,
    /// New alerts.
    pub(super) alerts: BTreeMap<Severity, u64>,
}

/// What changes about a series if the transaction succeeds.
struct Next {
    entry: Entry,
    tail: Columns,
    new: Columns,
    changes: Vec<Change>,
}

impl Site {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), known: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Stores readings with what follows from them; `None` if that is too much for one transaction.
    pub(super) async fn store(
        &mut self,
        store: &Store,
        readings: &[(&Published, &str)],
    ) -> Result<Option<Stored>, StoreError> {
        // Taken out, so that after any failure it is read afresh.
        let mut known = match self.known.take() {
            Some(known) => known,
            None => Known::load(store, &self.name).await?,
        };
        let stored = known.store(store, &self.name, readings).await?;
        self.known = Some(known);
        Ok(stored)
    }
}

impl Known {
    async fn load(store: &Store, site: &str) -> Result<Self, StoreError> {
        let head = store.head(site).await?;
        if head == Head::default() {
            store.note_site(site).await?;
        }
        Ok(Self { head, permit: store.permit(site).await?.permit, series: HashMap::new() })
    }

    async fn store(
        &mut self,
        store: &Store,
        site: &str,
        readings: &[(&Published, &str)],
    ) -> Result<Option<Stored>, StoreError> {
        let mut nexts = Vec::new();
        for (series, columns) in by_series(site, readings) {
            nexts.push(self.next(store, series, columns).await?);
        }
        let mut events: Vec<NewEvent> = readings.iter().map(|(reading, origin)| event(reading, origin)).collect();
        let changes = || nexts.iter().flat_map(|next| &next.changes);
        let added: Vec<Alert> = changes().flat_map(|change| change.added.iter().cloned()).collect();
        let withdrawn: Vec<String> = changes().flat_map(|change| change.withdrawn.iter().cloned()).collect();
        let mut alerts = BTreeMap::new();
        for (severity, count) in changes().flat_map(|change| &change.added_by_severity) {
            *alerts.entry(*severity).or_default() += count;
        }
        events.extend(alert_events(&added, &withdrawn, alerts.values().sum(), None));
        let mut transaction = Transaction::default();
        let entries = store.append(&mut transaction, site, self.head, &events)?;
        let alert_writes: usize = nexts.iter().flat_map(|next| &next.changes).map(Change::writes).sum();
        let own_writes = transaction.writes() + 3 * nexts.len();
        let alerts_apart = own_writes + alert_writes > TRANSACTION;
        if alerts_apart {
            if readings.len() > 1 {
                return Ok(None);
            }
            // One reading under very many limits: its alerts go first, and are found again if the rest fails.
            for next in &mut nexts {
                store.write_alerts(&mut next.entry, &next.changes).await?;
            }
        }
        for next in &mut nexts {
            let before = self.series.get(&next.entry.id).and_then(|copy| copy.entry.tail);
            next.write(store, &mut transaction, before, alerts_apart)?;
        }
        store.commit(transaction).await?;
        self.head.seq += entries.len() as u64;
        self.keep(nexts)?;
        Ok(Some(Stored { entries, alerts }))
    }

    /// Works out what readings of one series lead to.
    async fn next(&mut self, store: &Store, series: Series, new: Columns) -> Result<Next, StoreError> {
        let id = series.id();
        if !self.series.contains_key(&id) {
            let copy = Copy::load(store, series, &id, &self.permit).await?;
            self.series.insert(id.clone(), copy);
        }
        let copy = self.series.get_mut(&id).ok_or(StoreError::Conflict)?;
        let started = Instant::now();
        let Some(touched) = new.span() else { return Err(StoreError::Conflict) };
        let context = copy.rules.iter().map(|rule| rule.context(touched)).reduce(Context::union);
        let around = match context {
            Some(context) => copy.around(store, context, touched, &new).await?,
            None => Columns::default(),
        };
        let found = verdicts::judge_columns(&copy.rules, &around, touched);
        let changes = verdicts::changes(&copy.entry, &found, &copy.blocks)?;
        let mut entry = copy.entry.clone();
        entry.note(&new);
        let tail = copy.grow_tail(&mut entry, &new, self.head.revision)?;
        metrics::evaluated(started.elapsed());
        Ok(Next { entry, tail, new, changes })
    }

    /// Takes over what the transaction has stored.
    fn keep(&mut self, nexts: Vec<Next>) -> Result<(), StoreError> {
        for Next { entry, tail, new, changes } in nexts {
            let Some(copy) = self.series.get_mut(&entry.id) else { continue };
            changes.iter().try_for_each(|change| change.apply(&mut copy.blocks))?;
            copy.recent.push(&new)?;
            copy.recent.prune(&copy.rules, entry.latest.time)?;
            (copy.entry, copy.tail) = (entry, tail);
        }
        if self.series.len() > MAX_SERIES {
            self.series.clear();
        }
        Ok(())
    }
}

impl Copy {
    async fn load(store: &Store, series: Series, id: &str, permit: &Permit) -> Result<Self, StoreError> {
        let entry = store.series(&series.site, id).await?.unwrap_or_else(|| Entry::new(series));
        let rules = rules_for(&entry.series, permit, entry.carries_limits);
        let tail = match entry.tail {
            Some(tail) => store.segment(id, segments::sort_key(tail.first, tail.last, tail.order)).await?,
            None => None,
        };
        let is_new = entry.first > entry.latest.time;
        let context = if is_new { None } else { context_at(&rules, entry.latest.time) };
        let recent = match context {
            Some(context) => {
                let (from, _) = store.context_span(&entry, context).await?;
                Recent { columns: all(store, &entry, from, i64::MAX).await?, from }
            }
            // Nothing is missing of a series without readings, and nothing needed where no rule looks back.
            None => Recent { columns: Columns::default(), from: if is_new { i64::MIN } else { i64::MAX } },
        };
        let blocks = store.alert_blocks(&entry.series.site, Some(id), None).await?;
        Ok(Self { entry, rules, blocks, tail: tail.unwrap_or_default(), recent })
    }

    /// The readings that verdicts on `new` ones need, those included.
    async fn around(
        &self,
        store: &Store,
        context: Context,
        touched: (i64, i64),
        new: &Columns,
    ) -> Result<Columns, StoreError> {
        let mut columns = if self.recent.serves(context, touched, self.entry.first) {
            self.recent.columns.clone()
        } else {
            let (from, to) = store.context_span(&self.entry, context).await?;
            all(store, &self.entry, from, to).await?
        };
        append(&mut columns, new)?;
        columns.sort_and_dedup();
        Ok(columns)
    }

    /// The open segment with `new` readings, noted in `entry`. A full one is left and another one opened, as it is
    /// when a file was written since, or when time steps back: a segment that reaches far is read often.
    fn grow_tail(&self, entry: &mut Entry, new: &Columns, revision: u64) -> Result<Columns, StoreError> {
        let fits = |tail: &Tail| {
            tail.order.revision == revision
                && self.tail.len() + new.len() <= TAIL_READINGS
                && new.times.first().is_some_and(|&first| first >= tail.first)
        };
        let (mut columns, order) = match self.entry.tail {
            Some(tail) if fits(&tail) => (self.tail.clone(), tail.order),
            Some(tail) if tail.order.revision == revision => {
                (Columns::default(), Order { revision, index: tail.order.index + 1 })
            }
            _ => (Columns::default(), Order { revision, index: 0 }),
        };
        append(&mut columns, new)?;
        columns.sort_and_dedup();
        let (first, last) = columns.span().unwrap_or_default();
        entry.tail = Some(Tail { order, first, last });
        entry.classes |= 1 << segments::class(first, last);
        Ok(columns)
    }
}

impl Next {
    fn write(
        &mut self,
        store: &Store,
        transaction: &mut Transaction,
        before: Option<Tail>,
        alerts_apart: bool,
    ) -> Result<(), StoreError> {
        if let Some(tail) = self.entry.tail {
            let key = segments::sort_key(tail.first, tail.last, tail.order);
            // A segment's key tells how far it reaches, so that a grown one may have another.
            if let Some(before) = before.filter(|before| before.order == tail.order) {
                let old = segments::sort_key(before.first, before.last, before.order);
                if old != key {
                    transaction.delete(store, &segments::partition(&self.entry.id), &old)?;
                }
            }
            transaction.put(store, segments::item(&self.entry.id, tail.order, &self.tail)?)?;
        }
        if !alerts_apart {
            self.entry.judged += u64::from(self.changes.iter().any(|change| change.writes() > 0));
            self.changes.iter().try_for_each(|change| change.write(store, transaction))?;
        }
        self.entry.write(store, transaction)
    }
}

impl Recent {
    /// Whether what verdicts need is all here.
    fn serves(&self, context: Context, touched: (i64, i64), first: i64) -> bool {
        self.from <= context.from && (self.from <= first || self.columns.lower_bound(touched.0) >= context.neighbours)
    }

    /// Adds readings; those that are older than what is kept do not belong here.
    fn push(&mut self, new: &Columns) -> Result<(), StoreError> {
        self.columns.append_range(new, new.lower_bound(self.from)..new.len()).map_err(too_many_units)?;
        self.columns.sort_and_dedup();
        Ok(())
    }

    /// Forgets what the next reading does not need, once it is more than what it does.
    fn prune(&mut self, rules: &[Rule], latest: i64) -> Result<(), StoreError> {
        let length = self.columns.len();
        let start = match context_at(rules, latest) {
            Some(context) => self.columns.lower_bound(context.from).min(length.saturating_sub(context.neighbours + 1)),
            None => length,
        };
        if start > TAIL_READINGS && start > length / 2 {
            let mut kept = Columns::default();
            kept.append_range(&self.columns, start..length).map_err(too_many_units)?;
            self.from = kept.times.first().copied().unwrap_or(latest.saturating_add(1));
            self.columns = kept;
        }
        Ok(())
    }
}

/// What the rules need to judge a reading at this time.
fn context_at(rules: &[Rule], time: i64) -> Option<Context> {
    rules.iter().map(|rule| rule.context((time, time))).reduce(Context::union)
}

/// The readings of each series, in time order; of several at one time the last one counts.
fn by_series(site: &str, readings: &[(&Published, &str)]) -> Vec<(Series, Columns)> {
    let mut groups: Vec<(Series, Columns)> = Vec::new();
    let mut index: HashMap<(&str, &str), usize> = HashMap::new();
    for (reading, _) in readings {
        let place = *index.entry((&reading.outfall, &reading.parameter)).or_insert_with(|| {
            let series = Series::raw(site, &reading.outfall, &reading.parameter);
            let id = series.id();
            let known = groups.iter().position(|(other, _)| other.id() == id);
            known.unwrap_or_else(|| {
                groups.push((series, Columns::default()));
                groups.len() - 1
            })
        });
        let columns = &mut groups[place].1;
        // A batch has fewer readings than a dictionary has room for units.
        let unit = columns.unit_index(&reading.unit).unwrap_or(0);
        columns.push(Row { flags: reading.row.flags.with_unit(unit), ..reading.row });
    }
    groups.iter_mut().for_each(|(_, columns)| columns.sort_and_dedup());
    groups
}

fn event(reading: &Published, origin: &str) -> NewEvent {
    NewEvent { kind: "reading", fields: reading.fields.clone(), origin: Some(origin.to_owned()) }
}

async fn all(store: &Store, entry: &Entry, from: i64, to: i64) -> Result<Columns, StoreError> {
    let mut columns = Columns::default();
    let mut readings = store.readings(entry, from, to).await?;
    while let Some(piece) = readings.next_piece()? {
        append(&mut columns, &piece)?;
    }
    Ok(columns)
}

fn append(columns: &mut Columns, more: &Columns) -> Result<(), StoreError> {
    columns.append(more).map_err(too_many_units)
}

fn too_many_units(error: domain::columns::TooManyUnits) -> StoreError {
    StoreError::Damaged { key: "series".into(), reason: error.to_string() }
}

//! The known state of a site between two writes.
//!
//! Everything here is a copy of the table. Every transaction demands that the head of the feed has not moved since the
//! copy was made, and all other writers move it. A stale copy therefore ends in a conflict: it is dropped, and the
//! readings are judged afresh.
//!
//! Readings of a series with marks are stored but not judged: the site's settler judges them together with what is
//! marked. If there are only marks of single readings, they are settled here, provided that what they need is at hand.
//! While a file is being recorded, its marks cannot be settled and block nothing: what it touches is judged once all of
//! it is there.

use crate::events::{alert_events, reading_event};
use crate::judge::{all, judge_columns, too_many_units};
use crate::metrics;
use crate::publisher::{PublishError, Reading};
use crate::settle::is_ready;
use crate::terms::Terms;
use domain::alert::{Alert, Severity};
use domain::columns::{Columns, Row};
use domain::evaluate::Rule;
use domain::reading::Series;
use domain::set::{self, Origin as Came};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use table::alerts::{Change, StoredRule};
use table::feed::{Event, Head};
use table::marks::{Mark, Origin, Outstanding};
use table::segments::{self, Order};
use table::series::{Entry, Tail};
use table::{Publication, Published, SeriesUpdate, Store, StoreError};

mod others;
mod recent;
use recent::Recent;

/// Readings in the open segment of a series: every transaction rewrites it, at about 1.7 bytes a reading.
const TAIL_READINGS: usize = 1024;
/// Series kept at once.
const MAX_SERIES: usize = 4096;
/// The most marks of a series that are settled with a reading.
const MAX_MARKS: usize = 16;

/// A site.
pub(crate) struct Site {
    name: String,
    known: Option<Known>,
}

struct Known {
    head: Head,
    terms: Terms,
    /// Marks that are not stretches of series.
    outstanding: Outstanding,
    series: HashMap<String, Kept>,
}

/// The known state of a series.
struct Kept {
    entry: Entry,
    rules: Vec<Rule>,
    stored: BTreeMap<String, StoredRule>,
    /// Its marks that can be settled now.
    marks: Vec<Mark>,
    tail: Columns,
    recent: Recent,
}

/// The outcome of readings.
pub(crate) enum Outcome {
    /// They are stored, or refused one by one.
    Stored(Stored),
    /// They are too many for one transaction; nothing is stored.
    TooLarge,
}

/// The result of a transaction.
pub(crate) struct Stored {
    /// The events, readings first and in order.
    pub(crate) events: Vec<Event>,
    /// Each reading's index among the events, or why it was refused.
    pub(crate) fates: Vec<Result<u64, PublishError>>,
    /// New alerts.
    pub(crate) alerts: BTreeMap<Severity, u64>,
    /// Whether some readings are still to be judged.
    pub(crate) deferred: bool,
}

/// The changes to a series if the transaction succeeds.
struct Next {
    entry: Entry,
    before: Option<Tail>,
    tail: Columns,
    new: Columns,
    changes: Vec<Change>,
    settled: Vec<Mark>,
    mark: Option<Mark>,
}

impl Site {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), known: None }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Stores readings with everything that follows from them.
    pub(crate) async fn store(&mut self, store: &Store, readings: &[Reading<'_>]) -> Result<Outcome, StoreError> {
        // Taken out, so that it is read afresh after any failure.
        let mut known = match self.known.take() {
            Some(known) => known,
            None => Known::load(store, &self.name).await?,
        };
        let outcome = match known.store(store, &self.name, readings, false).await? {
            // A single reading under very many limits is stored, and judged separately.
            Outcome::TooLarge if readings.len() == 1 => known.store(store, &self.name, readings, true).await?,
            outcome => outcome,
        };
        self.known = Some(known);
        Ok(outcome)
    }

    /// The head of the feed, if known.
    pub(crate) async fn head(&mut self, store: &Store) -> Result<Head, StoreError> {
        match &self.known {
            Some(known) => Ok(known.head),
            None => store.head_to_write(&self.name).await,
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        self.known = None;
    }
}

impl Known {
    async fn load(store: &Store, site: &str) -> Result<Self, StoreError> {
        // Read before the site: if the site is removed and created again in between, the head has changed.
        let head = store.head_to_write(site).await?;
        store.note_sites(&[site.to_owned()]).await?;
        let (outstanding, terms) = tokio::try_join!(store.outstanding(site), Terms::load(store, site))?;
        Ok(Self { head, terms, outstanding, series: HashMap::new() })
    }

    /// Whether a permit is new, and the site's series are not marked one by one yet.
    fn is_marked_as_a_whole(&self) -> bool {
        !self.outstanding.permits.is_empty()
    }

    async fn store(
        &mut self,
        store: &Store,
        site: &str,
        readings: &[Reading<'_>],
        apart: bool,
    ) -> Result<Outcome, StoreError> {
        let refused = self.refuse(store, site, readings).await?;
        let taken: Vec<Reading<'_>> =
            std::iter::zip(readings, &refused).filter(|(_, refused)| refused.is_none()).map(|(r, _)| *r).collect();
        let mut nexts = Vec::new();
        for (series, columns) in by_series(site, &taken) {
            nexts.push(self.next(store, series, columns, apart).await?);
        }
        let mut drafts: Vec<_> = taken.iter().map(|(reading, origin)| reading_event(reading, origin)).collect();
        let changes = || nexts.iter().flat_map(|next| &next.changes);
        let added: Vec<Alert> = changes().flat_map(|change| change.added.iter().cloned()).collect();
        let withdrawn: Vec<String> = changes().flat_map(|change| change.withdrawn.iter().cloned()).collect();
        let mut alerts = BTreeMap::new();
        for (severity, count) in changes().flat_map(|change| &change.added_by_severity) {
            *alerts.entry(*severity).or_default() += count;
        }
        let totals = (alerts.values().sum(), changes().map(|change| change.withdrawn_total).sum());
        drafts.extend(alert_events(&added, &withdrawn, totals, None));
        let series = nexts.iter_mut().map(Next::update).collect();
        let published = match taken.is_empty() {
            true => Published::Done(Vec::new(), self.head),
            false => store.publish(Publication { site, head: self.head, events: &drafts, series }).await?,
        };
        let Published::Done(events, head) = published else { return Ok(Outcome::TooLarge) };
        let mut places = self.head.seq + 1..;
        let fates = refused.into_iter().map(|refused| refused.map_or_else(|| Ok(places.next().unwrap_or(0)), Err));
        let fates = fates.collect();
        self.head = head;
        let deferred = nexts.iter().any(|next| next.mark.is_some());
        self.keep(nexts)?;
        Ok(Outcome::Stored(Stored { events, fates, alerts, deferred }))
    }

    /// The readings to refuse: those whose unit has no room in their series.
    async fn refuse(
        &mut self,
        store: &Store,
        site: &str,
        readings: &[Reading<'_>],
    ) -> Result<Vec<Option<PublishError>>, StoreError> {
        let mut units: HashMap<String, Entry> = HashMap::new();
        let mut refused = Vec::with_capacity(readings.len());
        for (reading, _) in readings {
            let series = Series::raw(site, &reading.outfall, &reading.parameter);
            let id = series.id();
            let known = self.kept(store, series, &id).await?;
            if known.entry.units.contains(&reading.unit) {
                refused.push(None);
                continue;
            }
            // Others of the same transaction may have brought new units, too.
            let entry = units.entry(id).or_insert_with(|| known.entry.clone());
            let takes = entry.takes_unit(&reading.unit);
            if takes && !entry.units.contains(&reading.unit) {
                entry.units.push(reading.unit.clone());
            }
            refused.push((!takes).then(|| PublishError::TooManyUnits(reading.unit.clone())));
        }
        Ok(refused)
    }

    async fn kept(&mut self, store: &Store, series: Series, id: &str) -> Result<&mut Kept, StoreError> {
        if !self.series.contains_key(id) {
            let kept = Kept::load(store, series, id, &self.terms, &self.outstanding).await?;
            self.series.insert(id.to_owned(), kept);
        }
        self.series.get_mut(id).ok_or(StoreError::Conflict)
    }

    /// Computes what follows from the readings of one series.
    async fn next(&mut self, store: &Store, series: Series, new: Columns, apart: bool) -> Result<Next, StoreError> {
        let (revision, whole) = (self.head.revision, self.is_marked_as_a_whole());
        let terms = self.terms.clone();
        let id = series.id();
        let kept = self.kept(store, series, &id).await?;
        let started = Instant::now();
        let mut entry = kept.entry.clone();
        let tail = kept.grow_tail(&mut entry, &new, revision)?;
        let before = kept.entry.tail;
        if kept.entry.is_new() {
            // The first reading determines whether its days are calendar days.
            kept.rules = entry.rules(&terms.history);
        }
        let Some(stretch) = new.span() else { return Err(StoreError::Conflict) };
        let mut moments = new.clone();
        terms.view.resolve(&mut moments);
        // Inputs of other series are judged with them.
        let is_joined = terms.is_named(&entry.series) || kept.rules.iter().any(|rule| rule.other().is_some());
        let is_left = apart || whole || is_joined;
        let judged = if is_left { None } else { kept.judge(store, &terms, &entry, &moments).await? };
        let (changes, settled, mark) = match judged {
            Some((changes, settled)) => (changes, settled, None),
            None => {
                let (settled, mark) = kept.defer(stretch, new.len());
                (Vec::new(), settled, Some(mark))
            }
        };
        metrics::evaluated(started.elapsed());
        Ok(Next { entry, before, tail, new: moments, changes, settled, mark })
    }

    /// Applies what the transaction has stored.
    fn keep(&mut self, nexts: Vec<Next>) -> Result<(), StoreError> {
        for Next { entry, tail, new, changes, settled, mark, .. } in nexts {
            let Some(kept) = self.series.get_mut(&entry.id) else { continue };
            for change in &changes {
                change.apply(kept.stored.entry(change.source.rule.clone()).or_default())?;
            }
            kept.marks.retain(|mark| !settled.contains(mark));
            kept.marks.extend(mark);
            kept.recent.push(&new)?;
            kept.recent.prune(&kept.rules, entry.span(&self.terms.view).1)?;
            (kept.entry, kept.tail) = (entry, tail);
        }
        if self.series.len() > MAX_SERIES {
            self.series.clear();
        }
        Ok(())
    }
}

impl Kept {
    async fn load(
        store: &Store,
        series: Series,
        id: &str,
        terms: &Terms,
        outstanding: &Outstanding,
    ) -> Result<Self, StoreError> {
        let site = series.site.clone();
        let entry = store.directory_entry(&site, id).await?.unwrap_or_else(|| Entry::new(series));
        let rules = entry.rules(&terms.history);
        let tail = async {
            match entry.tail {
                Some(tail) => store.segment(id, segments::sort_key(tail.first, tail.last, tail.order)).await,
                None => Ok(None),
            }
        };
        let recent = Recent::load(store, &entry, &terms.view, &rules);
        // Readings wait meanwhile.
        let (tail, recent, stored, mut marks) =
            tokio::try_join!(tail, recent, store.stored_rules(&site, id), store.marks_of(&site, id))?;
        marks.retain(|mark| is_ready(mark, outstanding));
        Ok(Self { entry, rules, stored, marks, tail: tail.unwrap_or_default(), recent })
    }

    /// Judges new readings, and those left by marks of single readings. `None` if the settler must do it: there are
    /// other marks, or needed data is not at hand, or too much changes.
    async fn judge(
        &self,
        store: &Store,
        terms: &Terms,
        entry: &Entry,
        new: &Columns,
    ) -> Result<Option<(Vec<Change>, Vec<Mark>)>, StoreError> {
        let only_readings = self.marks.iter().all(|mark| matches!(mark.origin, Origin::Readings(_)));
        if !only_readings || self.marks.len() > MAX_MARKS {
            return Ok(None);
        }
        let Some(touched) = new.span() else { return Ok(None) };
        let marked = |mark: &Mark| terms.view.stretch(mark.stretch, entry.has_local);
        let touched = self.marks.iter().map(marked).fold(touched, union);
        let at_hand = self.recent.serves(&self.rules, touched, self.entry.span(&terms.view).0);
        let mut columns = if at_hand {
            self.recent.columns.clone()
        } else if self.marks.is_empty() {
            let span = store.context_span(&self.entry, &terms.view, &self.rules, touched).await?;
            all(store, &self.entry, &terms.view, span.unwrap_or((0, -1))).await?
        } else {
            return Ok(None);
        };
        add(&mut columns, new)?;
        let changes = judge_columns((entry, &terms.history), &self.rules, &columns, touched, &self.stored)?;
        Ok(changes.map(|changes| (changes, self.marks.clone())))
    }

    /// Leaves readings to the settler. While it works on other marks of the series, one mark of readings grows with
    /// each. Afterwards, when it works on those, each gets its own mark, and those that it has read stay as they are:
    /// so it finishes, however dense the readings are.
    fn defer(&self, touched: (i64, i64), readings: usize) -> (Vec<Mark>, Mark) {
        let is_of_readings = |mark: &&Mark| matches!(mark.origin, Origin::Readings(_));
        let grown =
            self.marks.iter().find(is_of_readings).filter(|_| !self.marks.iter().all(|mark| is_of_readings(&mark)));
        let stretch = grown.map_or(touched, |mark| union(mark.stretch, touched));
        let readings = readings as u64 + grown.map_or(0, |mark| mark.readings);
        let origin = Origin::Readings(uuid::Uuid::new_v4().simple().to_string());
        (grown.cloned().into_iter().collect(), Mark::new(&self.entry.id, origin, stretch, readings))
    }

    /// The open segment with `new` readings, recorded in `entry`. A new one is opened if it is full, if a file was
    /// written since, or if time steps back: a segment that reaches far is read often.
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
        entry.note(new, order);
        add(&mut columns, new)?;
        let (first, last) = columns.span().unwrap_or_default();
        entry.tail = Some(Tail { order, first, last });
        entry.classes |= 1 << segments::class(first, last);
        Ok(columns)
    }
}

impl Next {
    fn update(&mut self) -> SeriesUpdate<'_> {
        SeriesUpdate {
            entry: &mut self.entry,
            segment: &self.tail,
            before: self.before,
            changes: &self.changes,
            settled: &self.settled,
            mark: self.mark.as_ref(),
        }
    }
}

fn union(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Adds published readings to others, in time order: each is added to those of its time, or replaces them if it says
/// so.
fn add(columns: &mut Columns, new: &Columns) -> Result<(), StoreError> {
    let before = columns.len();
    columns.append(new).map_err(too_many_units)?;
    let came = |index: usize| Came { revision: (index + 1).saturating_sub(before) as u64, is_file: false };
    set::settle(columns, came, true, |_| {});
    Ok(())
}

/// The readings of each series, in time order.
fn by_series(site: &str, readings: &[Reading<'_>]) -> Vec<(Series, Columns)> {
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
    for (_, columns) in &mut groups {
        set::settle(columns, |index| Came { revision: index as u64, is_file: false }, true, |_| {});
    }
    groups
}

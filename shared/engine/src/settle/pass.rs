//! One pass over the marks of a site.

use super::batch::Batch;
use super::sets::Sets;
use super::{Done, Settler, is_ready};
use crate::judge::{Found, Generations, Purpose, TouchedBy, judge};
use crate::metrics::{self, Attempt};
use crate::terms::Terms;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use table::accounts::Account;
use table::leases::Lease;
use table::marks::{Mark, Origin};
use table::series::Entry;
use table::settle::{Settled, Settlement};
use table::{Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

/// Series that are judged at the same time: each waits for the table several times.
const AT_ONCE: usize = 16;
/// The most readings of all series that are judged at the same time, except for two that have more: one for each core
/// of a small machine. Meanwhile a series takes two bytes per reading.
const READINGS_AT_ONCE: u32 = 65_536;
/// A longer series is judged alone: two of 20 million readings would take 80 MB.
const LONG: u64 = 8_000_000;
/// The weight of a stretch with an unknown number of readings.
const UNKNOWN_READINGS: u32 = READINGS_AT_ONCE / 4;
/// The most marks of single readings that are settled together.
const MAX_TOGETHER: usize = 40;

/// How long an attempt waits after one that became stale.
const AFTER_STALE: Duration = Duration::from_millis(20);

/// A settler at work on a site.
pub(super) struct Pass<'a> {
    settler: &'a Settler,
    lease: &'a Lease,
    site: &'a str,
    purpose: Arc<Purpose>,
    accounts: HashMap<Origin, Account>,
    /// Blocks of alerts that are to be removed.
    pub(super) garbage: Vec<(String, String, i64)>,
    /// Files whose last mark at this site is settled.
    pub(super) finished: Vec<String>,
    units: f64,
    store: Store,
}

/// Marks of a series that are settled together, and the result for their stretch.
pub(super) struct Task {
    pub(super) marks: Vec<Mark>,
    /// `None`: the series has no readings there.
    pub(super) entry: Option<Entry>,
    pub(super) found: Vec<Found>,
    pub(super) limited: bool,
    pub(super) sets: Sets,
}

impl<'a> Pass<'a> {
    pub(super) fn new(settler: &'a Settler, lease: &'a Lease, site: &'a str) -> Self {
        let purpose = Arc::new(Purpose::Settle(Generations::of(lease.fence())));
        let store = settler.0.store.metered();
        Self {
            settler,
            lease,
            site,
            purpose,
            accounts: HashMap::new(),
            garbage: Vec::new(),
            finished: Vec::new(),
            units: 0.0,
            store,
        }
    }

    /// Settles what can be settled, for each series the marks of one origin, and returns whether there is more.
    pub(super) async fn run(&mut self) -> Result<Done, StoreError> {
        let terms = Arc::new(Terms::load(&self.store, self.site).await?);
        let mut done = Done::Nothing;
        let mut after = None;
        loop {
            let (mut marks, next) = self.store.marks(self.site, after.as_deref()).await?;
            // Read afterwards: a file's marks are written after the mark that it is being recorded, and that one is
            // removed once all of the file is there.
            let outstanding = self.store.outstanding(self.site).await?;
            for version in &outstanding.permits {
                match self.mark_series(*version).await {
                    Err(StoreError::Conflict) => return Ok(Done::Lost),
                    marked => marked?,
                }
                done = Done::Some;
            }
            marks.retain(|mark| is_ready(mark, &outstanding));
            let ready = marks.len();
            let groups = first_of_each_series(marks);
            if groups.iter().map(Vec::len).sum::<usize>() < ready {
                done = Done::Some;
            }
            self.adopt(&groups, &outstanding.interrupted, &terms).await?;
            match self.settle(groups, &terms).await? {
                Done::Nothing => {}
                Done::Some => done = Done::Some,
                Done::Lost => return Ok(Done::Lost),
            }
            after = next;
            if after.is_none() {
                self.garbage = outstanding.garbage;
                return Ok(done);
            }
        }
    }

    /// Marks all series for a version of the permit. Series created from now on are judged by it anyway.
    async fn mark_series(&self, version: u64) -> Result<(), StoreError> {
        let mark = |entry: Entry| Mark::new(&entry.id, Origin::Permit(version), (i64::MIN, i64::MAX), 0);
        let marks: Vec<_> = self.store.series_of(self.site).await?.into_iter().map(mark).collect();
        self.store.mark_series(self.lease, self.site, version, &marks).await
    }

    /// Enters what interrupted files have stored into the directory: a file does so itself only at its end. What is not
    /// entered is not judged, and any later file would reveal it.
    async fn adopt(&self, groups: &[Vec<Mark>], interrupted: &[String], terms: &Terms) -> Result<(), StoreError> {
        for id in interrupted {
            let is_its = |mark: &&Mark| matches!(&mark.origin, Origin::File(of) if of == id);
            let marks: Vec<&Mark> = groups.iter().flatten().filter(is_its).collect();
            if marks.is_empty() {
                continue;
            }
            let Some(revision) = self.store.revision_of(id, self.site).await? else { continue };
            let looks = marks.iter().filter_map(|mark| {
                let stretch = terms.view.stretch(mark.stretch, true);
                Some(self.store.stored_under(mark.names.as_ref()?, revision, &terms.view, stretch))
            });
            let looks: Vec<_> = looks.collect();
            let found: Vec<Option<Entry>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
            self.settler.0.lanes.adopt(&self.store, self.site, found.into_iter().flatten().collect()).await?;
        }
        Ok(())
    }

    async fn settle(&mut self, groups: Vec<Vec<Mark>>, terms: &Arc<Terms>) -> Result<Done, StoreError> {
        if groups.is_empty() {
            return Ok(Done::Nothing);
        }
        // Values computed from two series are judged with either: one after the other, each based on what the previous
        // one wrote.
        let joined = terms.joined(&self.store, self.site).await?;
        let is_joined = |group: &Vec<Mark>| joined.contains_key(&group[0].series);
        let (mut of_two, own): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_joined);
        // Limited ones first: what they have found is not found again with the others.
        of_two.sort_by_key(|group| joined.get(&group[0].series) != Some(&true));
        let mut done = self.settle_together(own, terms).await?;
        for group in of_two {
            match (done, self.settle_together(vec![group], terms).await?) {
                (Done::Lost, _) => break,
                (_, Done::Nothing) => {}
                (_, next) => done = next,
            }
        }
        Ok(done)
    }

    /// Judges marked stretches at the same time, and writes the results in as few transactions as possible.
    async fn settle_together(&mut self, groups: Vec<Vec<Mark>>, terms: &Arc<Terms>) -> Result<Done, StoreError> {
        let mut done = Done::Nothing;
        let room = Arc::new(Semaphore::new(READINGS_AT_ONCE as usize));
        let about = (self.store.clone(), self.site.to_owned(), terms.clone(), self.purpose.clone(), room);
        // Each on any free core.
        let judging = groups.into_iter().map(move |marks| {
            let (store, site, terms, purpose, room) = about.clone();
            let task = tokio::spawn(async move { judged(&store, &site, marks, &terms, &purpose, &room).await });
            let task = AbortOnDropHandle::new(task);
            async move { task.await.map_err(|error| StoreError::Service(error.to_string()))? }
        });
        let mut judging = std::pin::pin!(stream::iter(judging).buffered(AT_ONCE));
        let mut batch = Batch::default();
        while let Some(task) = judging.next().await.transpose()? {
            for (place, step) in Batch::steps(task).into_iter().enumerate() {
                if !batch.has_room(&step) {
                    match self.commit(&mut batch, terms.version).await? {
                        Done::Nothing => {}
                        Done::Some => {
                            done = Done::Some;
                            if place > 0 {
                                // The steps before were not written: its marks stay, and all of it is judged again.
                                break;
                            }
                        }
                        Done::Lost => return Ok(Done::Lost),
                    }
                }
                batch.add(step);
            }
        }
        match self.commit(&mut batch, terms.version).await? {
            Done::Nothing => Ok(done),
            last => Ok(last),
        }
    }

    /// Writes what was collected, and empties it. Returns whether it must be done again.
    async fn commit(&mut self, batch: &mut Batch, permit: u64) -> Result<Done, StoreError> {
        let batch = std::mem::take(batch);
        if batch.is_empty() {
            return Ok(Done::Nothing);
        }
        for origin in batch.origins() {
            if !self.accounts.contains_key(&origin)
                && let Some(account) = self.store.account(self.site, &origin).await?
            {
                self.accounts.insert(origin, account);
            }
        }
        let units = self.store.write_units();
        let mut written = batch.written(&self.accounts, units - std::mem::replace(&mut self.units, units));
        let inner = &self.settler.0;
        let lane = inner.lanes.of(self.site);
        let mut known = lane.site.lock().await;
        loop {
            let mut accounts = written.accounts.clone();
            let settlement = Settlement {
                lease: self.lease,
                site: self.site,
                permit,
                head: known.head(&self.store).await?,
                changes: batch.changes().collect(),
                settled: batch.settled(),
                demanded: batch.demanded(),
                accounts: accounts.iter_mut().map(|(origin, account)| (&*origin, account)).collect(),
                events: &written.events,
            };
            match self.store.settle_marks(settlement).await? {
                Settled::Done(events, head) => {
                    inner.announce.announce(self.site, events);
                    known.settled(head, batch.changes(), &batch.settled());
                    drop(known);
                    metrics::settle_attempt(Attempt::Written);
                    tracing::debug!(site = self.site, permit, settled = ?batch.settled(), "marks were settled");
                    batch.count();
                    self.finished.append(&mut written.finished);
                    self.accounts.extend(accounts);
                    inner.progress.notify_waiters();
                    return Ok(Done::Nothing);
                }
                // Events came in between, but the result still holds.
                Settled::Behind => {
                    metrics::settle_attempt(Attempt::Behind);
                    known.forget();
                }
                // What is known of the site is correct as long as its head is unchanged, which every write demands.
                Settled::Stale => {
                    metrics::settle_attempt(Attempt::Stale);
                    self.accounts.clear();
                    return self.after_stale().await;
                }
            }
        }
    }

    /// The inputs of the attempt have changed: it is repeated, unless the lease is lost.
    async fn after_stale(&self) -> Result<Done, StoreError> {
        tokio::time::sleep(AFTER_STALE).await;
        match self.store.beat(self.lease).await {
            Ok(()) => Ok(Done::Some),
            Err(StoreError::Conflict) => Ok(Done::Lost),
            Err(error) => Err(error),
        }
    }
}

/// The first mark of each series, or the first ones if they are of single readings. Marks are sorted by series, those
/// of single readings last.
fn first_of_each_series(marks: Vec<Mark>) -> Vec<Vec<Mark>> {
    let mut groups: Vec<Vec<Mark>> = Vec::new();
    for mark in marks {
        match groups.last_mut() {
            Some(group) if group[0].series == mark.series => {
                let together = [&group[0], &mark].iter().all(|mark| matches!(mark.origin, Origin::Readings(_)));
                if together && group.len() < MAX_TOGETHER {
                    group.push(mark);
                }
            }
            _ => groups.push(vec![mark]),
        }
    }
    groups
}

async fn judged(
    store: &Store,
    site: &str,
    marks: Vec<Mark>,
    terms: &Terms,
    purpose: &Purpose,
    room: &Semaphore,
) -> Result<Task, StoreError> {
    let readings: u64 = marks.iter().map(|mark| mark.readings).sum();
    let readings = match readings {
        0 => UNKNOWN_READINGS,
        LONG.. => READINGS_AT_ONCE,
        few => few.min(u64::from(READINGS_AT_ONCE) / 2) as u32,
    };
    // The semaphore is never closed.
    let _room = room.acquire_many(readings).await;
    let entry = store.series(site, &marks[0].series).await?;
    let stretch = marks.iter().map(|mark| mark.stretch).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let stretch = stretch.unwrap_or_default();
    let touched = |entry: &Entry| {
        let (first, last) = entry.span(&terms.view);
        let (from, to) = terms.view.stretch(stretch, entry.has_local);
        (from.max(first), to.min(last))
    };
    // What was marked for an interrupted file may never have arrived.
    let Some(entry) = entry.filter(|entry| touched(entry).0 <= touched(entry).1) else {
        return Ok(Task { marks, entry: None, found: Vec::new(), limited: false, sets: Sets::default() });
    };
    let touched = touched(&entry);
    let sets = Sets::of(store, &entry, terms, touched, &marks).await?;
    let mut found = judge(store, &entry, terms, (touched, TouchedBy::Own), purpose).await?;
    // A new series may be the one that counts from now on, at whatever time.
    let is_new = touched.0 <= entry.span(&terms.view).0;
    for dependent in terms.dependents(store, &entry).await? {
        let touched = if is_new { dependent.span(&terms.view) } else { touched };
        found.extend(judge(store, &dependent, terms, (touched, TouchedBy::Another), purpose).await?);
    }
    let limits = terms.history.versions().iter().flat_map(|version| &version.permit.limits);
    let limited = entry.carries_limits || limits.into_iter().any(|limit| limit.covers(&entry.series));
    let limited = limited || terms.is_named(&entry.series);
    Ok(Task { marks, entry: Some(entry), found, limited, sets })
}

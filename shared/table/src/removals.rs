//! Removing sites.
//!
//! A removal begins in one transaction: from then on nobody can write to the site, its subscribers are told, and a mark
//! records the work left to do. The holder of the site's lease does it in steps. Each step is a transaction that
//! demands the lease and counts what it removes. The last step removes the site itself and the mark.
//!
//! Some numbers stay forever, so that a late write for a removed site cannot hit a new site with the same name: the
//! feed's sequence number, the lease's fence, the number of writes to the permit, and the first revision of readings
//! that count. The last event also stays until it expires, because it announces the removal.

use crate::accounts;
use crate::feed::{self, Draft, Event, RETENTION};
use crate::item::{n, s};
use crate::leases::Lease;
use crate::marks::{self, Mark, Origin};
use crate::retry::Backoff;
use crate::write::{Transaction, Values, values};
use crate::{Item, ItemExt, SK, Store, StoreError, Stretch, alerts, ingests, keys, permits, segments, series, sites};
use domain::{name, time};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;
use std::time::Duration;

/// Series read at the same time.
const AT_ONCE: usize = 16;
/// Items to remove per read.
const PAGE: i32 = 80;
/// The most that one step removes: items of up to 400 KB count as [`LARGE`], others as 1. A transaction is limited to
/// 4 MB.
const STEP: usize = 80;
const LARGE: usize = 8;
/// How long beginning a removal is retried while others write to the site.
const PATIENCE: Duration = Duration::from_secs(10);

/// The partition of removals.
const REMOVED: &str = "REMOVED";
/// The sort key of the mark that a site is being removed.
const MARK: &str = "R#";

/// A site that is being removed, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The site's name.
    pub site: String,
    /// The client that removed it.
    pub who: String,
    /// Why.
    pub reason: String,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// When the removal was complete, in microseconds since 1970.
    pub ended_at: Option<i64>,
    /// Series, readings and alerts removed so far. Replaced readings count, too.
    pub series: u64,
    /// See `series`.
    pub readings: u64,
    /// See `series`.
    pub alerts: u64,
    /// Readings of earlier revisions were removed with the site.
    first_revision: u64,
    /// The sequence number of the event that announces it.
    seq: u64,
}

/// Whether a removal has begun.
#[derive(Debug)]
pub enum Begun {
    /// Just now; with the events for its subscribers.
    Now(Removal, Vec<Event>),
    /// Earlier.
    Before(Removal),
    /// There is no such site.
    Unknown,
    /// It has not: these ingests are recording files at the site.
    Unfinished(Vec<String>),
}

/// Why a site is removed.
#[derive(Debug, Clone, Copy)]
pub struct Why<'a> {
    /// The client that removes it.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// An item to remove.
struct Gone {
    key: (String, String),
    /// Its share of a [`STEP`].
    weight: usize,
    series: u64,
    readings: u64,
}

impl Gone {
    fn small(pk: String, sk: impl Into<String>) -> Self {
        Self { key: (pk, sk.into()), weight: 1, series: 0, readings: 0 }
    }
}

impl Removal {
    fn sort_key(&self) -> String {
        format!("{}#{:020}", name::key(&self.site), self.first_revision)
    }

    fn key(&self) -> (String, String) {
        (REMOVED.into(), self.sort_key())
    }

    fn item(&self) -> Item {
        let mut item = keys(REMOVED, self.sort_key());
        let texts = [("site", &self.site), ("who", &self.who), ("reason", &self.reason)];
        item.extend(texts.map(|(name, text)| (name.to_owned(), s(text))));
        item.insert("removed_at".into(), n(self.at));
        item.insert("first_rev".into(), n(self.first_revision));
        item.insert("seq".into(), n(self.seq));
        item
    }

    fn from_item(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            site: item.text("site")?.to_owned(),
            who: item.text("who")?.to_owned(),
            reason: item.text("reason")?.to_owned(),
            at: item.number("removed_at")?,
            ended_at: item.contains_key("ended_at").then(|| item.number("ended_at")).transpose()?,
            series: item.number_or("n_series", 0)?,
            readings: item.number_or("n_readings", 0)?,
            alerts: item.number_or("n_alerts", 0)?,
            first_revision: item.number("first_rev")?,
            seq: item.number("seq")?,
        })
    }

    /// Whether this removal removed a site's readings of a revision.
    pub fn took(&self, site: &str, revision: u64) -> bool {
        revision < self.first_revision && name::same(site, &self.site)
    }
}

impl Store {
    /// Begins to remove a site; `told` is the event for its subscribers.
    pub async fn begin_removal(&self, site: &str, why: Why<'_>, told: &Draft) -> Result<Begun, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let (pk, sk) = sites::key(site);
            let Some(known) = self.get(pk, sk).await? else { return Ok(Begun::Unknown) };
            if let Some(removal) = self.removal(site).await? {
                return Ok(Begun::Before(removal));
            }
            // Read after `files_begun`: a file that begins after this read changes that number; the removal conflicts.
            let recording = self.outstanding(site).await?.recording;
            if !recording.is_empty() {
                return Ok(Begun::Unfinished(recording));
            }
            match self.try_removal(&known, why, told).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {}
                begun => return begun.map(|(removal, events)| Begun::Now(removal, events)),
            }
        }
    }

    async fn try_removal(&self, known: &Item, why: Why<'_>, told: &Draft) -> Result<(Removal, Vec<Event>), StoreError> {
        let site = known.text("name")?;
        let head = self.head(site).await?;
        let removal = Removal {
            site: site.to_owned(),
            who: why.who.to_owned(),
            reason: why.reason.to_owned(),
            at: time::now(),
            ended_at: None,
            series: 0,
            readings: 0,
            alerts: 0,
            first_revision: head.revision + 1,
            seq: head.seq + 1,
        };
        let mut transaction = Transaction::default();
        let files: u64 = known.number_or("files_begun", 0)?;
        transaction.update(
            self,
            sites::key(site),
            "SET being_removed = :at",
            Some(
                "attribute_exists(pk) AND attribute_not_exists(being_removed) AND \
                 (attribute_not_exists(files_begun) OR files_begun = :files)",
            ),
            values([(":at", n(removal.at)), (":files", n(files))]),
        )?;
        transaction.update(
            self,
            (feed::partition(site), "HEAD".into()),
            "SET seq = :new, first_rev = :first, being_removed = :at ADD changes :one",
            Some(
                "attribute_not_exists(being_removed) AND (attribute_not_exists(seq) OR seq = :seq) AND \
                 (attribute_not_exists(rev) OR rev = :rev)",
            ),
            values([
                (":new", n(removal.seq)),
                (":first", n(removal.first_revision)),
                (":at", n(removal.at)),
                (":one", n(1)),
                (":seq", n(head.seq)),
                (":rev", n(head.revision)),
            ]),
        )?;
        let event = Event { seq: removal.seq, frame: told.frame(site, removal.seq), origin: None };
        let events = vec![event];
        transaction.put(self, feed::item(site, &events, &n(time::now() / 1_000_000 + RETENTION)))?;
        let mut mark = keys(marks::partition(site), MARK);
        mark.insert("removal".into(), s(removal.sort_key()));
        mark.extend(marks::open(site, removal.at));
        transaction.put_if(self, mark, Some("attribute_not_exists(pk)"), Values::new())?;
        transaction.put(self, removal.item())?;
        self.commit(transaction).await?;
        Ok((removal, events))
    }

    /// The removal of a site that is being removed.
    pub async fn removal(&self, site: &str) -> Result<Option<Removal>, StoreError> {
        let Some(mark) = self.get(marks::partition(site), MARK.into()).await? else { return Ok(None) };
        let found = self.get(REMOVED.into(), mark.text("removal")?.to_owned()).await?;
        found.ok_or_else(|| mark.damaged("its removal is missing")).and_then(|item| Removal::from_item(&item)).map(Some)
    }

    /// The current state of a removal.
    pub async fn removal_now(&self, removal: &Removal) -> Result<Removal, StoreError> {
        let (pk, sk) = removal.key();
        let item = self.get(pk, sk).await?;
        item.ok_or(StoreError::Conflict).and_then(|item| Removal::from_item(&item))
    }

    /// All removals, by site and time.
    pub async fn removals(&self) -> Result<Vec<Removal>, StoreError> {
        self.prefixed(REMOVED.into(), "").await?.iter().map(Removal::from_item).collect()
    }

    /// Empties the permit of a site that is being removed, and counts its alerts.
    pub async fn prepare_removal(&self, lease: &Lease, removal: &Removal) -> Result<(), StoreError> {
        self.empty_permit(lease, &removal.site, removal.first_revision).await?;
        let (pk, sk) = removal.key();
        if self.get(pk, sk).await?.is_some_and(|item| item.contains_key("n_alerts")) {
            return Ok(());
        }
        let blocks = self.alert_blocks(&removal.site, None, None).await?;
        let alerts: usize = blocks.iter().map(|block| block.rows.len()).sum();
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        let given = values([(":alerts", n(alerts))]);
        transaction.update(self, removal.key(), "SET n_alerts = if_not_exists(n_alerts, :alerts)", None, given)?;
        self.commit(transaction).await
    }

    /// Removes some series with their readings; `false` if there are none left.
    pub async fn remove_series(&self, lease: &Lease, removal: &Removal) -> Result<bool, StoreError> {
        let directory = series::partition(&removal.site);
        let (entries, _) = self.keys_of(&directory, ("SERIES#", "SERIES$"), None, AT_ONCE as i32).await?;
        let ids = entries.iter().map(|item| Ok(item.text(SK)?.trim_start_matches("SERIES#").to_owned()));
        let ids: Vec<String> = ids.collect::<Result<_, StoreError>>()?;
        let mut gone = Vec::new();
        for (id, (segments, is_all)) in std::iter::zip(&ids, self.segments_of(&ids).await?) {
            gone.extend(segments);
            if is_all {
                // After its readings: without an entry nobody would find them.
                gone.push(Gone { series: 1, ..Gone::small(directory.clone(), format!("SERIES#{id}")) });
            }
        }
        self.remove_all(lease, removal, gone).await?;
        Ok(!ids.is_empty())
    }

    /// The first segments of each series, and whether these are all.
    async fn segments_of(&self, ids: &[String]) -> Result<Vec<(Vec<Gone>, bool)>, StoreError> {
        let looks = (0..ids.len()).map(|index| async move {
            let pk = segments::partition(&ids[index]);
            let (found, is_more) = self.keys_of(&pk, ("S#", "S$"), Some("n"), PAGE).await?;
            let segment = |item: &Item| {
                let key = (pk.clone(), item.text(SK)?.to_owned());
                Ok(Gone { key, weight: LARGE, series: 0, readings: item.number("n")? })
            };
            let segments = found.iter().map(segment).collect::<Result<Vec<_>, StoreError>>()?;
            Ok::<_, StoreError>((segments, !is_more))
        });
        stream::iter(looks).buffered(AT_ONCE).try_collect().await
    }

    /// Removes some alerts; `false` if there are none left.
    pub async fn remove_alerts(&self, lease: &Lease, removal: &Removal) -> Result<bool, StoreError> {
        let pk = alerts::partition(&removal.site);
        self.remove_between(lease, removal, &pk, ("\0", "\u{10ffff}"), LARGE).await
    }

    /// Removes some marks with their subjects: readings without a directory entry, and accounts of files. Returns the
    /// files, which may now be complete; `None` if there are no marks left.
    pub async fn remove_marks(&self, lease: &Lease, removal: &Removal) -> Result<Option<Vec<String>>, StoreError> {
        let site = &removal.site;
        let (marks, _) = self.marks(site, None).await?;
        if marks.is_empty() {
            return self.remove_other_marks(lease, removal).await;
        }
        let ids: BTreeSet<&String> = marks.iter().map(|mark| &mark.series).collect();
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let mut is_all = true;
        for (segments, all) in self.segments_of(&ids).await? {
            self.remove_all(lease, removal, segments).await?;
            is_all &= all;
        }
        if !is_all {
            return Ok(Some(Vec::new()));
        }
        let files: BTreeSet<&Origin> =
            marks.iter().map(|mark| &mark.origin).filter(|origin| matches!(origin, Origin::File(_))).collect();
        for origin in &files {
            self.close_account(lease, site, origin).await?;
        }
        let gone = marks.iter().map(|mark: &Mark| Gone::small(marks::partition(site), mark.sort_key()));
        self.remove_all(lease, removal, gone.collect()).await?;
        Ok(Some(files.into_iter().filter_map(|origin| origin.file().map(str::to_owned)).collect()))
    }

    /// Closes a file's account at a site that is being removed: nothing more will be judged for it there.
    async fn close_account(&self, lease: &Lease, site: &str, origin: &Origin) -> Result<(), StoreError> {
        let Some(mut account) = self.account(site, origin).await?.filter(|account| account.left > 0) else {
            return Ok(());
        };
        account.left = 0;
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        account.write(self, &mut transaction, site, origin)?;
        self.commit(transaction).await
    }

    /// Removes the marks that belong to no stretch. The account of an interrupted file is removed with its mark:
    /// otherwise the file would count as already recorded when it is sent again.
    async fn remove_other_marks(&self, lease: &Lease, removal: &Removal) -> Result<Option<Vec<String>>, StoreError> {
        let pk = marks::partition(&removal.site);
        let (found, _) = self.keys_of(&pk, ("F#", "K$"), None, PAGE).await?;
        let mut gone = Vec::new();
        for item in &found {
            let key = item.text(SK)?;
            if let Some(ingest) = key.strip_prefix("I#") {
                gone.push(Gone::small(ingests::partition(ingest), accounts::sort_key(&removal.site)));
            }
            gone.push(Gone::small(pk.clone(), key));
        }
        self.remove_all(lease, removal, gone).await?;
        Ok((!found.is_empty()).then(Vec::new))
    }

    /// Removes some events and some remaining items of the permit; `false` if there are none left.
    pub async fn remove_rest(&self, lease: &Lease, removal: &Removal) -> Result<bool, StoreError> {
        let (feed, permit) = (feed::partition(&removal.site), permits::partition(&removal.site));
        let last = feed::event_key(removal.seq.saturating_sub(1));
        for (pk, range, weight) in [
            (&feed, ("E#", last.as_str()), LARGE),
            (&permit, ("ACCOUNT#", "ACCOUNT$"), 1),
            (&permit, ("VERSION#", "VERSION$"), LARGE),
        ] {
            if self.remove_between(lease, removal, pk, range, weight).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends a removal: from now on the site is unknown.
    pub async fn end_removal(&self, lease: &Lease, removal: &Removal) -> Result<(), StoreError> {
        let Removal { site, first_revision, .. } = removal;
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        let (pk, sk) = sites::key(site);
        transaction.delete(self, &pk, &sk, Some(("attribute_exists(being_removed)", Values::new())))?;
        // Single readings of a new site with this name come under the next revision.
        let given = values([(":rev", n(first_revision + 1)), (":first", n(first_revision))]);
        let condition = "attribute_exists(being_removed) AND first_rev = :first";
        let expression = "SET rev = :rev REMOVE being_removed";
        transaction.update(self, (feed::partition(site), "HEAD".into()), expression, Some(condition), given)?;
        let is_there = Some(("attribute_exists(pk)", Values::new()));
        transaction.delete(self, &marks::partition(site), MARK, is_there)?;
        let given = values([(":now", n(time::now()))]);
        transaction.update(self, removal.key(), "SET ended_at = :now", Some("attribute_exists(pk)"), given)?;
        self.commit(transaction).await
    }

    /// The first keys of a partition in a range, with one more attribute if requested, and whether there may be more.
    async fn keys_of(
        &self,
        pk: &str,
        (from, to): (&str, &str),
        also: Option<&str>,
        most: i32,
    ) -> Result<(Vec<Item>, bool), StoreError> {
        let only = also.map_or_else(|| SK.to_owned(), |also| format!("{SK}, {also}"));
        let stretch =
            Stretch { pk: pk.to_owned(), from: from.to_owned(), to: to.to_owned(), least: None, only: Some(&only) };
        self.first(stretch, most).await
    }

    /// Removes the first items of a partition in a range; `false` if there are none.
    async fn remove_between(
        &self,
        lease: &Lease,
        removal: &Removal,
        pk: &str,
        range: (&str, &str),
        weight: usize,
    ) -> Result<bool, StoreError> {
        let (found, _) = self.keys_of(pk, range, None, PAGE).await?;
        let gone = found.iter().map(|item| Ok(Gone { weight, ..Gone::small(pk.to_owned(), item.text(SK)?) }));
        self.remove_all(lease, removal, gone.collect::<Result<_, StoreError>>()?).await?;
        Ok(!found.is_empty())
    }

    /// Removes items in this order, in as many steps as necessary.
    async fn remove_all(&self, lease: &Lease, removal: &Removal, gone: Vec<Gone>) -> Result<(), StoreError> {
        let mut rest = gone.as_slice();
        while !rest.is_empty() {
            let mut weight = 0;
            let fitting = rest.iter().take_while(|one| {
                weight += one.weight;
                weight <= STEP
            });
            let (step, later) = rest.split_at(fitting.count().max(1));
            let mut transaction = Transaction::default();
            lease.demand(self, &mut transaction)?;
            let sum = |of: fn(&Gone) -> u64| n(step.iter().map(of).sum::<u64>());
            let counted = values([(":series", sum(|one| one.series)), (":readings", sum(|one| one.readings))]);
            let expression = "ADD n_series :series, n_readings :readings";
            transaction.update(self, removal.key(), expression, Some("attribute_exists(pk)"), counted)?;
            for Gone { key: (pk, sk), .. } in step {
                transaction.delete(self, pk, sk, None)?;
            }
            self.commit(transaction).await?;
            rest = later;
        }
        Ok(())
    }
}

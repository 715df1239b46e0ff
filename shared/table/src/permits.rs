//! Permits of sites, with all their versions.
//!
//! One item lists the versions, and is what writers compete for. Each version's limits are an item of their own, which
//! is kept when a correction replaces it. Permits of earlier program versions are one item with its limits.

use crate::accounts::Account;
use crate::feed::Demand;
use crate::ingests;
use crate::item::{n, s};
use crate::leases::Lease;
use crate::marks::{self, Origin};
use crate::segments::View;
use crate::sites;
use crate::withdrawals::Withdrawal;
use crate::write::{Transaction, Values, values};
use crate::{Item, ItemExt, Store, StoreError, keys};
use domain::calendar::date_from_text;
use domain::history::{History, Version};
use domain::permit::Permit;
use domain::{name, permit_json, time};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A site's permit as stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredPermit {
    /// All versions and the calendar.
    pub history: Arc<History>,
    /// How many times it was written, and files withdrawn; 0 at first.
    pub version: u64,
    /// The versions in the history, by number; empty for the built-in permit.
    pub versions: Vec<VersionRecord>,
    /// The files withdrawn from the site, in that order.
    pub withdrawals: Vec<Withdrawal>,
    /// The first revision of readings that count; 0 unless a site of this name was removed.
    pub first_revision: u64,
}

/// A version without its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// Its number.
    pub number: u64,
    /// The first local day on which it is in force; absent if from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// When it was written, in microseconds.
    pub updated_at: i64,
    /// Who wrote it: the client.
    #[serde(default)]
    pub who: String,
}

/// Where a permit goes among the versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It replaces the version in force.
    InForce,
    /// From a local day on.
    From(jiff::civil::Date),
}

/// What is new in a permit that is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Written<'a> {
    Nothing,
    /// A version, by its number.
    Version(u64),
    /// A withdrawal, and whether it completes that of its file.
    Withdrawal(&'a Withdrawal, bool),
}

impl StoredPermit {
    /// The limits in force now.
    pub fn permit(&self) -> &Permit {
        &self.history.now(time::now()).permit
    }

    /// The record of the version in force now; `None` for the built-in permit.
    pub fn in_force(&self) -> Option<&VersionRecord> {
        let number = self.history.now(time::now()).number;
        self.versions.iter().find(|version| version.number == number)
    }

    /// Whether the site has a permit of its own.
    pub fn is_own(&self) -> bool {
        !self.versions.is_empty()
    }

    /// The view of the site's readings.
    pub fn view(&self) -> View {
        let withdrawn = self.withdrawals.iter().map(|withdrawal| withdrawal.revision).collect();
        let (calendar, first_revision) = (self.history.calendar.clone(), self.first_revision);
        View { calendar, withdrawn: Arc::new(withdrawn), first_revision }
    }

    /// When it was last written, in microseconds; `None` for the built-in one.
    pub fn updated_at(&self) -> Option<i64> {
        self.versions.iter().map(|version| version.updated_at).max()
    }

    /// The version that would be written next for a permit at a place.
    pub fn with(&self, permit: &Permit, place: Place) -> Version {
        let effective_from = match place {
            Place::From(day) => Some(day),
            Place::InForce => self.history.now(time::now()).effective_from,
        };
        Version { number: self.version + 1, effective_from, permit: permit.clone() }
    }

    /// The history with a permit at a place.
    pub fn history_with(&self, permit: &Permit, place: Place) -> History {
        let version = self.with(permit, place);
        // The built-in permit is dropped, whenever the first own version begins.
        if self.is_own() { self.history.with(version) } else { History::new(vec![version]).unwrap_or_default() }
    }
}

pub(crate) fn partition(site: &str) -> String {
    format!("PERMIT#{}", name::key(site))
}

const PERMIT: &str = "PERMIT";
const FIRST_REVISION: &str = "first_rev";

fn version_key(number: u64) -> String {
    format!("VERSION#{number:010}")
}

/// The condition that the permit was written so many times; 0 is the built-in one.
fn in_force(version: u64) -> (&'static str, Values) {
    match version {
        0 => ("attribute_not_exists(pk)", Values::new()),
        version => ("version = :version", values([(":version", n(version))])),
    }
}

/// Adds to a transaction that it fails unless the permit was written so many times.
pub(crate) fn demand(store: &Store, transaction: &mut Transaction, site: &str, version: u64) -> Result<(), StoreError> {
    let (condition, values) = in_force(version);
    transaction.check(store, (partition(site), PERMIT.into()), condition, values)
}

fn parsed(item: &Item) -> Result<Permit, StoreError> {
    let document = serde_json::from_str(item.text("document")?).map_err(|e| item.damaged(e))?;
    permit_json::parse(&document).map_err(|errors| item.damaged(format!("{errors:?}")))
}

fn records(item: &Item) -> Result<Vec<VersionRecord>, StoreError> {
    match item.contains_key("versions") {
        true => serde_json::from_str(item.text("versions")?).map_err(|e| item.damaged(e)),
        // From an earlier program version.
        false => Ok(vec![VersionRecord {
            number: item.number("version")?,
            effective_from: None,
            updated_at: item.number("updated")?,
            who: String::new(),
        }]),
    }
}

impl Store {
    /// The permit of a site; the built-in one if the site has none of its own.
    pub async fn permit(&self, site: &str) -> Result<StoredPermit, StoreError> {
        let Some(item) = self.get(partition(site), PERMIT.into()).await? else {
            return Ok(StoredPermit::default());
        };
        let versions = records(&item)?;
        let limits = versions.iter().map(|record| self.limits_of(site, &item, record));
        // Without a version of its own, the site has the built-in permit.
        let history = Arc::new(History::new(try_join_all(limits).await?).unwrap_or_default());
        let withdrawals = match item.contains_key("withdrawals") {
            true => serde_json::from_str(item.text("withdrawals")?).map_err(|e| item.damaged(e))?,
            false => Vec::new(),
        };
        let (version, first_revision) = (item.number("version")?, item.number_or(FIRST_REVISION, 0)?);
        Ok(StoredPermit { history, version, versions, withdrawals, first_revision })
    }

    async fn limits_of(&self, site: &str, head: &Item, record: &VersionRecord) -> Result<Version, StoreError> {
        let permit = if head.contains_key("document") {
            parsed(head)?
        } else {
            let item = self.get(partition(site), version_key(record.number)).await?;
            parsed(&item.ok_or_else(|| head.damaged(format!("version {} is missing", record.number)))?)?
        };
        let effective_from = record.effective_from.as_deref().map(date_from_text).transpose();
        let effective_from = effective_from.map_err(|error| head.damaged(error))?;
        Ok(Version { number: record.number, effective_from, permit })
    }

    /// Writes a permit at a place, provided that it was written `over` times before, and marks the site, whose readings
    /// must be judged by it. A conflict means that it has been written since.
    pub async fn adopt_permit(
        &self,
        site: &str,
        permit: &Permit,
        (over, place): (&StoredPermit, Place),
        who: &str,
    ) -> Result<StoredPermit, StoreError> {
        let now = time::now();
        let version = over.with(permit, place);
        let record = VersionRecord {
            number: version.number,
            effective_from: version.effective_from.map(|day| day.to_string()),
            updated_at: now,
            who: who.to_owned(),
        };
        let is_another = |known: &&VersionRecord| known.effective_from != record.effective_from;
        let mut versions: Vec<_> = over.versions.iter().filter(is_another).cloned().collect();
        versions.push(record);
        let next = StoredPermit {
            history: Arc::new(over.history_with(permit, place)),
            version: version.number,
            versions,
            ..over.clone()
        };
        self.write_permit(site, over, next, Written::Version(version.number)).await
    }

    /// Withdraws a file from a site: its readings no longer count, and everything stored is judged anew. With the last
    /// of the file's sites, the ledger records it, too. A conflict means that another process has written the permit.
    pub async fn withdraw(
        &self,
        site: &str,
        over: &StoredPermit,
        withdrawal: Withdrawal,
        is_last: bool,
    ) -> Result<StoredPermit, StoreError> {
        let mut next = over.clone();
        next.version += 1;
        next.withdrawals.push(withdrawal.clone());
        self.write_permit(site, over, next, Written::Withdrawal(&withdrawal, is_last)).await
    }

    /// Writes the permit again unchanged, so that everything stored for the site is judged by it anew.
    pub(crate) async fn rewrite_permit(&self, site: &str, over: &StoredPermit) -> Result<StoredPermit, StoreError> {
        let next = StoredPermit { version: over.version + 1, ..over.clone() };
        self.write_permit(site, over, next, Written::Nothing).await
    }

    /// Empties the permit of a site that is being removed. The first revision that counts stays, and so does the number
    /// of writes, increased by one: whoever read the permit before cannot write it. A repetition changes nothing.
    pub(crate) async fn empty_permit(&self, lease: &Lease, site: &str, first_revision: u64) -> Result<(), StoreError> {
        let before = self.get(partition(site), PERMIT.into()).await?;
        let version = before.as_ref().map_or(Ok(0), |item| item.number("version"))?;
        let emptied = before.as_ref().map_or(Ok(0), |item| item.number_or(FIRST_REVISION, 0))?;
        if emptied == first_revision {
            return Ok(());
        }
        let mut item = keys(partition(site), PERMIT);
        item.insert("version".into(), n(version + 1));
        item.insert("versions".into(), s("[]"));
        item.insert(FIRST_REVISION.into(), n(first_revision));
        let (condition, given) = in_force(version);
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        transaction.put_if(self, item, Some(condition), given)?;
        self.commit(transaction).await
    }

    /// Writes the changes, with the limits of a new version, and marks the site.
    async fn write_permit(
        &self,
        site: &str,
        over: &StoredPermit,
        next: StoredPermit,
        new: Written<'_>,
    ) -> Result<StoredPermit, StoreError> {
        let mut item = keys(partition(site), PERMIT);
        item.insert("version".into(), n(next.version));
        item.insert("versions".into(), s(serde_json::to_string(&next.versions).map_err(|e| item.damaged(e))?));
        if !next.withdrawals.is_empty() {
            let text = serde_json::to_string(&next.withdrawals).map_err(|e| item.damaged(e))?;
            item.insert("withdrawals".into(), s(text));
        }
        if next.first_revision > 0 {
            item.insert(FIRST_REVISION.into(), n(next.first_revision));
        }
        let (condition, given) = in_force(over.version);
        loop {
            let feed = self.head_to_write(site).await?;
            let mut transaction = Transaction::default();
            transaction.put_if(self, item.clone(), Some(condition), given.clone())?;
            for known in next.history.versions().iter().filter(|_| next.is_own()) {
                // The limits of an earlier program version get their own item, too.
                if new == Written::Version(known.number) || over.versions.len() == 1 {
                    let mut item = keys(partition(site), version_key(known.number));
                    item.insert("document".into(), s(permit_json::to_json(&known.permit).to_string()));
                    transaction.put(self, item)?;
                }
            }
            transaction.put(self, marks::whole_site(site, next.version))?;
            let site_place = transaction.len();
            // Only a permit may come before the site's first reading; other changes need an existing site.
            let may_be_new = matches!(new, Written::Version(_));
            let room = if may_be_new { self.room_for(&[site.to_owned()]).await? } else { None };
            sites::note_judged(self, &mut transaction, site, room.as_ref())?;
            let site_places = site_place..transaction.len();
            if let Written::Withdrawal(withdrawal, true) = new {
                ingests::note_withdrawn(self, &mut transaction, &withdrawal.ingest, &withdrawal.decision())?;
            }
            let mut account = Account::open(1, Value::Null, time::now());
            account.write(self, &mut transaction, site, &Origin::Permit(next.version))?;
            let appended = self.append(&mut transaction, site, feed, &[], Demand::SameEvents)?;
            match self.commit_or_tell(transaction).await? {
                Ok(()) => return Ok(next),
                Err(places) if !may_be_new && places.contains(&site_place) => return Err(StoreError::BeingRemoved),
                // New events, or others have created sites.
                Err(places) if places.iter().all(|at| *at == appended.place || site_places.contains(at)) => {}
                Err(_) => return Err(StoreError::Conflict),
            }
        }
    }
}

//! Writes the results of marked stretches.

use crate::accounts::Account;
use crate::alerts::{Change, Stored};
use crate::feed::{Demand, Draft, Event, Head};
use crate::leases::Lease;
use crate::marks::{self, Mark, Origin};
use crate::write::Transaction;
use crate::{Store, StoreError, permits};

/// The most changes and marks of one settlement, which leaves room for the rest of its transaction.
pub const ROOM: usize = 70;
/// The same in bytes of blocks and events.
pub const ROOM_BYTES: usize = 2_000_000;

/// The results for marked stretches of a site, to be written together.
#[derive(Debug)]
pub struct Settlement<'a> {
    /// The lease on the site.
    pub lease: &'a Lease,
    /// The site.
    pub site: &'a str,
    /// The version of the permit by which they were judged.
    pub permit: u64,
    /// The head of the feed.
    pub head: Head,
    /// The changed alerts.
    pub changes: Vec<&'a Change>,
    /// Marks that it settles.
    pub settled: Vec<&'a Mark>,
    /// Marks that it does not settle, but that must still be there.
    pub demanded: Vec<&'a Mark>,
    /// The results, by origin.
    pub accounts: Vec<(&'a Origin, &'a mut Account)>,
    /// The events for subscribers.
    pub events: &'a [Draft],
}

/// The outcome of a settlement.
#[derive(Debug)]
pub enum Settled {
    /// It is written: the events with their sequence numbers, and the new head.
    Done(Vec<Event>, Head),
    /// Events were written in between: it may be retried after them.
    Behind,
    /// Its inputs have changed, or another process holds the lease.
    Stale,
}

impl Store {
    /// Writes a settlement, as a whole or not at all.
    pub async fn settle_marks(&self, settlement: Settlement<'_>) -> Result<Settled, StoreError> {
        let Settlement { lease, site, permit, head, changes, settled, demanded, accounts, events } = settlement;
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        permits::demand(self, &mut transaction, site, permit)?;
        let appended = self.append(&mut transaction, site, head, events, Demand::SameEvents)?;
        for change in changes {
            change.write(self, &mut transaction)?;
        }
        for mark in settled {
            mark.settle(self, &mut transaction, site)?;
        }
        for mark in demanded {
            mark.demand(self, &mut transaction, site)?;
        }
        for (origin, account) in accounts {
            account.write(self, &mut transaction, site, origin)?;
        }
        match self.commit_or_tell(transaction).await? {
            Ok(()) => Ok(Settled::Done(appended.entries, appended.head)),
            Err(places) if places == [appended.place] => Ok(Settled::Behind),
            Err(_) => Ok(Settled::Stale),
        }
    }

    /// Writes blocks of alerts that become valid with a settlement.
    pub async fn stage_alerts(&self, blocks: Vec<Stored>) -> Result<(), StoreError> {
        self.stage(blocks).await
    }

    /// Marks the series of a site one by one for a version of its permit, instead of the site as a whole.
    pub async fn mark_series(&self, lease: &Lease, site: &str, version: u64, marks: &[Mark]) -> Result<(), StoreError> {
        self.mark(site, marks).await?;
        let origin = Origin::Permit(version);
        let mut account = self.account(site, &origin).await?.unwrap_or_default();
        account.left = marks.len() as u64;
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        transaction.delete(self, &marks::partition(site), &marks::whole_site_key(version), None)?;
        account.write(self, &mut transaction, site, &origin)?;
        self.commit(transaction).await
    }
}

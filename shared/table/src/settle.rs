//! Writing what marked stretches come to.

use crate::accounts::Account;
use crate::alerts::{Change, Stored};
use crate::feed::{Demand, Draft, Event, Head};
use crate::leases::Lease;
use crate::marks::{self, Mark, Origin};
use crate::write::Transaction;
use crate::{Store, StoreError, permits};

/// The most changes and marks that one settlement should have, with room for what goes with them in one transaction.
pub const ROOM: usize = 70;
/// The same in bytes of blocks and events.
pub const ROOM_BYTES: usize = 2_000_000;

/// What has been found about marked stretches of a site, to be written together.
#[derive(Debug)]
pub struct Settlement<'a> {
    /// The lease on the site.
    pub lease: &'a Lease,
    /// The site.
    pub site: &'a str,
    /// The version of the permit that was judged by.
    pub permit: u64,
    /// The head of the feed.
    pub head: Head,
    /// The changed alerts.
    pub changes: Vec<&'a Change>,
    /// Marks that are worked off by it.
    pub settled: Vec<&'a Mark>,
    /// Marks that are not yet, and have to be there still.
    pub demanded: Vec<&'a Mark>,
    /// What it comes to for those who caused it.
    pub accounts: Vec<(&'a Origin, &'a mut Account)>,
    /// What subscribers are told.
    pub events: &'a [Draft],
}

/// What became of a settlement.
#[derive(Debug)]
pub enum Settled {
    /// It is written: the events in their places, and the head now.
    Done(Vec<Event>, Head),
    /// Events came in between: it may be tried again behind them.
    Behind,
    /// What it was based on is no longer so, or somebody else holds the lease.
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

    /// Marks the series of a site one by one for a version of its permit, in place of the site as a whole.
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

//! Putting permits in force.

use crate::Engine;
use crate::answer::AlertsChanged;
use crate::record::PATIENCE;
use domain::permit::Permit;
use std::time::Instant;
use table::StoreError;
use table::accounts::Account;
use table::marks::Origin;
use table::permits::{Place, StoredPermit};

/// The changes by a new permit so far.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The permit in force.
    pub permit: StoredPermit,
    /// How the alerts have changed.
    pub alerts: AlertsChanged,
    /// How many series are still to be judged.
    pub left: u64,
}

impl Engine {
    /// Writes a permit at a place among the versions, provided that these have not changed. Everything stored for the
    /// site is judged by it, here and now as far as time allows. A conflict means that another version is in force.
    pub async fn adopt_permit(
        &self,
        site: &str,
        permit: &Permit,
        (over, place): (&StoredPermit, Place),
        who: &str,
    ) -> Result<Adopted, StoreError> {
        let until = Instant::now() + PATIENCE;
        let permit = self.adopted(site, permit, (over, place), who).await?;
        let origin = Origin::Permit(permit.version);
        let account = self.judged(site, &origin, until).await?;
        let alerts = AlertsChanged { new: account.new.values().sum(), withdrawn: account.withdrawn };
        Ok(Adopted { permit, alerts, left: account.left })
    }

    /// The account of a permit version once everything is judged, or its state when the time is up.
    pub(crate) async fn judged(&self, site: &str, origin: &Origin, until: Instant) -> Result<Account, StoreError> {
        // An account is removed only together with its site.
        let account = || async { self.store.account(site, origin).await?.ok_or(StoreError::BeingRemoved) };
        let settled = || async { Ok(Some(account().await?).filter(|account| account.left == 0)) };
        match self.settler.wait(until, settled).await? {
            Some(account) => Ok(account),
            None => account().await,
        }
    }

    /// Writes a permit and has its site settled, even if the client disconnects in between. Otherwise its verdicts
    /// would wait for the next sweep.
    async fn adopted(
        &self,
        site: &str,
        permit: &Permit,
        (over, place): (&StoredPermit, Place),
        who: &str,
    ) -> Result<StoredPermit, StoreError> {
        let (engine, site, permit) = (self.clone(), site.to_owned(), permit.clone());
        let (over, who) = (over.clone(), who.to_owned());
        let adopting = tokio::spawn(async move {
            let permit = engine.store.adopt_permit(&site, &permit, (&over, place), &who).await?;
            engine.settler.kick(&site);
            Ok(permit)
        });
        adopting.await.map_err(|error| StoreError::Service(error.to_string()))?
    }
}

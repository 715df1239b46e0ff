//! Withdrawing files, and deciding about rows that were refused.

use crate::Engine;
use crate::record::PATIENCE;
use domain::time;
use std::time::Instant;
use table::StoreError;
use table::ingests::{Decision, Ingest, Stage};
use table::marks::Origin;
use table::retry::Backoff;
use table::withdrawals::Withdrawal;

/// Why a file stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such file.
    #[error("no ingest has this id")]
    Unknown,
    /// It is not completely taken in.
    #[error("the file is still being taken in")]
    Unfinished,
    /// No row of it was refused.
    #[error("no row of the file was refused")]
    NothingRefused,
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file that was withdrawn, and what that has changed so far.
#[derive(Debug)]
pub struct Withdrawn {
    /// Its record.
    pub ingest: Ingest,
    /// Exceedances that were none before.
    pub alerts_new: u64,
    /// Alerts that no longer hold.
    pub alerts_withdrawn: u64,
    /// How many series are still to be judged.
    pub left: u64,
}

impl Engine {
    /// Withdraws a file: its readings count no longer, what they had replaced counts again, and its sites are judged
    /// anew. Done twice, it changes nothing the second time.
    pub async fn withdraw(&self, id: &str, reason: &str, who: &str) -> Result<Withdrawn, DecideError> {
        let until = Instant::now() + PATIENCE;
        let mut ingest = self.store.ingest(id).await?.ok_or(DecideError::Unknown)?;
        if ingest.state != Stage::Done {
            return Err(DecideError::Unfinished);
        }
        if ingest.withdrawn.is_none() {
            ingest.withdrawn = Some(decision(reason, who));
            self.store.save_ingest(&ingest).await?;
        }
        let mut withdrawn = Withdrawn { alerts_new: 0, alerts_withdrawn: 0, left: 0, ingest };
        for (site, revision) in withdrawn.ingest.revisions.clone() {
            let version = self.withdraw_from(&site, revision, (id, reason, who)).await?;
            self.settler.kick(&site);
            let origin = Origin::Permit(version);
            let account = || self.store.account(&site, &origin);
            let settled = || async { Ok(account().await?.filter(|account| account.left == 0)) };
            let account = match self.settler.wait(until, settled).await? {
                Some(account) => account,
                None => account().await?.unwrap_or_default(),
            };
            withdrawn.alerts_new += account.new.values().sum::<u64>();
            withdrawn.alerts_withdrawn += account.withdrawn;
            withdrawn.left += account.left;
        }
        Ok(withdrawn)
    }

    /// Withdraws a file from one of its sites; gives the version under which the site is judged anew.
    async fn withdraw_from(
        &self,
        site: &str,
        revision: u64,
        (id, reason, who): (&str, &str, &str),
    ) -> Result<u64, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let permit = self.store.permit(site).await?;
            if permit.withdrawals.iter().any(|known| known.revision == revision) {
                return Ok(permit.version);
            }
            let withdrawal =
                Withdrawal { revision, ingest: id.into(), reason: reason.into(), who: who.into(), at: time::now() };
            match self.store.withdraw(site, &permit, withdrawal).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {}
                done => return Ok(done?.version),
            }
        }
    }

    /// Notes what a person has decided about the rows of a file that were refused: certificates name them no longer.
    pub async fn resolve(&self, id: &str, reason: &str, who: &str) -> Result<Ingest, DecideError> {
        let mut ingest = self.store.ingest(id).await?.ok_or(DecideError::Unknown)?;
        if ingest.state != Stage::Done {
            return Err(DecideError::Unfinished);
        }
        let refused = ingest.answer.as_ref().and_then(|answer| answer["rows_refused"].as_u64());
        if refused.unwrap_or_default() == 0 {
            return Err(DecideError::NothingRefused);
        }
        ingest.resolution = Some(decision(reason, who));
        self.store.save_ingest(&ingest).await?;
        Ok(ingest)
    }
}

fn decision(reason: &str, who: &str) -> Decision {
    Decision { reason: reason.to_owned(), who: who.to_owned(), at: time::rfc3339(time::now() / 1_000_000 * 1_000_000) }
}

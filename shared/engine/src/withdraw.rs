//! Withdraws files, and records decisions about refused rows.

use crate::Engine;
use crate::answer::AlertsChanged;
use crate::record::PATIENCE;
use domain::time;
use std::time::Instant;
use table::StoreError;
use table::ingests::{Decision, Ingest, Stage};
use table::marks::Origin;
use table::retry::Backoff;
use table::withdrawals::Withdrawal;

/// Why a decision about a file is refused.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such file.
    #[error("no ingest has this id")]
    Unknown,
    /// It is not completely ingested.
    #[error("the file is still being ingested")]
    Unfinished,
    /// No row of it was refused.
    #[error("no row of the file was refused")]
    NothingRefused,
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A withdrawn file, and the changes so far.
#[derive(Debug)]
pub struct Withdrawn {
    /// Its record.
    pub ingest: Ingest,
    /// How the alerts have changed.
    pub alerts: AlertsChanged,
    /// How many series are still to be judged.
    pub left: u64,
}

impl Engine {
    /// Withdraws a file: its readings no longer count, the readings they had replaced count again, and its sites are
    /// judged anew. Repeating it changes nothing. It continues if the client disconnects; if a process dies while it
    /// withdraws a file from several sites, repeating the request completes it.
    pub async fn withdraw(&self, id: &str, reason: &str, who: &str) -> Result<Withdrawn, DecideError> {
        let (engine, id, reason, who) = (self.clone(), id.to_owned(), reason.to_owned(), who.to_owned());
        let withdrawing = tokio::spawn(async move { engine.withdraw_all(&id, &reason, &who).await });
        withdrawing.await.map_err(|error| StoreError::Service(error.to_string()))?
    }

    async fn withdraw_all(&self, id: &str, reason: &str, who: &str) -> Result<Withdrawn, DecideError> {
        let until = Instant::now() + PATIENCE;
        let ingest = self.finished(id).await?;
        let withdrawal = |revision| Withdrawal {
            revision,
            ingest: id.to_owned(),
            reason: reason.to_owned(),
            who: who.to_owned(),
            at: time::now(),
        };
        let mut versions = Vec::new();
        for (number, (site, revision)) in (1..).zip(&ingest.revisions) {
            let is_last = number == ingest.revisions.len();
            if let Some(version) = self.withdraw_from(site, withdrawal(*revision), is_last).await? {
                versions.push((site, version));
                self.settler.kick(site);
            }
        }
        if versions.len() < ingest.revisions.len() || versions.is_empty() {
            // The withdrawal from the last site records it, and that site may have been removed.
            self.store.note_withdrawn(id, &withdrawal(0).decision()).await?;
        }
        let ingest = self.finished(id).await?;
        let mut withdrawn = Withdrawn { ingest, alerts: AlertsChanged::default(), left: 0 };
        for (site, version) in versions {
            let account = match self.judged(site, &Origin::Permit(version), until).await {
                // The file's readings there are removed with the site.
                Err(StoreError::BeingRemoved) => continue,
                account => account?,
            };
            withdrawn.alerts.new += account.new.values().sum::<u64>();
            withdrawn.alerts.withdrawn += account.withdrawn;
            withdrawn.left += account.left;
        }
        Ok(withdrawn)
    }

    /// Withdraws a file from one of its sites; returns the version under which the site is judged anew, or `None` if it
    /// was removed since.
    async fn withdraw_from(
        &self,
        site: &str,
        withdrawal: Withdrawal,
        is_last: bool,
    ) -> Result<Option<u64>, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            match self.store.counts(site, withdrawal.revision).await {
                Ok(true) => {}
                Ok(false) | Err(StoreError::BeingRemoved) => return Ok(None),
                Err(error) => return Err(error),
            }
            let permit = self.store.permit(site).await?;
            if permit.withdrawals.iter().any(|known| known.revision == withdrawal.revision) {
                return Ok(Some(permit.version));
            }
            match self.store.withdraw(site, &permit, withdrawal.clone(), is_last).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {}
                // The next round reads whether the site was removed.
                Err(StoreError::BeingRemoved) if backoff.wait(PATIENCE).await => {}
                done => return Ok(Some(done?.version)),
            }
        }
    }

    /// Records a person's decision about the refused rows of a file: certificates no longer name them.
    pub async fn resolve(&self, id: &str, reason: &str, who: &str) -> Result<Ingest, DecideError> {
        let ingest = self.finished(id).await?;
        let refused = ingest.answer.as_ref().and_then(|answer| answer["rows_refused"].as_u64());
        if refused.unwrap_or_default() == 0 {
            return Err(DecideError::NothingRefused);
        }
        let at = time::rfc3339_seconds(time::now());
        let decision = Decision { reason: reason.to_owned(), who: who.to_owned(), at };
        self.store.note_resolution(id, &decision).await?;
        self.finished(id).await
    }

    /// A file that is completely ingested.
    async fn finished(&self, id: &str) -> Result<Ingest, DecideError> {
        let ingest = self.store.ingest(id).await?.ok_or(DecideError::Unknown)?;
        if ingest.state == Stage::Done { Ok(ingest) } else { Err(DecideError::Unfinished) }
    }
}

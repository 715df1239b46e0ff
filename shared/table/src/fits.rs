//! Fits, which are computed apart from their requests.
//!
//! | partition | sort key | what |
//! |---|---|---|
//! | `FIT#id` | `JOB` | the request, its state, and its result |
//! | `FIT#id` | `P#n` | points sent with it |
//! | `FITS` | the id | a fit that is not finished |

use crate::item::{b, expiring, n, s};
use crate::leases::Lease;
use crate::write::{Transaction, values};
use crate::{ItemExt, SK, Store, StoreError, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

/// Seconds for which a fit is kept.
pub(crate) const KEPT: i64 = 7 * 24 * 3600;
/// The most unfinished fits.
pub const MAX_OPEN: usize = 64;
/// Bytes of points in one item, which may have 400 KB.
const CHUNK: usize = 384 * 1000;

const JOB: &str = "JOB";
const OPEN: &str = "FITS";
const POINTS: &str = "P#";
const IS_OPEN: &str = "doing IN (:waiting, :running)";

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub struct FitJob {
    /// Its id.
    pub id: String,
    /// The request, as JSON.
    pub asked: String,
    /// Its state.
    pub state: FitState,
    /// How many attempts have begun.
    pub attempts: u64,
    /// Steps taken, and steps after which it gives up.
    pub steps: (u64, u64),
    /// Its result, as JSON, once it is finished.
    pub outcome: Option<String>,
}

/// The state of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FitState {
    /// It is queued.
    Waiting,
    /// It is being computed.
    Running,
    /// It has a result.
    Done,
    /// It has failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// Whether something was recorded about a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was.
    Yes,
    /// No: the fit is finished, perhaps cancelled.
    Over,
    /// No: another process works on it now.
    Lost,
}

impl FitState {
    /// Whether it is finished.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    /// Its name, as in JSON.
    pub fn text(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Cancelled];
        all.into_iter().find(|state| state.text() == text)
    }
}

pub(crate) fn partition(id: &str) -> String {
    format!("FIT#{id}")
}

fn open_values() -> crate::write::Values {
    values([(":waiting", s(FitState::Waiting.text())), (":running", s(FitState::Running.text()))])
}

impl Store {
    /// Stores a fit to be computed, and its points. `false` if there are too many already.
    pub async fn begin_fit(&self, id: &str, asked: &str, points: &[u8]) -> Result<bool, StoreError> {
        if self.open_fits().await?.len() >= MAX_OPEN {
            return Ok(false);
        }
        let chunk = |(number, bytes): (usize, &[u8])| {
            let mut item = expiring(keys(partition(id), format!("{POINTS}{number:06}")), KEPT);
            item.insert("d".into(), b(bytes.to_vec()));
            item
        };
        self.put_all(points.chunks(CHUNK).enumerate().map(chunk).collect()).await?;
        let mut job = expiring(keys(partition(id), JOB), KEPT);
        job.insert("asked".into(), s(asked));
        job.insert("doing".into(), s(FitState::Waiting.text()));
        let mut transaction = Transaction::default();
        transaction.put(self, job)?;
        transaction.put(self, expiring(keys(OPEN, id), KEPT))?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// A fit.
    pub async fn fit(&self, id: &str) -> Result<Option<FitJob>, StoreError> {
        let Some(item) = self.get(partition(id), JOB.into()).await? else { return Ok(None) };
        Ok(Some(FitJob {
            id: id.to_owned(),
            asked: item.text("asked")?.to_owned(),
            state: FitState::parse(item.text("doing")?).ok_or_else(|| item.damaged("unknown state"))?,
            attempts: item.number_or("attempts", 0)?,
            steps: (item.number_or("step", 0)?, item.number_or("most", 0)?),
            outcome: item.contains_key("outcome").then(|| item.text("outcome").map(str::to_owned)).transpose()?,
        }))
    }

    /// The points that were sent with a fit.
    pub async fn fit_points(&self, id: &str) -> Result<Vec<u8>, StoreError> {
        let mut points = Vec::new();
        for item in self.prefixed(partition(id), POINTS).await? {
            points.extend_from_slice(item.bytes("d")?);
        }
        Ok(points)
    }

    /// The ids of unfinished fits, the oldest first.
    pub async fn open_fits(&self) -> Result<Vec<String>, StoreError> {
        self.prefixed(OPEN.into(), "").await?.iter().map(|item| Ok(item.text(SK)?.to_owned())).collect()
    }

    /// Records that an attempt at a fit begins.
    pub async fn fit_begins(&self, lease: &Lease, id: &str) -> Result<Noted, StoreError> {
        let one = [(":one".to_owned(), n(1))];
        self.change_fit(lease, id, "SET doing = :running ADD attempts :one", one).await
    }

    /// Records the progress of a fit.
    pub async fn fit_goes_on(&self, lease: &Lease, id: &str, (step, most): (u64, u64)) -> Result<Noted, StoreError> {
        let far = [(":step".to_owned(), n(step)), (":most".to_owned(), n(most))];
        self.change_fit(lease, id, "SET step = :step, most = :most", far).await
    }

    /// Records that a fit waits for another process, and that this attempt does not count.
    pub async fn fit_rests(&self, lease: &Lease, id: &str) -> Result<Noted, StoreError> {
        let less = [(":less".to_owned(), n(-1))];
        self.change_fit(lease, id, "SET doing = :waiting ADD attempts :less", less).await
    }

    /// Records the result of a fit.
    pub async fn end_fit_under(
        &self,
        lease: &Lease,
        id: &str,
        state: FitState,
        outcome: &str,
    ) -> Result<Noted, StoreError> {
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        self.end(&mut transaction, id, state, Some(outcome))?;
        let noted = self.noted(transaction).await?;
        if noted == Noted::Yes {
            self.forget_points(id).await?;
        }
        Ok(noted)
    }

    /// The same without the lease. `false` if it is finished.
    pub async fn end_fit(&self, id: &str, state: FitState, outcome: Option<&str>) -> Result<bool, StoreError> {
        let mut transaction = Transaction::default();
        self.end(&mut transaction, id, state, outcome)?;
        match self.commit(transaction).await {
            Err(StoreError::Conflict) => return Ok(false),
            done => done?,
        }
        self.forget_points(id).await?;
        Ok(true)
    }

    fn end(
        &self,
        transaction: &mut Transaction,
        id: &str,
        state: FitState,
        outcome: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut values = open_values();
        values.insert(":state".to_owned(), s(state.text()));
        let mut change = "SET doing = :state".to_owned();
        if let Some(outcome) = outcome {
            values.insert(":outcome".to_owned(), s(outcome));
            change.push_str(", outcome = :outcome");
        }
        transaction.update(self, (partition(id), JOB.into()), &change, Some(IS_OPEN), values)?;
        transaction.delete(self, OPEN, id, None)
    }

    async fn change_fit<const N: usize>(
        &self,
        lease: &Lease,
        id: &str,
        change: &str,
        more: [(String, AttributeValue); N],
    ) -> Result<Noted, StoreError> {
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        let mut values = open_values();
        values.extend(more);
        transaction.update(self, (partition(id), JOB.into()), change, Some(IS_OPEN), values)?;
        self.noted(transaction).await
    }

    /// Commits a transaction that demands first the lease, and second that the fit is not finished.
    async fn noted(&self, transaction: Transaction) -> Result<Noted, StoreError> {
        Ok(match self.commit_or_tell(transaction).await? {
            Ok(()) => Noted::Yes,
            Err(places) if places.contains(&0) => Noted::Lost,
            Err(_) => Noted::Over,
        })
    }

    async fn forget_points(&self, id: &str) -> Result<(), StoreError> {
        let points = self.prefixed(partition(id), POINTS).await?;
        let points = points.iter().map(|item| Ok((partition(id), item.text(SK)?.to_owned())));
        self.delete_all(points.collect::<Result<_, StoreError>>()?).await
    }
}

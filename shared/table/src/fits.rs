//! Fits, which are worked out apart from the requests that ask for them.
//!
//! | partition | sort key | what |
//! |---|---|---|
//! | `FIT#id` | `JOB` | what is asked, how far it is, and what came of it |
//! | `FIT#id` | `P#n` | points that came with it |
//! | `FITS` | the id | a fit that is not over |

use crate::item::{b, expiring, n, s};
use crate::leases::Lease;
use crate::write::{Transaction, values};
use crate::{ItemExt, SK, Store, StoreError, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

/// Seconds for which a fit can be asked for.
const KEPT: i64 = 7 * 24 * 3600;
/// The most fits that are not over.
pub const MAX_OPEN: usize = 64;
/// Bytes of points in one item, which has room for 400 KB.
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
    /// What is asked, as JSON.
    pub asked: String,
    /// How far it is.
    pub doing: Doing,
    /// How often somebody has begun to work it out.
    pub attempts: u64,
    /// Steps taken, and steps after which it gives up.
    pub steps: (u64, u64),
    /// What came of it, as JSON, once it is over.
    pub came: Option<String>,
}

/// How far a fit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Others are before it.
    Waiting,
    /// It is being worked out.
    Running,
    /// There is a fit.
    Done,
    /// There is none.
    Failed,
    /// Somebody has cancelled it.
    Cancelled,
}

impl Doing {
    /// Whether nothing more becomes of it.
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
        all.into_iter().find(|doing| doing.text() == text)
    }
}

pub(crate) fn partition(id: &str) -> String {
    format!("FIT#{id}")
}

fn open_values() -> crate::write::Values {
    values([(":waiting", s(Doing::Waiting.text())), (":running", s(Doing::Running.text()))])
}

impl Store {
    /// Keeps a fit to be worked out, and the points that came with it. `false` if there are too many already.
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
        job.insert("doing".into(), s(Doing::Waiting.text()));
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
            doing: Doing::parse(item.text("doing")?).ok_or_else(|| item.damaged("unknown state"))?,
            attempts: item.number_or("attempts", 0)?,
            steps: (item.number_or("step", 0)?, item.number_or("most", 0)?),
            came: item.contains_key("came").then(|| item.text("came").map(str::to_owned)).transpose()?,
        }))
    }

    /// The points that came with a fit.
    pub async fn fit_points(&self, id: &str) -> Result<Vec<u8>, StoreError> {
        let mut points = Vec::new();
        for item in self.prefixed(partition(id), POINTS).await? {
            points.extend_from_slice(item.bytes("d")?);
        }
        Ok(points)
    }

    /// The ids of fits that are not over, the oldest first.
    pub async fn open_fits(&self) -> Result<Vec<String>, StoreError> {
        self.prefixed(OPEN.into(), "").await?.iter().map(|item| Ok(item.text(SK)?.to_owned())).collect()
    }

    /// Notes that somebody begins to work a fit out. `false` if it is over.
    pub async fn fit_begins(&self, lease: &Lease, id: &str) -> Result<bool, StoreError> {
        let one = [(":one".to_owned(), n(1))];
        self.change_fit(lease, id, "SET doing = :running ADD attempts :one", one).await
    }

    /// Notes how far a fit is. `false` if it is cancelled, or if somebody else works on it by now.
    pub async fn fit_goes_on(&self, lease: &Lease, id: &str, (step, most): (u64, u64)) -> Result<bool, StoreError> {
        let far = [(":step".to_owned(), n(step)), (":most".to_owned(), n(most))];
        self.change_fit(lease, id, "SET doing = :running, step = :step, most = :most", far).await
    }

    async fn change_fit<const N: usize>(
        &self,
        lease: &Lease,
        id: &str,
        change: &str,
        more: [(String, AttributeValue); N],
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::default();
        lease.demand(self, &mut transaction)?;
        let mut values = open_values();
        values.extend(more);
        transaction.update(self, (partition(id), JOB.into()), change, Some(IS_OPEN), values)?;
        match self.commit(transaction).await {
            Err(StoreError::Conflict) => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// Removes the lease of a fit that is over: nobody works on it any more.
    pub async fn forget_fit_lease(&self, id: &str) -> Result<(), StoreError> {
        self.delete_all(vec![(partition(id), crate::leases::LEASES.into())]).await
    }

    /// Says what came of a fit, unless it is over; under a lease, only as long as that is held.
    pub async fn end_fit(
        &self,
        lease: Option<&Lease>,
        id: &str,
        doing: Doing,
        came: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::default();
        if let Some(lease) = lease {
            lease.demand(self, &mut transaction)?;
        }
        let mut values = open_values();
        values.insert(":doing".to_owned(), s(doing.text()));
        let mut change = "SET doing = :doing".to_owned();
        if let Some(came) = came {
            values.insert(":came".to_owned(), s(came));
            change.push_str(", came = :came");
        }
        transaction.update(self, (partition(id), JOB.into()), &change, Some(IS_OPEN), values)?;
        transaction.delete(self, OPEN, id, None)?;
        match self.commit(transaction).await {
            Err(StoreError::Conflict) => return Ok(false),
            done => done?,
        }
        let points = self.prefixed(partition(id), POINTS).await?;
        let points = points.iter().map(|item| Ok((partition(id), item.text(SK)?.to_owned())));
        self.delete_all(points.collect::<Result<_, StoreError>>()?).await?;
        Ok(true)
    }
}

//! Leases: one process at a time works on a site, or on a file.
//!
//! The holder advances the lease's *beat*. A process that sees the same beat for [`LEASE`] by its own clock takes the
//! lease over; no two clocks are compared. Each holder has its own *fence*, which its commits demand: if a holder was
//! taken for dead, its work comes too late, and leaves nothing behind.

use crate::item::{n, s};
use crate::write::{Transaction, Values, values};
use crate::{ItemExt, PK, SK, Store, StoreError, TTL};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::time;
use std::time::{Duration, Instant};

/// How long a lease lasts without a beat.
pub const LEASE: Duration = Duration::from_secs(3);
/// How often a holder renews it.
pub const BEAT: Duration = Duration::from_secs(1);

const LEASES: &str = "LEASE";

/// The work that a lease covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Settling a site.
    Site(String),
    /// Recording the file of an ingest.
    File(String),
    /// Taking in the waiting files of a source.
    Source(String),
    /// Computing a fit.
    Fit(String),
}

/// A lease that this process holds.
#[derive(Debug, Clone)]
pub struct Lease {
    work: Work,
    holder: String,
    fence: u64,
}

/// Evidence that nobody was doing some work when it was checked.
#[derive(Debug, Clone)]
pub struct Abandoned {
    work: Work,
    /// The last beat of its dead holder, if there was one.
    beat: Option<u64>,
}

/// What was seen of another process's lease.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    seen: Option<(u64, Instant)>,
}

impl Watch {
    /// Records a beat; returns whether it has been the same for long enough.
    fn is_dead(&mut self, beat: u64) -> bool {
        match self.seen {
            Some((seen, since)) if seen == beat => since.elapsed() >= LEASE,
            _ => {
                self.seen = Some((beat, Instant::now()));
                false
            }
        }
    }
}

impl Work {
    fn partition(&self) -> String {
        match self {
            Self::Site(site) => crate::marks::partition(site),
            Self::File(id) => crate::ingests::partition(id),
            Self::Source(name) => format!("SOURCE#{name}"),
            Self::Fit(id) => crate::fits::partition(id),
        }
    }

    /// When the lease itself may be removed, in seconds since 1970: together with the rest of the work's items.
    fn expires(&self) -> Option<i64> {
        matches!(self, Self::Fit(_)).then(|| time::now() / 1_000_000 + crate::fits::KEPT)
    }
}

impl Lease {
    /// The number of this holder; later holders have greater ones.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Adds to a transaction that it fails unless the lease is still held, and renews it.
    pub(crate) fn demand(&self, store: &Store, transaction: &mut Transaction) -> Result<(), StoreError> {
        let key = (self.work.partition(), LEASES.to_owned());
        let values = values([(":fence", n(self.fence)), (":one", n(1)), (":holder", s(&self.holder))]);
        transaction.update(store, key, "ADD beat :one", Some("fence = :fence AND holder = :holder"), values)
    }
}

impl Abandoned {
    /// Adds to a transaction that it fails if another process has taken up the work since, or the holder has shown a
    /// sign of life.
    pub(crate) fn demand(&self, store: &Store, transaction: &mut Transaction) -> Result<(), StoreError> {
        let key = (self.work.partition(), LEASES.to_owned());
        match self.beat {
            Some(beat) => transaction.check(store, key, "beat = :beat", values([(":beat", n(beat))])),
            None => transaction.check(store, key, "attribute_not_exists(holder)", Values::new()),
        }
    }
}

impl Store {
    /// Takes a lease if nobody holds it, or if its holder is dead according to `watch`.
    pub async fn take_lease(&self, work: Work, watch: &mut Watch) -> Result<Option<Lease>, StoreError> {
        if let Some(lease) = self.try_lease(&work, None).await? {
            return Ok(Some(lease));
        }
        let held = self.get(work.partition(), LEASES.into()).await?;
        match held.as_ref().filter(|item| item.contains_key("holder")).map(|item| item.number("beat")).transpose()? {
            Some(beat) if watch.is_dead(beat) => self.try_lease(&work, Some(beat)).await,
            _ => Ok(None),
        }
    }

    /// Takes a lease that nobody holds, or whose beat is still the given one.
    async fn try_lease(&self, work: &Work, beat: Option<u64>) -> Result<Option<Lease>, StoreError> {
        let holder = uuid::Uuid::new_v4().simple().to_string();
        let condition = if beat.is_some() {
            "beat = :beat OR holder = :holder"
        } else {
            // The second half is for an attempt that was carried out, but whose answer was lost.
            "attribute_not_exists(holder) OR holder = :holder"
        };
        let mut update = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, s(work.partition()))
            .key(SK, s(LEASES))
            .condition_expression(condition)
            .expression_attribute_values(":holder", s(&holder))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::AllNew);
        update = match work.expires() {
            None => update.update_expression("SET holder = :holder ADD fence :one, beat :one"),
            Some(at) => update
                .update_expression("SET holder = :holder, #ttl = :ttl ADD fence :one, beat :one")
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_values(":ttl", n(at)),
        };
        if let Some(beat) = beat {
            update = update.expression_attribute_values(":beat", n(beat));
        }
        match self.patiently(|| update.clone().send()).await {
            Ok(answer) => {
                let fence = answer.attributes.unwrap_or_default().number("fence")?;
                Ok(Some(Lease { work: work.clone(), holder, fence }))
            }
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Renews a lease; a conflict means that another process has it.
    pub async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        self.change(lease, "ADD beat :one", Some(n(1))).await
    }

    /// Releases a lease. If another process has it already, that one keeps it.
    pub async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        match self.change(lease, "REMOVE holder", None).await {
            Err(StoreError::Conflict) => Ok(()),
            done => done,
        }
    }

    /// Checks whether a live process holds a lease, according to `watch`; `None` if so.
    pub async fn abandoned(&self, work: &Work, watch: &mut Watch) -> Result<Option<Abandoned>, StoreError> {
        let held = self.get(work.partition(), LEASES.into()).await?;
        let beat = held.filter(|item| item.contains_key("holder")).map(|item| item.number("beat")).transpose()?;
        let is_alive = beat.is_some_and(|beat| !watch.is_dead(beat));
        Ok((!is_alive).then(|| Abandoned { work: work.clone(), beat }))
    }

    async fn change(&self, lease: &Lease, expression: &str, one: Option<AttributeValue>) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, s(lease.work.partition()))
            .key(SK, s(LEASES))
            .update_expression(expression)
            .condition_expression("fence = :fence AND holder = :holder");
        let mut values = values([(":fence", n(lease.fence)), (":holder", s(&lease.holder))]);
        values.extend(one.map(|one| (":one".to_owned(), one)));
        let update = update.set_expression_attribute_values(Some(values));
        self.patiently(|| update.clone().send()).await.map(drop)
    }
}

//! What can go wrong with a call of DynamoDB, and which of it goes wrong with this one.

use axum::body::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Writes of one item.
const SINGLE_WRITES: [&str; 3] = ["DeleteItem", "PutItem", "UpdateItem"];
/// How much later a slow answer comes unless it is set.
const DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(20);

/// A sort of fault, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A single write meets a transaction.
    Conflict,
    /// A transaction is cancelled, though no condition of its own has failed.
    Cancelled,
    /// Too many calls.
    Throttled,
    /// DynamoDB fails.
    Failed,
    /// The answer comes late.
    Slow,
    /// A write is carried out, and nobody is told.
    Lost,
    /// Of a batch of writes some are not carried out.
    Unprocessed,
}

/// Why a transaction is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Another one is under way with an item.
    Conflict,
    /// A table that grows by itself has not grown yet.
    Throttling,
    /// A table with a fixed throughput has used it up.
    Exceeded,
}

/// What is done to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 400 `TransactionConflictException`.
    Conflict,
    /// 400 `TransactionCanceledException`, because of one of its items.
    Cancelled(Reason),
    /// 400 `ThrottlingException`.
    Throttled,
    /// 400 `ProvisionedThroughputExceededException`.
    Exceeded,
    /// 500 `InternalServerError`.
    Failed,
    /// 503 `ServiceUnavailable`.
    Unavailable,
    /// It is passed on after so long.
    Slow(Duration),
    /// It is carried out, and the connection closed without an answer.
    Lost,
    /// Some writes of a batch, never all, are left for another time. A batch of one is passed on as it is.
    Unprocessed,
}

/// A call, as rules see it.
#[derive(Debug)]
pub struct Call {
    /// Such as `PutItem`.
    pub operation: String,
    /// Which call of this operation it is, from 1 on.
    pub count: u64,
    /// Of the table's stream, which is no part of the database's own service.
    pub(super) of_stream: bool,
    pub(super) bytes: Bytes,
}

impl Call {
    /// What it asks.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Whether it has this text anywhere, such as a part of a key: quicker than looking in what it asks.
    pub fn mentions(&self, text: &str) -> bool {
        std::str::from_utf8(&self.bytes).is_ok_and(|body| body.contains(text))
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Conflict, Self::Cancelled, Self::Throttled, Self::Failed, Self::Slow, Self::Lost, Self::Unprocessed];

    /// Whether it can happen to this operation.
    pub fn concerns(self, operation: &str) -> bool {
        let is_single_write = SINGLE_WRITES.contains(&operation);
        match self {
            Self::Conflict => is_single_write,
            Self::Cancelled => operation == "TransactWriteItems",
            Self::Lost => is_single_write || ["BatchWriteItem", "TransactWriteItems"].contains(&operation),
            Self::Unprocessed => operation == "BatchWriteItem",
            Self::Throttled | Self::Failed | Self::Slow => true,
        }
    }

    /// One of this kind.
    fn roll(self, dice: &mut StdRng, delay: &RangeInclusive<Duration>) -> Fault {
        match self {
            Self::Conflict => Fault::Conflict,
            Self::Cancelled => {
                let reasons = [Reason::Conflict, Reason::Throttling, Reason::Exceeded];
                Fault::Cancelled(reasons[dice.random_range(0..reasons.len())])
            }
            Self::Throttled if dice.random() => Fault::Throttled,
            Self::Throttled => Fault::Exceeded,
            Self::Failed if dice.random() => Fault::Failed,
            Self::Failed => Fault::Unavailable,
            Self::Slow => Fault::Slow(dice.random_range(delay.clone())),
            Self::Lost => Fault::Lost,
            Self::Unprocessed => Fault::Unprocessed,
        }
    }
}

impl Fault {
    /// As what it counts.
    pub fn kind(self) -> Kind {
        match self {
            Self::Conflict => Kind::Conflict,
            Self::Cancelled(_) => Kind::Cancelled,
            Self::Throttled | Self::Exceeded => Kind::Throttled,
            Self::Failed | Self::Unavailable => Kind::Failed,
            Self::Slow(_) => Kind::Slow,
            Self::Lost => Kind::Lost,
            Self::Unprocessed => Kind::Unprocessed,
        }
    }
}

/// How probable each kind is, for each call that it concerns. By default nothing happens.
#[derive(Debug, Clone)]
pub struct Chances {
    shares: BTreeMap<Kind, f64>,
    delay: RangeInclusive<Duration>,
}

impl Default for Chances {
    fn default() -> Self {
        Self { shares: BTreeMap::new(), delay: DELAY }
    }
}

impl Chances {
    /// Every kind, with this probability each.
    pub fn every(share: f64) -> Self {
        Kind::ALL.into_iter().fold(Self::default(), |chances, kind| chances.with(kind, share))
    }

    /// Nothing but that every call takes so much longer. Timers have ticks of a millisecond.
    pub fn slow(by: Duration) -> Self {
        Self::default().with(Kind::Slow, 1.0).delay(by..=by)
    }

    /// Another probability of one kind.
    #[must_use]
    pub fn with(mut self, kind: Kind, share: f64) -> Self {
        self.shares.insert(kind, share);
        self
    }

    /// How long slow calls wait.
    #[must_use]
    pub fn delay(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.delay = delay;
        self
    }

    /// What happens to a call: how long it waits, and one of what else has hit it.
    pub(super) fn roll(&self, call: &Call, dice: &mut StdRng) -> (Option<Fault>, Option<Fault>) {
        if call.of_stream {
            return (None, None);
        }
        let mut hits = Vec::new();
        let mut slow = None;
        for (kind, share) in &self.shares {
            if !kind.concerns(&call.operation) || !dice.random_bool(*share) {
                continue;
            }
            let fault = kind.roll(dice, &self.delay);
            match kind {
                Kind::Slow => slow = Some(fault),
                _ => hits.push(fault),
            }
        }
        let hit = (!hits.is_empty()).then(|| hits[dice.random_range(0..hits.len())]);
        (slow, hit)
    }
}

/// Dice for one call: whatever else is asked meanwhile, the same call of an operation has the same luck.
pub(super) fn dice(seed: u64, call: &Call) -> StdRng {
    let mut start = [0; 32];
    start[..8].copy_from_slice(&seed.to_le_bytes());
    start[8..16].copy_from_slice(&call.count.to_le_bytes());
    // The names of operations differ within their first 16 letters.
    start[16..].iter_mut().zip(call.operation.bytes()).for_each(|(place, letter)| *place = letter);
    StdRng::from_seed(start)
}

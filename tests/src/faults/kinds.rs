//! Faults of DynamoDB calls, and which of them a call meets.

use axum::body::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Writes of one item.
const SINGLE_WRITES: [&str; 3] = ["DeleteItem", "PutItem", "UpdateItem"];
/// The delay of a slow answer, by default.
const DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(20);

/// A kind of fault, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A single write meets a transaction.
    Conflict,
    /// A transaction is cancelled although its own conditions hold.
    Cancelled,
    /// Too many calls.
    Throttled,
    /// DynamoDB fails.
    Failed,
    /// The answer is late.
    Slow,
    /// A write is carried out, but its answer is lost.
    Lost,
    /// Some writes of a batch are not carried out.
    Unprocessed,
}

/// Why a transaction is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// An item is part of another transaction in progress.
    Conflict,
    /// An on-demand table has not scaled up yet.
    Throttling,
    /// A provisioned table has used up its throughput.
    Exceeded,
}

/// The fault of a call.
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
    /// It is passed on after a delay.
    Slow(Duration),
    /// It is carried out, and the connection is closed without an answer.
    Lost,
    /// Some writes of a batch, but never all, are returned as unprocessed. A batch of one is passed on unchanged.
    Unprocessed,
}

/// A call, as rules see it.
#[derive(Debug)]
pub struct Call {
    /// Such as `PutItem`.
    pub operation: String,
    /// The number of this call among those of its operation, from 1.
    pub count: u64,
    /// Whether it is for the table's stream, which is a service of its own.
    pub(super) of_stream: bool,
    pub(super) bytes: Bytes,
}

impl Call {
    /// The request.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Whether the request contains this text, such as a part of a key: cheaper than parsing it.
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

    /// A random fault of this kind.
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
    /// The kind that it counts as.
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

/// The probability of each kind, for each call that it can happen to. By default, nothing happens.
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
    /// Every kind with this probability.
    pub fn every(share: f64) -> Self {
        Kind::ALL.into_iter().fold(Self::default(), |chances, kind| chances.with(kind, share))
    }

    /// Only delays every call. Timers have ticks of a millisecond.
    pub fn slow(by: Duration) -> Self {
        Self::default().with(Kind::Slow, 1.0).delay(by..=by)
    }

    /// Changes the probability of one kind.
    #[must_use]
    pub fn with(mut self, kind: Kind, share: f64) -> Self {
        self.shares.insert(kind, share);
        self
    }

    /// Sets the delay of slow calls.
    #[must_use]
    pub fn delay(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.delay = delay;
        self
    }

    /// The fate of a call: a delay, and one of the other faults that have hit it.
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

/// The random numbers of one call: whatever other calls are made, the same call of an operation has the same luck.
pub(super) fn dice(seed: u64, call: &Call) -> StdRng {
    let mut start = [0; 32];
    start[..8].copy_from_slice(&seed.to_le_bytes());
    start[8..16].copy_from_slice(&call.count.to_le_bytes());
    // The names of operations differ within their first 16 letters.
    start[16..].iter_mut().zip(call.operation.bytes()).for_each(|(place, letter)| *place = letter);
    StdRng::from_seed(start)
}

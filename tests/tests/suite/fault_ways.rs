//! The main workflows while the database misbehaves in one way, in three of ten calls.

use crate::faults::{all_at_once, share};
use anyhow::Context;
use tests::faults::Kind;

/// The probability of a fault, for each call that it can happen to.
const ALONE: f64 = 0.3;

/// Each kind on its own, one after the other.
async fn alone(kinds: &[Kind]) -> anyhow::Result<()> {
    for kind in kinds {
        all_at_once(&[*kind], share(ALONE)?).await.with_context(|| format!("{kind:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn conflicts_and_cancelled_transactions_lose_and_double_nothing() -> anyhow::Result<()> {
    alone(&[Kind::Conflict, Kind::Cancelled]).await
}

#[tokio::test]
async fn throttles_and_leftovers_lose_and_double_nothing() -> anyhow::Result<()> {
    alone(&[Kind::Throttled, Kind::Unprocessed]).await
}

#[tokio::test]
async fn failures_and_lost_answers_lose_and_double_nothing() -> anyhow::Result<()> {
    alone(&[Kind::Failed, Kind::Lost]).await
}

#[tokio::test]
async fn slow_answers_lose_and_double_nothing() -> anyhow::Result<()> {
    alone(&[Kind::Slow]).await
}

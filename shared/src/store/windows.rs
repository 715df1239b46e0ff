//! Rate limits that many processes share: counts per client and second.

use super::item::n;
use super::{Store, StoreError};
use crate::domain::time;

/// Seconds after which a window's item expires: no clock is so far off that it would still count.
const KEPT: i64 = 120;

impl Store {
    /// Counts something that `key` does in the second of `now` (microseconds), and says whether it is among the first
    /// `limit`.
    pub async fn within_rate(&self, key: &str, limit: u32, now: i64) -> Result<bool, StoreError> {
        let second = now.div_euclid(1_000_000);
        let expires = time::now() / 1_000_000 + KEPT;
        let count = self.add(format!("RATE#{key}"), format!("{second:020}"), n(1), Some(expires)).await?;
        Ok(count <= f64::from(limit))
    }
}

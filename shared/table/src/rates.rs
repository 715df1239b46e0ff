//! Rate limits that many processes share.
//!
//! The generic cell rate algorithm: an item holds the time up to which its key has used its allowance, and every use
//! advances it. Unlike counts per second, it does not let a double amount through at the border of two seconds.

use super::item::n;
use super::{Store, StoreError, TTL};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use domain::time;

const SK: &str = "RATE";
/// Seconds after which an item expires: no clock is so far off that it would still count.
const KEPT: i64 = 120;
const SECOND: i64 = 1_000_000;

fn partition(key: &str) -> String {
    format!("RATE#{key}")
}

impl Store {
    /// Counts a use by `key` at `now` (microseconds), and returns whether it is within `limit` a second, with as many
    /// at once.
    pub async fn within_rate(&self, key: &str, limit: u32, now: i64) -> Result<bool, StoreError> {
        let interval = SECOND / i64::from(limit.max(1));
        // A key that was quiet starts anew; any other advances, as far as its allowance reaches.
        let quiet = ("SET used = :next, #ttl = :ttl", "attribute_not_exists(used) OR used <= :now", now + interval);
        let busy = ("SET used = used + :next, #ttl = :ttl", "used > :now AND used <= :most", interval);
        for (update, condition, next) in [quiet, busy] {
            let most = (condition == busy.1).then_some(now + SECOND - interval);
            match self.use_up(key, update, condition, [now, next], most).await {
                Err(StoreError::Conflict) => {}
                done => return done.map(|()| true),
            }
        }
        Ok(false)
    }

    async fn use_up(
        &self,
        key: &str,
        update: &str,
        condition: &str,
        [now, next]: [i64; 2],
        most: Option<i64>,
    ) -> Result<(), StoreError> {
        let expires = time::now() / SECOND + KEPT;
        let mut request = self
            .client
            .update_item()
            .table_name(self.table())
            .key(super::PK, AttributeValue::S(partition(key)))
            .key(super::SK, AttributeValue::S(SK.into()))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#ttl", TTL)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for (name, value) in [(":now", Some(now)), (":next", Some(next)), (":ttl", Some(expires)), (":most", most)] {
            if let Some(value) = value {
                request = request.expression_attribute_values(name, n(value));
            }
        }
        let answer = self.patiently(|| request.clone().send()).await?;
        self.consumed(answer.consumed_capacity());
        Ok(())
    }
}

//! How often a client may ask: counted in this process, or in the table where many processes serve the same clients.

use super::rate::RateLimiter;
use super::{ApiError, ApiResult};
use domain::time;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::Store;

/// Counts requests of clients by path. Clones count together.
#[derive(Debug, Clone)]
pub(super) enum Limiter {
    /// In this process.
    Own(Arc<Own>),
    /// In the table.
    Shared(Store, u32),
}

#[derive(Debug)]
pub(super) struct Own {
    limiter: RateLimiter,
    /// Until when clients that guessed too often are not listened to.
    guessers: Mutex<HashMap<IpAddr, Instant>>,
}

/// After so many seconds there is room for at least one more: limits are per second.
const RETRY_AFTER: u64 = 1;

impl Limiter {
    pub(super) fn own(per_second: u32) -> Self {
        Self::Own(Arc::new(Own { limiter: RateLimiter::per_second(per_second), guessers: Mutex::default() }))
    }

    pub(super) fn shared(per_second: u32, store: Store) -> Self {
        Self::Shared(store, per_second)
    }

    /// Counts a request, or says when to come again.
    pub(super) async fn check(&self, client: IpAddr, path: &str) -> ApiResult<()> {
        match self {
            Self::Own(own) => own.limiter.check(client, path).map_err(ApiError::rate_limited),
            Self::Shared(store, limit) => {
                let within = store.within_rate(&key(client, path), *limit, time::now()).await?;
                if within { Ok(()) } else { Err(ApiError::rate_limited(RETRY_AFTER)) }
            }
        }
    }

    /// Whether a client's token is looked at: not for a while after it has guessed too often.
    pub(super) async fn hears(&self, client: IpAddr, path: &str) -> ApiResult<()> {
        match self {
            Self::Own(own) => {
                let now = Instant::now();
                match own.guessers.lock().get(&client).filter(|until| **until > now) {
                    Some(until) => Err(ApiError::rate_limited((*until - now).as_secs())),
                    None => Ok(()),
                }
            }
            Self::Shared(store, limit) => {
                let over = store.is_over_rate(&key(client, path), *limit, time::now()).await?;
                if over { Err(ApiError::rate_limited(RETRY_AFTER)) } else { Ok(()) }
            }
        }
    }

    /// Counts a wrong token, or says that it is one too many.
    pub(super) async fn guessed(&self, client: IpAddr, path: &str) -> ApiResult<()> {
        let Self::Own(own) = self else { return self.check(client, path).await };
        own.limiter.check(client, path).map_err(|seconds| {
            let now = Instant::now();
            let mut guessers = own.guessers.lock();
            guessers.retain(|_, until| *until > now);
            guessers.insert(client, now + Duration::from_secs(seconds));
            ApiError::rate_limited(seconds)
        })
    }
}

fn key(client: IpAddr, path: &str) -> String {
    format!("{client} {path}")
}

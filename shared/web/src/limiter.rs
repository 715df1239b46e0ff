//! Limits how often a client may call: counted in this process, or in the table if many processes serve the same
//! clients.

use super::rate::{self, RateLimiter};
use super::{ApiError, ApiResult};
use domain::time;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::Store;

/// Clients with the right token may call so many times as often as others: a control room shares one token and one
/// address for all its screens.
const WITH_TOKEN: u32 = 100;
/// Limits are per second, so after so many seconds there is room for at least one more.
const RETRY_AFTER: u64 = 1;
/// Clients with the right token are counted together.
const TOKEN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Counts requests by client and path. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct Limiter(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    asking: Asking,
    with_token: RateLimiter,
    guesses: RateLimiter,
    /// Until when clients that guessed too often are ignored.
    guessers: Mutex<HashMap<IpAddr, Instant>>,
}

/// Where requests without a token are counted.
#[derive(Debug)]
enum Asking {
    /// In this process.
    Own(RateLimiter),
    /// In the table.
    Shared(Store, u32),
}

impl Limiter {
    pub(super) fn own(per_second: u32) -> Self {
        Self::with(Asking::Own(RateLimiter::per_second(per_second)), per_second)
    }

    pub(super) fn shared(per_second: u32, store: Store) -> Self {
        Self::with(Asking::Shared(store, per_second), per_second)
    }

    fn with(asking: Asking, per_second: u32) -> Self {
        Self(Arc::new(Counts {
            asking,
            with_token: RateLimiter::per_second(per_second.saturating_mul(WITH_TOKEN)),
            guesses: RateLimiter::per_second(per_second),
            guessers: Mutex::default(),
        }))
    }

    /// Counts a request that needs no token; the error says when to retry.
    pub(super) async fn check(&self, client: IpAddr, path: &str) -> ApiResult<()> {
        let client = rate::client(client);
        match &self.0.asking {
            Asking::Own(limiter) => limiter.check(client, path).map_err(ApiError::rate_limited),
            Asking::Shared(..) => self.check_shared(client, path).await,
        }
    }

    /// Counts in the table, if the counters are shared.
    async fn check_shared(&self, client: IpAddr, path: &str) -> ApiResult<()> {
        let Asking::Shared(store, limit) = &self.0.asking else { return Ok(()) };
        let within = store.within_rate(&format!("{client} {path}"), *limit, time::now()).await?;
        if within { Ok(()) } else { Err(ApiError::rate_limited(RETRY_AFTER)) }
    }

    /// Counts a request with the right token.
    pub(super) fn check_token(&self, path: &str) -> ApiResult<()> {
        self.0.with_token.check(TOKEN, path).map_err(ApiError::rate_limited)
    }

    /// Whether a client's token is compared: not for a while after it has guessed too often. Each process remembers
    /// that by itself, so that refusals cost the table nothing.
    pub(super) fn hears(&self, client: IpAddr) -> ApiResult<()> {
        let now = Instant::now();
        match self.0.guessers.lock().get(&rate::client(client)).filter(|until| **until > now) {
            Some(until) => Err(ApiError::rate_limited((*until - now).as_secs())),
            None => Ok(()),
        }
    }

    /// Counts a wrong token; an error if it was one too many.
    pub(super) async fn guessed(&self, client: IpAddr, path: &str) -> ApiResult<()> {
        let client = rate::client(client);
        let (seconds, refusal) = match self.0.guesses.check(client, path) {
            Err(seconds) => (seconds, ApiError::rate_limited(seconds)),
            // The client may have guessed at other processes, too.
            Ok(()) => match self.check_shared(client, path).await {
                Ok(()) => return Ok(()),
                Err(refusal) => (RETRY_AFTER, refusal),
            },
        };
        let now = Instant::now();
        let mut guessers = self.0.guessers.lock();
        guessers.retain(|_, until| *until > now);
        guessers.insert(client, now + Duration::from_secs(seconds));
        Err(refusal)
    }
}

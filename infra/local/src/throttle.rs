//! Throttling of routes.

use crate::template::Throttle;
use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

/// The token buckets of an API's routes.
#[derive(Debug)]
pub(crate) struct Throttles(HashMap<String, Bucket>);

#[derive(Debug)]
enum Bucket {
    Open,
    Shut,
    Limited(RateLimiter<NotKeyed, InMemoryState, DefaultClock>),
}

impl Throttles {
    /// Each route has its own bucket, filled by its own settings or the stage's.
    pub(crate) fn new(
        routes: impl Iterator<Item = String>,
        default: Option<Throttle>,
        own: &[(String, Throttle)],
    ) -> Self {
        let bucket = |key: String| {
            let throttle = own.iter().find(|(route, _)| *route == key).map(|(_, throttle)| *throttle).or(default);
            (key, Bucket::new(throttle))
        };
        Self(routes.map(bucket).collect())
    }

    /// Whether a request may pass.
    pub(crate) fn admit(&self, route: &str) -> bool {
        match self.0.get(route) {
            None | Some(Bucket::Open) => true,
            Some(Bucket::Shut) => false,
            Some(Bucket::Limited(limiter)) => limiter.check().is_ok(),
        }
    }
}

impl Bucket {
    fn new(throttle: Option<Throttle>) -> Self {
        let Some(Throttle { rate, burst }) = throttle else { return Self::Open };
        let period = Duration::try_from_secs_f64(1.0 / rate).ok().filter(|period| !period.is_zero());
        match (period.and_then(Quota::with_period), NonZeroU32::new(burst)) {
            (Some(quota), Some(burst)) => Self::Limited(RateLimiter::direct(quota.allow_burst(burst))),
            _ => Self::Shut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_nothing() {
        let slow = Throttle { rate: 0.001, burst: 3 };
        let own = [("GET /a".to_owned(), Throttle { rate: 0.0, burst: 5 })];
        let throttles = Throttles::new(["GET /a".to_owned(), "$default".to_owned()].into_iter(), Some(slow), &own);
        assert!(!throttles.admit("GET /a"), "no rate at all");
        let passed = (0..5).filter(|_| throttles.admit("$default")).count();
        assert_eq!(passed, 3);
        let open = Throttles::new(["a".to_owned()].into_iter(), None, &[]);
        assert!((0..1000).all(|_| open.admit("a")));
    }
}

//! Rate limits per client and path, in this process.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

/// Expired keys are dropped once in so many checks.
const SWEEP_EVERY: u32 = 4096;

/// The address by which a client is counted. A home or a plant gets an IPv6 network of at least 64 bits (RFC 6177), and
/// may use every address in it.
pub fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(long) => Ipv6Addr::from_bits(long.to_bits() & (u128::MAX << 64)).into(),
        short @ IpAddr::V4(_) => short,
    }
}

/// A limit for every pair of client and matched route. Routes are few, and clients are forgotten after a second of
/// silence, so neither invented paths nor many clients make it grow.
#[derive(Debug)]
pub struct RateLimiter {
    limiter: DefaultKeyedRateLimiter<(IpAddr, String)>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl RateLimiter {
    /// So many per second, and as many at once.
    pub fn per_second(count: u32) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        Self { limiter: governor::RateLimiter::keyed(quota), clock: DefaultClock::default(), checks: AtomicU32::new(0) }
    }

    /// Counts a request; the error is the number of seconds after which to retry.
    pub fn check(&self, client: IpAddr, route: &str) -> Result<(), u64> {
        if self.checks.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&(client, route.to_owned())).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }

    /// How many keys it remembers.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    /// Whether it remembers none.
    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_limit_holds_on_both_sides_and_per_key() {
        let limiter = RateLimiter::per_second(10);
        let taken = (0..15).filter(|_| limiter.check(CLIENT, "/api/a").is_ok()).count();
        assert!((10..=11).contains(&taken), "{taken}");
        assert_eq!(limiter.check(CLIENT, "/api/a"), Err(1));
        assert_eq!(limiter.check(CLIENT, "/api/b"), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let of = |text: &str| client(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn quiet_clients_are_forgotten() {
        let limiter = RateLimiter::per_second(1_000_000);
        for client in 0..2 * SWEEP_EVERY {
            let _ = limiter.check(IpAddr::V4(client.into()), "/api/a");
        }
        // Those of the last microsecond before the sweep were not silent long enough.
        assert!(limiter.len() <= SWEEP_EVERY as usize + 100, "{}", limiter.len());
    }
}

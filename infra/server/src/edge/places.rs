//! How many connections there may be, in all and per address.

use ipnet::IpNet;
use parking_lot::Mutex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use web::rate;

/// Descriptors reserved for other uses: the database, files being received, the log, calls to other hosts.
const RESERVED: u64 = 96;
/// The most connections, whatever the system allows: an idle one takes some 20 kB.
const MOST: u64 = 16_384;
/// How often refusals are logged at most.
const NEWS: Duration = Duration::from_secs(60);

/// Counts connections. An address may have at most half of all, so that no single client can shut out the rest. Trusted
/// proxies represent many clients, and may have all.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    trusted: Vec<IpNet>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    told: Option<Instant>,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// All are taken; how many there are.
    Full(usize),
    /// The address has its full share, of this size.
    Share(IpAddr, usize),
}

impl Places {
    /// As many as the process may have descriptors, once its soft limit is raised as far as possible.
    pub(crate) fn of_system(trusted: &[IpNet]) -> Self {
        let Rlimit { maximum, current } = getrlimit(Resource::Nofile);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            tracing::debug!(%error, "the limit on open files could not be raised");
        }
        let descriptors = getrlimit(Resource::Nofile).current.or(current).unwrap_or(u64::MAX);
        let most = descriptors.saturating_sub(RESERVED).clamp(2, MOST);
        Self::new(usize::try_from(most).unwrap_or(usize::MAX), trusted)
    }

    pub(super) fn new(most: usize, trusted: &[IpNet]) -> Self {
        Self { most, trusted: trusted.to_vec(), taken: Mutex::default() }
    }

    /// A place for a connection from this address.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, Refusal> {
        let address = rate::client(address);
        let share =
            if self.trusted.iter().any(|network| network.contains(&address)) { self.most } else { self.most / 2 };
        let mut taken = self.taken.lock();
        if taken.all >= self.most {
            return Err(Refusal::Full(self.most));
        }
        let of_address = taken.by_address.entry(address).or_default();
        if *of_address >= share {
            return Err(Refusal::Share(address, share));
        }
        *of_address += 1;
        taken.all += 1;
        Ok(Place { places: self.clone(), address })
    }

    /// Whether refusals were not logged recently.
    pub(super) fn is_news(&self) -> bool {
        let (mut taken, now) = (self.taken.lock(), Instant::now());
        let is_news = taken.told.is_none_or(|told| now - told >= NEWS);
        if is_news {
            taken.told = Some(now);
        }
        is_news
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all -= 1;
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

impl Refusal {
    /// Labels of the metric.
    pub(crate) const REASONS: [&str; 2] = ["full", "address"];

    /// The metric's label.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Full(_) => Self::REASONS[0],
            Self::Share(..) => Self::REASONS[1],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(most) => write!(f, "all {most} are taken; a higher limit on open files (ulimit -n) gives more"),
            Self::Share(address, share) => write!(
                f,
                "{address} has {share}, half of all; if it is a proxy, OW_SC_TRUSTED_PROXIES lets it have more"
            ),
        }
    }
}

//! The sites.
//!
//! A site is created by its first file, reading or permit. Two conditions apply to the list as a whole: its maximum
//! length, and that no site's name looks like another's. Each transaction that creates sites therefore increments the
//! version of the *census*: of two concurrent ones, the second conflicts and reads the list again.

use crate::item::{n, s};
use crate::retry::Backoff;
use crate::rules::{self, RULES};
use crate::write::{Transaction, Values, values};
use crate::{Item, ItemExt, Store, StoreError, keys};
use domain::{name, time};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The most sites: more than the permits with limits of any state in a year of EPA's records (Texas: 1,361), and few
/// enough for the status of all to fit into one answer.
pub const MAX_SITES: usize = 5000;
/// Sites created in one transaction.
const TOGETHER: usize = 90;
/// Sites looked up at the same time.
const AT_ONCE: usize = 16;
/// How long creating sites is retried while others create some, too.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const SITES: &str = "SITES";
const CENSUS: &str = "CENSUS";

/// Why a site cannot be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoNewSite {
    /// There are [`MAX_SITES`] already.
    #[error("{0:?} would be a new site, and there are {MAX_SITES} at most; remove one first")]
    TooMany(String),
    /// People would confuse it with another site.
    #[error("{new:?} would be a new site whose name looks like that of the site {known:?}; use that name")]
    LooksLike {
        /// Its name.
        new: String,
        /// The other site's name.
        known: String,
    },
}

impl NoNewSite {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany(_) => "too_many_sites",
            Self::LooksLike { .. } => "site_looks_like_another",
        }
    }
}

/// What a read of a site returns: two equal ones have seen the same site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When it was created, in microseconds since 1970; 0 for sites of earlier program versions.
    pub born: i64,
    /// Whether it is being removed.
    pub is_being_removed: bool,
}

/// Sites that may be created, unless others create some first.
pub(crate) struct Room {
    new: Vec<String>,
    census: u64,
}

pub(crate) fn key(site: &str) -> (String, String) {
    (SITES.into(), name::key(site))
}

pub(crate) fn is_being_removed(item: &Item) -> bool {
    item.contains_key("being_removed")
}

fn seen(item: &Item) -> Result<Seen, StoreError> {
    Ok(Seen { born: item.number_or("born", 0)?, is_being_removed: is_being_removed(item) })
}

fn take_census(store: &Store, transaction: &mut Transaction, census: u64) -> Result<(), StoreError> {
    let (condition, mut given): (_, Values) = match census {
        0 => ("attribute_not_exists(pk)", Values::new()),
        _ => ("version = :version", values([(":version", n(census))])),
    };
    given.extend(values([(":one", n(1))]));
    transaction.update(store, (CENSUS.into(), CENSUS.into()), "ADD version :one", Some(condition), given)
}

fn item(site: &str) -> Item {
    let mut item = keys(SITES, name::key(site));
    item.insert("name".into(), s(site));
    item.insert("born".into(), n(time::now()));
    rules::stamp(&mut item);
    item
}

/// Adds to a transaction that a site is judged by the current rules. With `room`, the site is created; without it, the
/// site must exist.
pub(crate) fn note_judged(
    store: &Store,
    transaction: &mut Transaction,
    site: &str,
    room: Option<&Room>,
) -> Result<(), StoreError> {
    match room {
        Some(room) => {
            transaction.put_if(store, item(site), Some("attribute_not_exists(pk)"), Values::new())?;
            take_census(store, transaction, room.census)
        }
        None => {
            let condition = "attribute_exists(pk) AND attribute_not_exists(being_removed)";
            let given = values([(":rules", n(RULES))]);
            transaction.update(store, key(site), "SET judged_by = :rules", Some(condition), given)
        }
    }
}

/// Adds to a transaction that the recording of a file at a site begins: a concurrent removal of the site conflicts.
pub(crate) fn note_file(store: &Store, transaction: &mut Transaction, site: &str) -> Result<(), StoreError> {
    let condition = "attribute_exists(pk) AND attribute_not_exists(being_removed)";
    transaction.update(store, key(site), "ADD files_begun :one", Some(condition), values([(":one", n(1))]))
}

/// The names of sites, by their looks.
struct Looks(HashMap<String, String>);

impl Looks {
    fn of(known: &[Item]) -> Result<Self, StoreError> {
        let named = |item: &Item| Ok((name::fold(item.text("name")?), item.text("name")?.to_owned()));
        known.iter().map(named).collect::<Result<_, StoreError>>().map(Self)
    }

    fn add(&mut self, new: &str) -> Result<(), NoNewSite> {
        match self.0.insert(name::fold(new), new.to_owned()) {
            Some(known) => Err(NoNewSite::LooksLike { new: new.to_owned(), known }),
            None => Ok(()),
        }
    }
}

impl Store {
    /// Creates those of the sites that do not exist yet, each in its first spelling.
    pub async fn note_sites(&self, sites: &[String]) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        while let Some(Room { new, census }) = self.room_for(sites).await? {
            let mut transaction = Transaction::default();
            take_census(self, &mut transaction, census)?;
            for site in new.iter().take(TOGETHER) {
                transaction.put_if(self, item(site), Some("attribute_not_exists(pk)"), Values::new())?;
            }
            match self.commit(transaction).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Which of some sites are to be created, if they may be; `None` if all of them exist.
    pub(crate) async fn room_for(&self, sites: &[String]) -> Result<Option<Room>, StoreError> {
        let looks = (0..sites.len()).map(|index| self.look_at(&sites[index]));
        let found: Vec<Option<Seen>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        if found.iter().flatten().any(|site| site.is_being_removed) {
            return Err(StoreError::BeingRemoved);
        }
        if found.iter().all(Option::is_some) {
            return Ok(None);
        }
        // Read before the list: a site created in between then causes a conflict.
        let census = self.get(CENSUS.into(), CENSUS.into()).await?;
        let census = census.as_ref().map_or(Ok(0), |item| item.number("version"))?;
        let known = self.site_items().await?;
        let mut looks = Looks::of(&known)?;
        let mut keys: HashSet<String> =
            known.iter().map(|item| Ok(name::key(item.text("name")?))).collect::<Result<_, StoreError>>()?;
        let mut new: Vec<String> = Vec::new();
        for site in std::iter::zip(sites, found).filter(|(_, found)| found.is_none()).map(|(site, _)| site) {
            if !keys.insert(name::key(site)) {
                continue;
            }
            looks.add(site)?;
            if known.len() + new.len() >= MAX_SITES {
                return Err(NoNewSite::TooMany(site.clone()).into());
            }
            new.push(site.clone());
        }
        // Others may have created all of them meanwhile.
        Ok((!new.is_empty()).then_some(Room { new, census }))
    }

    /// Reads a site; `None` if there is none with this name.
    pub async fn look_at(&self, site: &str) -> Result<Option<Seen>, StoreError> {
        let (pk, sk) = key(site);
        self.get(pk, sk).await?.as_ref().map(seen).transpose()
    }

    /// Whether there is a site that is not being removed.
    pub async fn is_site(&self, site: &str) -> Result<bool, StoreError> {
        Ok(self.look_at(site).await?.is_some_and(|site| !site.is_being_removed))
    }

    /// Reads all sites; returns each with its name.
    pub async fn look_at_all(&self) -> Result<Vec<(String, Seen)>, StoreError> {
        let items = self.site_items().await?;
        items.iter().map(|item| Ok((item.text("name")?.to_owned(), seen(item)?))).collect()
    }

    /// The names of all sites except those being removed.
    pub async fn sites(&self) -> Result<Vec<String>, StoreError> {
        let all = self.look_at_all().await?;
        Ok(all.into_iter().filter(|(_, seen)| !seen.is_being_removed).map(|(site, _)| site).collect())
    }

    pub(crate) async fn site_items(&self) -> Result<Vec<Item>, StoreError> {
        self.prefixed(SITES.into(), "").await
    }
}

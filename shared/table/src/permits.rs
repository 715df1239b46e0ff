//! Permits of sites.

use crate::accounts::Account;
use crate::feed::Demand;
use crate::item::{n, s};
use crate::marks::{self, Origin};
use crate::write::{Transaction, Values, values};
use crate::{ItemExt, Store, StoreError, keys};
use domain::permit::Permit;
use domain::{name, permit_json, time};
use serde_json::Value;

/// A permit as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPermit {
    /// The limits.
    pub permit: Permit,
    /// How often it was written; 0 for the built-in one.
    pub version: u64,
    /// When, in microseconds; `None` for the built-in one.
    pub updated_at: Option<i64>,
}

pub(crate) fn partition(site: &str) -> String {
    format!("PERMIT#{}", name::key(site))
}

const PERMIT: &str = "PERMIT";

/// That a version of the permit is in force; 0 is the built-in one.
fn in_force(version: u64) -> (&'static str, Values) {
    match version {
        0 => ("attribute_not_exists(pk)", Values::new()),
        version => ("version = :version", values([(":version", n(version))])),
    }
}

/// Adds to a transaction that it fails unless this version of the permit is in force.
pub(crate) fn demand(store: &Store, transaction: &mut Transaction, site: &str, version: u64) -> Result<(), StoreError> {
    let (condition, values) = in_force(version);
    transaction.check(store, (partition(site), PERMIT.into()), condition, values)
}

impl Store {
    /// The permit in force, which is the built-in one if the site has none of its own.
    pub async fn permit(&self, site: &str) -> Result<StoredPermit, StoreError> {
        let Some(item) = self.get(partition(site), PERMIT.into()).await? else {
            return Ok(StoredPermit { permit: Permit::default(), version: 0, updated_at: None });
        };
        let document = serde_json::from_str(item.text("document")?).map_err(|e| item.damaged(e))?;
        let permit = permit_json::parse(&document).map_err(|errors| item.damaged(format!("{errors:?}")))?;
        Ok(StoredPermit { permit, version: item.number("version")?, updated_at: Some(item.number("updated")?) })
    }

    /// Puts a permit in force in the place of a version, and marks the site: its readings are to be judged by it. A
    /// conflict says that another version is in force by now.
    pub async fn adopt_permit(&self, site: &str, permit: &Permit, over: u64) -> Result<StoredPermit, StoreError> {
        let now = time::now();
        let stored = StoredPermit { permit: permit.clone(), version: over + 1, updated_at: Some(now) };
        let mut item = keys(partition(site), PERMIT);
        item.insert("document".into(), s(permit_json::to_json(permit).to_string()));
        item.insert("version".into(), n(stored.version));
        item.insert("updated".into(), n(now));
        let (condition, given) = in_force(over);
        loop {
            let head = self.head(site).await?;
            let mut transaction = Transaction::default();
            transaction.put_if(self, item.clone(), Some(condition), given.clone())?;
            transaction.put(self, marks::whole_site(site, stored.version))?;
            Account::open(1, Value::Null, now).write(self, &mut transaction, site, &Origin::Permit(stored.version))?;
            let appended = self.append(&mut transaction, site, head, &[], Demand::SameEvents)?;
            match self.commit_or_tell(transaction).await? {
                Ok(()) => return Ok(stored),
                // Events came in between.
                Err(places) if places == [appended.place] => {}
                Err(_) => return Err(StoreError::Conflict),
            }
        }
    }
}

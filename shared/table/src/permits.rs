//! Permits of sites.

use super::item::{n, s};
use super::{ItemExt, Store, StoreError, Transaction, keys};
use domain::permit::Permit;
use domain::{name, permit_json, time};
use std::collections::HashMap;

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

fn partition(site: &str) -> String {
    format!("PERMIT#{}", name::key(site))
}

impl Store {
    /// The permit in force, which is the built-in one if the site has none of its own.
    pub async fn permit(&self, site: &str) -> Result<StoredPermit, StoreError> {
        let Some(item) = self.get(partition(site), "PERMIT".into()).await? else {
            return Ok(StoredPermit { permit: Permit::default(), version: 0, updated_at: None });
        };
        let document = serde_json::from_str(item.text("document")?).map_err(|e| item.damaged(e))?;
        let permit = permit_json::parse(&document).map_err(|errors| item.damaged(format!("{errors:?}")))?;
        Ok(StoredPermit { permit, version: item.number("version")?, updated_at: Some(item.number("updated")?) })
    }

    /// Puts a permit in force in place of version `over`; `None` if another version is in force by now.
    pub async fn put_permit(&self, site: &str, permit: &Permit, over: u64) -> Result<Option<StoredPermit>, StoreError> {
        let stored = StoredPermit { permit: permit.clone(), version: over + 1, updated_at: Some(time::now()) };
        let mut item = keys(partition(site), "PERMIT");
        item.insert("document".into(), s(permit_json::to_json(permit).to_string()));
        item.insert("version".into(), n(stored.version));
        item.insert("updated".into(), n(stored.updated_at.unwrap_or_default()));
        let (condition, values) = match over {
            0 => ("attribute_not_exists(pk)", HashMap::new()),
            _ => ("version = :over", HashMap::from([(":over".into(), n(over))])),
        };
        loop {
            // A transaction has a token: sent again because its answer was lost, it does not meet itself.
            let mut transaction = Transaction::default();
            transaction.put_if(self, item.clone(), Some(condition), values.clone())?;
            match self.commit(transaction).await {
                Ok(()) => return Ok(Some(stored)),
                // Transactions that meet are refused, whatever becomes of the other.
                Err(StoreError::Conflict) if self.permit(site).await?.version == over => {}
                Err(StoreError::Conflict) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

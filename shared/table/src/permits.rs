//! Permits of sites.

use super::item::{n, s};
use super::{ItemExt, Store, StoreError, keys};
use domain::permit::Permit;
use domain::{name, permit_json, time};

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

    /// Puts a permit in force.
    pub async fn put_permit(&self, site: &str, permit: &Permit) -> Result<StoredPermit, StoreError> {
        let stored = StoredPermit {
            permit: permit.clone(),
            version: self.permit(site).await?.version + 1,
            updated_at: Some(time::now()),
        };
        let mut item = keys(partition(site), "PERMIT");
        item.insert("document".into(), s(permit_json::to_json(permit).to_string()));
        item.insert("version".into(), n(stored.version));
        item.insert("updated".into(), n(stored.updated_at.unwrap_or_default()));
        self.put_if(item, None).await?;
        Ok(stored)
    }
}

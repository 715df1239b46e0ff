//! A stand-in: nothing leaves marks yet, so that there is nothing to settle.

use live::ports::Announce;
use std::sync::Arc;
use table::{Store, StoreError};

/// Works marks off.
pub struct Settler {
    _store: Store,
    _announce: Arc<dyn Announce>,
}

impl Settler {
    /// A settler of a table's sites.
    pub fn new(store: Store, announce: Arc<dyn Announce>) -> Self {
        Self { _store: store, _announce: announce }
    }

    /// Works off the marks of a site.
    pub async fn settle_site(&self, _site: &str) -> Result<(), StoreError> {
        Ok(())
    }

    /// Works off the marks of all sites.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

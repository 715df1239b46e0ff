//! The connections that the table knows, for hosts whose connections outlive their processes.

use crate::metrics::{ACTIVE, CONNECTIONS};
use crate::ports::{Connection, Connections};
use metrics::{counter, gauge};
use std::sync::Arc;
use table::{Store, StoreError};

/// Removes a connection. Several may find it gone at the same time; it counts once.
pub async fn remove(store: &Store, connection: &Connection) -> Result<(), StoreError> {
    if store.remove_connection(connection).await? {
        gauge!(ACTIVE).decrement(1.0);
    }
    Ok(())
}

impl Connections for Store {
    async fn register(&self, connection: &Connection) -> Result<(), StoreError> {
        self.add_connection(connection).await?;
        counter!(CONNECTIONS).increment(1);
        gauge!(ACTIVE).increment(1.0);
        Ok(())
    }

    async fn unregister(&self, id: &str) -> Result<(), StoreError> {
        match self.connection(id).await? {
            Some(known) => remove(self, &known.connection).await,
            None => Ok(()),
        }
    }

    async fn list(&self, site: &str) -> Result<Vec<Arc<Connection>>, StoreError> {
        Ok(self.subscribers(site).await?.into_iter().map(|subscriber| Arc::new(subscriber.connection)).collect())
    }
}

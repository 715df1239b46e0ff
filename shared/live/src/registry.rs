//! The connections registered in the table, for hosts whose connections outlive their processes.

use crate::metrics::CONNECTIONS;
use crate::ports::{Connection, Connections};
use metrics::counter;
use std::sync::Arc;
use table::{Store, StoreError};

impl Connections for Store {
    async fn register(&self, connection: &Connection) -> Result<(), StoreError> {
        self.add_connection(connection).await?;
        counter!(CONNECTIONS).increment(1);
        Ok(())
    }

    async fn unregister(&self, id: &str) -> Result<(), StoreError> {
        match self.connection(id).await? {
            Some(known) => self.remove_connection(&known.connection).await,
            None => Ok(()),
        }
    }

    async fn list(&self, site: &str) -> Result<Vec<Arc<Connection>>, StoreError> {
        Ok(self.subscribers(site).await?.into_iter().map(|subscriber| Arc::new(subscriber.connection)).collect())
    }
}

//! Who is connected, for hosts whose connections outlive their processes.
//!
//! A connection has an item in its site's list, which is spread over shards so that a large list is read in parallel
//! and no partition takes all the writes of a morning's logins, and one under its own id, which knows the site.

use super::item::{n, s};
use super::{Item, ItemExt, Store, StoreError, TTL, Transaction, keys};
use crate::domain::{name, time};
use crate::live::ports::{Connection, Connections};
use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// Partitions of one site's list.
const SHARDS: u8 = 8;
/// Seconds after which an entry expires that nobody removed: API Gateway ends every connection after two hours.
const LIFETIME: i64 = 2 * 3600 + 600;

fn list_partition(site: &str, shard: u8) -> String {
    format!("CONNECTIONS#{}#{shard}", name::key(site))
}

fn own_partition(id: &str) -> String {
    format!("CONNECTION#{id}")
}

const OWN: &str = "CONNECTION";

/// The shard of a connection, from its id.
fn shard(id: &str) -> u8 {
    Sha256::digest(id)[0] % SHARDS
}

fn item(pk: String, sk: &str, connection: &Connection) -> Item {
    let mut item = keys(pk, sk);
    item.insert("id".into(), s(&connection.id));
    item.insert("site".into(), s(&connection.site));
    item.insert("alerts".into(), n(u8::from(connection.alerts_only)));
    item.insert(TTL.into(), n(time::now() / 1_000_000 + LIFETIME));
    item
}

fn connection(item: &Item) -> Result<Connection, StoreError> {
    Ok(Connection {
        id: item.text("id")?.into(),
        site: item.text("site")?.into(),
        alerts_only: item.number::<u8>("alerts")? == 1,
    })
}

impl Store {
    /// A connection by its id.
    pub async fn connection(&self, id: &str) -> Result<Option<Connection>, StoreError> {
        self.get(own_partition(id), OWN.into()).await?.as_ref().map(connection).transpose()
    }
}

impl Connections for Store {
    async fn register(&self, connection: &Connection) -> Result<(), StoreError> {
        let (id, shard) = (&connection.id, shard(&connection.id));
        let mut transaction = Transaction::default();
        if let Some(before) = self.connection(id).await?.filter(|before| !name::same(&before.site, &connection.site)) {
            transaction.delete(self, &list_partition(&before.site, shard), id)?;
        }
        transaction.put(self, item(list_partition(&connection.site, shard), id, connection))?;
        transaction.put_if(self, item(own_partition(id), OWN, connection), None, HashMap::new())?;
        self.commit(transaction).await
    }

    async fn unregister(&self, id: &str) -> Result<(), StoreError> {
        let Some(known) = self.connection(id).await? else { return Ok(()) };
        let keys = [(list_partition(&known.site, shard(id)), id.to_owned()), (own_partition(id), OWN.to_owned())];
        self.delete_all(keys.to_vec()).await
    }

    async fn list(&self, site: &str) -> Result<Vec<Arc<Connection>>, StoreError> {
        let now = time::now() / 1_000_000;
        let shards = (0..SHARDS).map(|shard| self.prefixed(list_partition(site, shard), ""));
        let items = try_join_all(shards).await?.concat();
        // Expired entries are removed late: DynamoDB takes up to a few days.
        let live = items.iter().filter(|item| item.number::<i64>(TTL).is_ok_and(|expires| expires > now));
        live.map(|item| connection(item).map(Arc::new)).collect()
    }
}

//! Connections, for hosts whose connections outlive their processes.
//!
//! A connection has an item in its site's list, which is spread over shards so that a large list is read in parallel
//! and no partition takes all the writes of a morning's logins, and one under its own id, which names the site. While
//! it waits for its first message, moves from one site to another, or reads past events, it is in no list. The index
//! has all of them by age, to count them and to find those whose `$disconnect` was lost.

use super::bootstrap::{GSI, GSI_PK, GSI_SK};
use super::item::{n, s};
use super::{Item, ItemExt, PK, SK, Store, StoreError, TTL, keys, time_key};
use crate::write::Transaction;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, Select};
use domain::{name, time};
use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::Duration;

/// Partitions of one site's list, and of the index.
const SHARDS: u8 = 8;
/// Seconds after which a forgotten entry expires: API Gateway ends every connection after two hours.
const LIFETIME: i64 = 2 * 3600 + 600;
/// How long events wait for a new connection: a client that reconnects says after which event it resumes, and must not
/// be sent later ones before that.
pub const HOLD: Duration = Duration::from_millis(500);

/// A connected client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// The site whose events it receives.
    pub site: String,
    /// Whether it receives only alerts.
    pub alerts_only: bool,
    /// Whether it receives nothing before its first message, which says where it begins.
    pub waits: bool,
    /// When it was registered, in microseconds since 1970.
    pub since: i64,
}

/// A connection in its site's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The connection.
    pub connection: Connection,
    /// It receives events after this one.
    pub from: u64,
    /// Until when events wait for it, in microseconds since 1970.
    pub hold: i64,
}

/// What is known of a connection by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The connection.
    pub connection: Connection,
    /// Until when events wait for it, in microseconds since 1970.
    pub hold: i64,
    /// Since when it has been in no list, in microseconds since 1970.
    pub moving: Option<i64>,
}

fn list_partition(site: &str, shard: u8) -> String {
    format!("CONNECTIONS#{}#{shard}", name::key(site))
}

fn own_partition(id: &str) -> String {
    format!("CONNECTION#{id}")
}

const OWN: &str = "CONNECTION";

fn index_partition(shard: u8) -> String {
    format!("CONNECTED#{shard}")
}

/// The shard of a connection, derived from its id.
fn shard(id: &str) -> u8 {
    Sha256::digest(id)[0] % SHARDS
}

fn item(pk: String, sk: &str, subscriber: &Subscriber) -> Item {
    let Subscriber { connection, from, hold } = subscriber;
    let mut item = keys(pk, sk);
    item.insert(TTL.into(), n(connection.since / 1_000_000 + LIFETIME));
    item.insert("since".into(), n(connection.since));
    item.insert("id".into(), s(&connection.id));
    item.insert("site".into(), s(&connection.site));
    item.insert("alerts".into(), n(u8::from(connection.alerts_only)));
    item.insert("from".into(), n(from));
    item.insert("held".into(), n(hold));
    if connection.waits {
        item.insert("waits".into(), n(1));
    }
    item
}

fn own_item(subscriber: &Subscriber) -> Item {
    let connection = &subscriber.connection;
    let mut item = item(own_partition(&connection.id), OWN, subscriber);
    item.insert(GSI_PK.into(), s(index_partition(shard(&connection.id))));
    item.insert(GSI_SK.into(), s(format!("{}#{}", time_key(connection.since), connection.id)));
    item
}

fn connection(item: &Item) -> Result<Connection, StoreError> {
    Ok(Connection {
        id: item.text("id")?.into(),
        site: item.text("site")?.into(),
        alerts_only: item.number::<u8>("alerts")? == 1,
        waits: item.contains_key("waits"),
        // Earlier versions stored only when it expires.
        since: item.number_or("since", (item.number::<i64>(TTL)? - LIFETIME) * 1_000_000)?,
    })
}

fn subscriber(item: &Item) -> Result<Subscriber, StoreError> {
    Ok(Subscriber { connection: connection(item)?, from: item.number("from")?, hold: item.number("held")? })
}

fn known(item: &Item) -> Result<Known, StoreError> {
    let moving = item.contains_key("moving").then(|| item.number("moving")).transpose()?;
    Ok(Known { connection: connection(item)?, hold: item.number("held")?, moving })
}

impl Store {
    /// A connection by its id.
    pub async fn connection(&self, id: &str) -> Result<Option<Known>, StoreError> {
        self.get(own_partition(id), OWN.into()).await?.as_ref().map(known).transpose()
    }

    /// The connections that receive a site's events.
    pub async fn subscribers(&self, site: &str) -> Result<Vec<Subscriber>, StoreError> {
        let now = time::now() / 1_000_000;
        let shards = (0..SHARDS).map(|shard| self.prefixed(list_partition(site, shard), ""));
        let items = try_join_all(shards).await?.concat();
        // Expired entries are removed late: DynamoDB takes up to a few days.
        items.iter().filter(|item| item.number::<i64>(TTL).is_ok_and(|expires| expires > now)).map(subscriber).collect()
    }

    /// A connection's current entry in its site's list.
    pub async fn subscriber(&self, connection: &Connection) -> Result<Option<Subscriber>, StoreError> {
        let (pk, sk) = (list_partition(&connection.site, shard(&connection.id)), connection.id.clone());
        self.get(pk, sk).await?.as_ref().map(subscriber).transpose()
    }

    /// Stops events from waiting for a connection.
    pub async fn end_hold(&self, connection: &Connection) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, s(list_partition(&connection.site, shard(&connection.id))))
            .key(SK, s(&connection.id))
            .update_expression("SET held = :none")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":none", n(0));
        match self.patiently(|| update.clone().send()).await {
            // It has left, or is moving.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes a connection out of its list, so that it can be moved to another position in the feed. `None` if it is
    /// unknown, or moving already.
    pub async fn unsettle(&self, id: &str) -> Result<Option<Subscriber>, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(self.table())
            .key(PK, s(own_partition(id)))
            .key(SK, s(OWN))
            .update_expression("SET moving = :now, held = :none REMOVE waits")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(moving)")
            .expression_attribute_values(":now", n(time::now()))
            .expression_attribute_values(":none", n(0))
            .return_values(ReturnValue::AllNew);
        let answer = match self.patiently(|| update.clone().send()).await {
            Err(StoreError::Conflict) => return Ok(None),
            answer => answer?,
        };
        let left = subscriber(&answer.attributes.unwrap_or_default())?;
        self.delete_all(vec![(list_partition(&left.connection.site, shard(id)), id.to_owned())]).await?;
        Ok(Some(left))
    }

    /// Puts a connection into the list of its site, for the events after `from`. A conflict means that a delivery of
    /// later ones has begun without it, or that it is gone.
    pub async fn settle(&self, connection: &Connection, from: u64) -> Result<(), StoreError> {
        let subscriber = Subscriber { connection: connection.clone(), from, hold: 0 };
        let list = list_partition(&connection.site, shard(&connection.id));
        let mut transaction = Transaction::default();
        transaction.unless_begun(self, &connection.site, from)?;
        transaction.put(self, item(list, &connection.id, &subscriber))?;
        transaction.put_if(self, own_item(&subscriber), Some("attribute_exists(pk)"), HashMap::new())?;
        self.commit(transaction).await
    }
}

impl Store {
    /// Adds a connection that starts after the latest event of its site.
    pub async fn add_connection(&self, connection: &Connection) -> Result<(), StoreError> {
        let from = self.head(&connection.site).await?.seq;
        let hold = time::now() + HOLD.as_micros() as i64;
        let (id, subscriber) = (&connection.id, Subscriber { connection: connection.clone(), from, hold });
        let mut transaction = Transaction::default();
        if !connection.waits {
            transaction.put(self, item(list_partition(&connection.site, shard(id)), id, &subscriber))?;
        }
        transaction.put(self, own_item(&subscriber))?;
        self.commit(transaction).await
    }

    /// Removes a connection.
    pub async fn remove_connection(&self, connection: &Connection) -> Result<(), StoreError> {
        let id = &connection.id;
        let keys = [(list_partition(&connection.site, shard(id)), id.as_str()), (own_partition(id), OWN)];
        for (pk, sk) in keys {
            let delete = self.client.delete_item().table_name(self.table()).key(PK, s(pk)).key(SK, s(sk));
            self.patiently(|| delete.clone().send()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// How many connections are registered.
    pub async fn count_connections(&self) -> Result<usize, StoreError> {
        let after = time::now() - LIFETIME * 1_000_000;
        let counts = (0..SHARDS).map(async |shard| {
            let (mut count, mut start) = (0, None);
            loop {
                let query = self.connected(shard, "gsk > :time", after).select(Select::Count);
                let query = query.set_exclusive_start_key(start);
                let answer = self.patiently(|| query.clone().send()).await?;
                count += usize::try_from(answer.count()).unwrap_or_default();
                start = answer.last_evaluated_key;
                if start.is_none() {
                    return Ok::<_, StoreError>(count);
                }
            }
        });
        Ok(try_join_all(counts).await?.into_iter().sum())
    }

    /// The ids of the connections that were registered before a time, in microseconds since 1970.
    pub async fn connected_before(&self, time: i64) -> Result<Vec<String>, StoreError> {
        let shards = (0..SHARDS).map(async |shard| {
            let (mut ids, mut start) = (Vec::new(), None);
            loop {
                let query = self.connected(shard, "gsk < :time", time).set_exclusive_start_key(start);
                let answer = self.patiently(|| query.clone().send()).await?;
                for item in answer.items() {
                    let id = item.text(PK)?.strip_prefix("CONNECTION#").ok_or_else(|| item.damaged("no connection"))?;
                    ids.push(id.to_owned());
                }
                start = answer.last_evaluated_key;
                if start.is_none() {
                    return Ok::<_, StoreError>(ids);
                }
            }
        });
        Ok(try_join_all(shards).await?.concat())
    }

    fn connected(&self, shard: u8, condition: &str, time: i64) -> QueryFluentBuilder {
        let query = self.client.query().table_name(self.table()).index_name(GSI);
        query
            .key_condition_expression(format!("gpk = :shard AND {condition}"))
            .expression_attribute_values(":shard", s(index_partition(shard)))
            .expression_attribute_values(":time", s(time_key(time)))
    }
}

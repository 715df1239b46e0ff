//! Bringing a connection to another place in the events: the past is posted from here, later events by `ws-broadcast`.
//!
//! The hand-over is one transaction: the connection is put into its site's list if no delivery has begun that reaches
//! beyond what has been posted from here. A delivery notes that it begins before it reads the list, so that every
//! event is posted by exactly one of the two.

use domain::name;
use lambda::Fault;
use lambda::push::Gateway;
use live::ports::{Batch, Connection, Push, PushError};
use live::protocol;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use table::connections::Subscriber;
use table::{Store, StoreError};

/// How often it is looked whether a delivery has finished.
const LOOK: Duration = Duration::from_millis(10);
/// What is left of an invocation for ending a connection whose past is too long for one.
const RESERVE: Duration = Duration::from_secs(3);

/// Where a connection's events are to begin.
pub(crate) enum Begin {
    /// Where it was made, and nothing is said of it.
    Silently,
    /// On a site.
    At {
        site: String,
        /// Behind which event; now, if absent.
        after: Option<u64>,
    },
}

/// Brings a connection that is in no list to its place, and puts it into the list there.
pub(crate) async fn bring(
    store: &Store,
    gateway: &Gateway,
    left: &Subscriber,
    begin: Begin,
    deadline: SystemTime,
) -> Result<(), Fault> {
    let (site, after) = match &begin {
        Begin::Silently => (&left.connection.site, None),
        Begin::At { site, after } => (site, *after),
    };
    let connection = Connection { site: site.clone(), ..left.connection.clone() };
    let way = Way { store, gateway, connection: &connection, until: deadline - RESERVE };
    way.wait_for_delivery(&left.connection.site).await?;
    let position = match (begin, after) {
        (Begin::Silently, _) => left.from,
        (_, Some(after)) => way.begin_after(after).await?,
        (_, None) => way.begin_now(left).await?,
    };
    way.go_on(position).await
}

struct Way<'a> {
    store: &'a Store,
    gateway: &'a Gateway,
    connection: &'a Connection,
    /// What has not been done until then is left to the client's next connection.
    until: SystemTime,
}

impl Way<'_> {
    /// Waits until no delivery posts to the connection any more that has found it in the list it has left.
    async fn wait_for_delivery(&self, site: &str) -> Result<(), Fault> {
        let Some(progress) = self.store.progress(site).await? else { return Ok(()) };
        let mut through = progress.through;
        while through < progress.begun {
            self.in_time()?;
            tokio::time::sleep(LOOK).await;
            through = self.store.progress(site).await?.map_or(progress.begun, |progress| progress.through);
        }
        Ok(())
    }

    /// Begins with what comes now. Who stays on a site misses nothing: it has what was delivered, and gets the rest.
    async fn begin_now(&self, left: &Subscriber) -> Result<u64, Fault> {
        let site = &self.connection.site;
        let from = if name::same(&left.connection.site, site) {
            self.store.progress(site).await?.map_or(0, |progress| progress.through).max(left.from)
        } else {
            self.store.head(site).await?.seq
        };
        self.send(protocol::subscribed(site, from, 0, false)).await?;
        Ok(from)
    }

    /// Begins behind an event, and says so: later than asked if events are no longer kept, earlier if `after` is not
    /// yet reached, as after the database was replaced.
    async fn begin_after(&self, after: u64) -> Result<u64, Fault> {
        let site = &self.connection.site;
        let head = self.store.head(site).await?.seq;
        let oldest = self.store.feed_after(site, after).await?.first().map(|entry| entry.seq);
        let from = if after > head { head } else { oldest.map_or(head, |oldest| oldest - 1) };
        self.send(protocol::subscribed(site, from, from.saturating_sub(after), after > head)).await?;
        Ok(from)
    }

    /// Posts what follows until nothing does, and leaves the rest to `ws-broadcast`.
    async fn go_on(&self, mut position: u64) -> Result<(), Fault> {
        loop {
            loop {
                self.in_time()?;
                let page = self.store.feed_after(&self.connection.site, position).await?;
                let Some(batch) = Batch::new(&self.connection.site, page) else { break };
                let batch = Arc::new(batch);
                self.gateway.post(self.connection, &batch).await.map_err(failed)?;
                position = batch.last();
            }
            match self.store.settle(self.connection, position).await {
                Err(StoreError::Conflict) => tokio::time::sleep(LOOK).await,
                settled => return Ok(settled?),
            }
        }
    }

    async fn send(&self, frame: String) -> Result<(), Fault> {
        self.gateway.send(&self.connection.id, frame.into()).await.map_err(failed)
    }

    fn in_time(&self) -> Result<(), Fault> {
        if SystemTime::now() < self.until { Ok(()) } else { Err(Fault::Push("the past is too long".into())) }
    }
}

fn failed(error: PushError) -> Fault {
    Fault::Push(error.to_string())
}

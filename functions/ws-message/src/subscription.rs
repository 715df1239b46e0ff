//! Moves a connection to another position in the feed: past events are posted from here, later ones by `ws-broadcast`.
//!
//! The hand-over is one transaction: the connection enters its site's list only if no delivery has begun beyond what
//! was posted from here. A delivery records that it begins before it reads the list, so every event is posted by
//! exactly one of the two.

use domain::name;
use lambda::Fault;
use lambda::push::Gateway;
use live::ports::{Batch, Connection, Push, PushError};
use live::protocol;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use table::connections::Subscriber;
use table::{Store, StoreError};

/// How often to check whether a delivery has finished.
const LOOK: Duration = Duration::from_millis(10);
/// Reserved at the end of an invocation, to close a connection whose backlog is too long to post in time.
const RESERVE: Duration = Duration::from_secs(3);

/// Where a connection's events are to begin.
pub(crate) enum Begin {
    /// At the moment of the connect, without an answer.
    Silently,
    /// On a site.
    At {
        site: String,
        /// After which event; from now on if absent.
        after: Option<u64>,
    },
}

/// Posts what a connection in no list has missed, and puts it into the list of its site.
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
    /// What is not posted by then is left for the client's next connection.
    until: SystemTime,
}

impl Way<'_> {
    /// Waits for deliveries that may have found the connection in the list it left.
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

    /// Starts with the next event. A client that stays on its site misses nothing: it has what was delivered, and gets
    /// the rest.
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

    /// Starts after an event, and says so: later than requested if events have expired, earlier if the feed has not
    /// reached `after`, as when the database was replaced.
    async fn begin_after(&self, after: u64) -> Result<u64, Fault> {
        let site = &self.connection.site;
        let head = self.store.head(site).await?.seq;
        let oldest = self.store.feed_after(site, after).await?.first().map(|entry| entry.seq);
        let from = if after > head { head } else { oldest.map_or(head, |oldest| oldest - 1) };
        self.send(protocol::subscribed(site, from, from.saturating_sub(after), after > head)).await?;
        Ok(from)
    }

    /// Posts events until none are left, and leaves later ones to `ws-broadcast`.
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
        if SystemTime::now() < self.until { Ok(()) } else { Err(Fault::Push("the backlog is too long".into())) }
    }
}

fn failed(error: PushError) -> Fault {
    Fault::Push(error.to_string())
}

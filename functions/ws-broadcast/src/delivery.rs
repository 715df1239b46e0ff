//! Delivers a site's events through API Gateway: every event to every connection exactly once, even if this process is
//! killed.
//!
//! `table::deliveries` describes what is recorded, and when. If a process was killed before it recorded the answer to a
//! post, nobody can know whether the post arrived. Such a connection is closed: its client reconnects, says which event
//! it has last, and resumes after it. The same happens to a connection that could not be reached.

use domain::time;
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use lambda::Fault;
use lambda::push::Gateway;
use live::metrics::{Dropped, dropped};
use live::ports::{Batch, Connection, Push, PushError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use table::connections::Subscriber;
use table::feed::Event;
use table::{Store, StoreError};

/// Connections per claim: with API Gateway's ids, they fit into the kilobyte of one write unit.
const CLAIM: usize = 32;
/// Claims in progress at once: after a crash, only the connections of these must reconnect. A slow connection blocks
/// one of them.
const CLAIMS: usize = 16;
/// How often to check whether a new connection has said where to begin.
const LOOK: Duration = Duration::from_millis(20);

/// What a delivery needs.
pub struct Delivery {
    /// The table.
    pub store: Store,
    /// The way to clients.
    pub gateway: Gateway,
}

impl Delivery {
    /// Delivers consecutive events to every connection that does not have them yet.
    pub async fn run(&self, site: &str, entries: Vec<Event>) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (entries.first().map(|e| e.seq), entries.last().map(|e| e.seq)) else {
            return Ok(());
        };
        let progress = self.store.progress(site).await?;
        let mut through = progress.map_or(first.saturating_sub(1), |progress| progress.through);
        if let Some(left) = progress.filter(|progress| progress.begun > progress.through) {
            self.finish_for(site, through, left.begun).await?;
            through = left.begun;
        }
        let entries = self.without_gap(site, through, last, entries).await?;
        let Some(batch) = Batch::new(site, entries.into_iter().filter(|entry| entry.seq > through)) else {
            return Ok(());
        };
        self.store.begin_delivery(site, through, last).await?;
        self.deliver(&Arc::new(batch), &HashSet::new()).await?;
        Ok(self.store.finish_delivery(site, last).await?)
    }

    /// The events after `through`, read from the feed where the stream has dropped some.
    async fn without_gap(
        &self,
        site: &str,
        through: u64,
        last: u64,
        entries: Vec<Event>,
    ) -> Result<Vec<Event>, StoreError> {
        let dense = entries.iter().map(|entry| entry.seq).filter(|seq| *seq > through).eq(through + 1..=last);
        if dense || last <= through {
            return Ok(entries);
        }
        tracing::warn!(site, after = through, "events are missing in the stream; they are read from the feed");
        let (mut all, mut position) = (Vec::new(), through);
        while position < last {
            let page = self.store.feed_after(site, position).await?;
            let Some(end) = page.last() else { break };
            position = end.seq;
            all.extend(page.into_iter().filter(|entry| entry.seq <= last));
        }
        Ok(all)
    }

    /// Finishes a delivery whose process died.
    async fn finish_for(&self, site: &str, through: u64, begun: u64) -> Result<(), Fault> {
        let (mut done, mut unknown) = (HashSet::new(), HashSet::new());
        for claim in self.store.claims(site, begun).await? {
            let known = if claim.done { &mut done } else { &mut unknown };
            known.extend(claim.ids);
        }
        tracing::warn!(
            site,
            begun,
            done = done.len(),
            unknown = unknown.len(),
            "finishing the delivery of another process"
        );
        let here = self.store.subscribers(site).await?.into_iter().map(|subscriber| subscriber.connection);
        let unknown = here.filter(|connection| unknown.contains(&connection.id));
        try_join_all(unknown.map(async |connection| self.end(&connection, Dropped::UnknownDelivery).await)).await?;
        let entries = self.without_gap(site, through, begun, Vec::new()).await?;
        if let Some(batch) = Batch::new(site, entries) {
            self.deliver(&Arc::new(batch), &done).await?;
        }
        Ok(self.store.finish_delivery(site, begun).await?)
    }

    /// Delivers to all connections except `done`. New connections get time to speak, and come last.
    async fn deliver(&self, batch: &Arc<Batch>, done: &HashSet<String>) -> Result<(), Fault> {
        let listed = self.store.subscribers(&batch.site).await?;
        let owed = listed.into_iter().filter(|s| !done.contains(&s.connection.id) && s.from < batch.last());
        let now = time::now();
        let (mut held, ready): (Vec<_>, Vec<_>) = owed.partition(|subscriber| subscriber.hold > now);
        self.post_all(batch, ready, held.is_empty()).await?;
        while !held.is_empty() {
            tokio::time::sleep(LOOK).await;
            let looks = held.iter().map(async |subscriber| self.store.subscriber(&subscriber.connection).await);
            let present = try_join_all(looks).await?.into_iter().flatten();
            let now = time::now();
            let (waiting, ready): (Vec<_>, Vec<_>) = present.partition(|subscriber| subscriber.hold > now);
            self.post_all(batch, ready, false).await?;
            held = waiting;
        }
        Ok(())
    }

    /// Posts to connections, a claim at a time. A single claim is not marked as done: the end of the delivery records
    /// the same.
    async fn post_all(&self, batch: &Arc<Batch>, subscribers: Vec<Subscriber>, all: bool) -> Result<(), Fault> {
        let note = !all || subscribers.len() > CLAIM;
        let claims = subscribers.chunks(CLAIM).map(|claimed| self.post_claimed(batch, claimed, note));
        stream::iter(claims).buffer_unordered(CLAIMS).try_collect().await
    }

    async fn post_claimed(&self, batch: &Arc<Batch>, claimed: &[Subscriber], note: bool) -> Result<(), Fault> {
        let ids = claimed.iter().map(|subscriber| subscriber.connection.id.clone()).collect();
        let claim = self.store.claim(&batch.site, batch.last(), ids).await?;
        try_join_all(claimed.iter().map(|subscriber| self.post(batch, subscriber))).await?;
        if note {
            self.store.claim_done(&batch.site, claim).await?;
        }
        Ok(())
    }

    async fn post(&self, batch: &Arc<Batch>, subscriber: &Subscriber) -> Result<(), Fault> {
        let Some(batch) = batch.after(subscriber.from) else { return Ok(()) };
        let connection = &subscriber.connection;
        match self.gateway.post(connection, &batch).await {
            Ok(()) => Ok(()),
            Err(PushError::Gone) => Ok(self.store.remove_connection(connection).await?),
            Err(PushError::Failed(reason)) => {
                tracing::warn!(connection = connection.id, reason, "a connection could not be reached and is closed");
                self.end(connection, Dropped::TooSlow).await
            }
        }
    }

    async fn end(&self, connection: &Connection, why: Dropped) -> Result<(), Fault> {
        dropped(why);
        self.gateway.end(&connection.id).await.map_err(|error| Fault::Push(error.to_string()))?;
        Ok(self.store.remove_connection(connection).await?)
    }
}

//! Writes published readings, and everything that follows from them, in one transaction.

use crate::alerts::Change;
use crate::feed::{Demand, Draft, Event, Head};
use crate::marks::Mark;
use crate::segments;
use crate::series::{Entry, Tail};
use crate::write::Transaction;
use crate::{Store, StoreError};
use domain::columns::Columns;

/// Readings that were published to a site.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The site.
    pub site: &'a str,
    /// The head of the feed to which the copy of the site belongs.
    pub head: Head,
    /// The events for subscribers.
    pub events: &'a [Draft],
    /// The series, one by one.
    pub series: Vec<SeriesUpdate<'a>>,
}

/// The changes to a series.
#[derive(Debug)]
pub struct SeriesUpdate<'a> {
    /// The directory's entry, including the readings.
    pub entry: &'a mut Entry,
    /// The open segment, including the readings.
    pub segment: &'a Columns,
    /// The open segment as it is stored.
    pub before: Option<Tail>,
    /// The changed alerts.
    pub changes: &'a [Change],
    /// Marks that it settles.
    pub settled: &'a [Mark],
    /// The mark of a stretch that is left to be judged.
    pub mark: Option<&'a Mark>,
}

/// The outcome of a publication.
#[derive(Debug)]
pub enum Published {
    /// It is written: the events with their sequence numbers, and the new head.
    Done(Vec<Event>, Head),
    /// It is too much for one transaction; nothing is written.
    TooLarge,
}

impl Store {
    /// Writes a publication as a whole or not at all. A conflict means that another process wrote to the site.
    pub async fn publish(&self, publication: Publication<'_>) -> Result<Published, StoreError> {
        let Publication { site, head, events, series } = publication;
        let mut transaction = Transaction::default();
        let appended = self.append(&mut transaction, site, head, events, Demand::Unchanged)?;
        for update in series {
            update.write(self, &mut transaction, site)?;
        }
        if !transaction.fits() {
            return Ok(Published::TooLarge);
        }
        self.commit(transaction).await?;
        Ok(Published::Done(appended.entries, appended.head))
    }
}

impl SeriesUpdate<'_> {
    fn write(self, store: &Store, transaction: &mut Transaction, site: &str) -> Result<(), StoreError> {
        let id = &self.entry.id;
        if let Some(tail) = self.entry.tail {
            let key = segments::sort_key(tail.first, tail.last, tail.order);
            // A segment's key depends on how far it reaches, so a grown one may have another.
            if let Some(before) = self.before.filter(|before| before.order == tail.order) {
                let old = segments::sort_key(before.first, before.last, before.order);
                if old != key {
                    transaction.delete(store, &segments::partition(id), &old, None)?;
                }
            }
            transaction.put(store, segments::item(id, tail.order, self.segment)?)?;
        }
        for change in self.changes {
            change.write(store, transaction)?;
        }
        for mark in self.settled {
            mark.settle(store, transaction, site)?;
        }
        if let Some(mark) = self.mark {
            transaction.put(store, mark.item(site))?;
        }
        self.entry.write(store, transaction)
    }
}

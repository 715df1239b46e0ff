//! Writing published readings, and what follows from them, in one transaction.

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
    /// The head of the feed that what is known of the site belongs to.
    pub head: Head,
    /// What subscribers are told.
    pub events: &'a [Draft],
    /// The series, one by one.
    pub series: Vec<SeriesUpdate<'a>>,
}

/// What changes about a series.
#[derive(Debug)]
pub struct SeriesUpdate<'a> {
    /// The directory's entry, with the readings noted.
    pub entry: &'a mut Entry,
    /// The open segment, with the readings in it.
    pub segment: &'a Columns,
    /// The open segment as it is stored.
    pub before: Option<Tail>,
    /// The changed alerts.
    pub changes: &'a [Change],
    /// Marks that are worked off by it.
    pub settled: &'a [Mark],
    /// The mark of a stretch that is left to be judged.
    pub mark: Option<&'a Mark>,
}

/// What became of a publication.
#[derive(Debug)]
pub enum Published {
    /// It is written: the events in their places, and the head now.
    Done(Vec<Event>, Head),
    /// It is more than one transaction takes; nothing is written.
    TooLarge,
}

impl Store {
    /// Writes a publication as a whole or not at all. A conflict says that somebody else wrote to the site.
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
            // A segment's key tells how far it reaches, so that a grown one may have another.
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

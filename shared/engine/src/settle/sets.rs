//! A file's effect on the results that were there before.

use crate::terms::Terms;
use domain::columns::Row;
use domain::reading::{Qualifier, Series};
use domain::set::Change;
use table::accounts::{Account, MAX_REPLACEMENTS, Replacement};
use table::marks::{Mark, Origin};
use table::series::Entry;
use table::{Store, StoreError};

/// How many results a file replaced and repeated.
#[derive(Debug, Default)]
pub(super) struct Sets {
    replaced: u64,
    replacements: Vec<Replacement>,
    repeated: u64,
}

impl Sets {
    /// The effect of the file behind some marks on a stretch of a series; empty if there is no such file.
    pub(super) async fn of(
        store: &Store,
        entry: &Entry,
        terms: &Terms,
        touched: (i64, i64),
        marks: &[Mark],
    ) -> Result<Self, StoreError> {
        let mut sets = Self::default();
        let [Mark { origin: Origin::File(id), .. }, ..] = marks else { return Ok(sets) };
        // Nothing is replaced if no two segments have a time in common.
        if !store.overlap_of(entry, &terms.view, touched).await? {
            return Ok(sets);
        }
        let Some(revision) = store.revision_of(id, &entry.series.site).await? else { return Ok(sets) };
        let mut readings = store.readings(entry, &terms.view, touched).await?;
        while readings.overlaps() {
            let note = |change: Change| sets.note(entry, terms, revision, change);
            if readings.next_piece_with(note)?.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(sets)
    }

    fn note(&mut self, entry: &Entry, terms: &Terms, revision: u64, change: Change) {
        match change {
            Change::Repeated { by, .. } if by == revision => self.repeated += 1,
            Change::Replaced { old, new, by } if by == revision => {
                self.replaced += 1;
                if self.replacements.len() < MAX_REPLACEMENTS {
                    self.replacements.push(Replacement {
                        time: terms.view.calendar.shown(new.time, new.flags.kind()),
                        ..replacement(&entry.series, old, new)
                    });
                }
            }
            _ => {}
        }
    }

    /// Adds it to an account.
    pub(super) fn add_to(self, account: &mut Account) {
        account.replaced += self.replaced;
        account.repeated += self.repeated;
        account.replacements.extend(self.replacements);
    }
}

/// A replaced result, for people.
pub(crate) fn replacement(series: &Series, old: Row, new: Row) -> Replacement {
    let shown = |row: Row| match row.flags.qualifier() {
        Qualifier::Equal => row.value.to_string(),
        sign => format!("{}{}", sign.as_str(), row.value),
    };
    Replacement {
        outfall: series.outfall.clone(),
        parameter: series.parameter.clone(),
        time: new.shown_time(),
        old: shown(old),
        new: shown(new),
    }
}

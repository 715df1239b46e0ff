//! Applies what other parts of this process have written to the site.

use super::{Known, Site};
use table::alerts::{Change, Source};
use table::feed::Head;
use table::marks::Mark;
use table::series::Entry;

impl Site {
    /// A file has got its revision: open segments end with it.
    pub(crate) fn revised(&mut self, revision: u64) {
        match &mut self.known {
            // Nobody else has got one since.
            Some(known) if known.head.revision + 1 == revision => known.head.revision += 2,
            _ => self.known = None,
        }
    }

    /// Whether a series is known.
    pub(crate) fn knows(&self, series: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.series.contains_key(series))
    }

    /// A file has entered a series into the directory.
    pub(crate) fn merged(&mut self, entry: &Entry) {
        let Some(known) = &mut self.known else { return };
        if let Some(kept) = known.series.get_mut(&entry.id) {
            kept.rules = entry.rules(&known.terms.history);
            kept.entry = entry.clone();
        }
    }

    /// Readings of some series were revealed: what is known of these is read again.
    pub(crate) fn adopted(&mut self, series: &[String]) {
        let Some(known) = &mut self.known else { return };
        series.iter().for_each(|id| drop(known.series.remove(id)));
    }

    /// All of a file's readings of some series are there.
    pub(crate) fn told(&mut self, head: Head, ingest: &str, series: impl Iterator<Item = String>) {
        let Some(known) = &mut self.known else { return };
        known.head = head;
        known.outstanding.recording.retain(|recording| recording != ingest);
        series.for_each(|id| drop(known.series.remove(&id)));
    }

    /// Some marks were settled, with these changes.
    pub(crate) fn settled<'a>(&mut self, head: Head, changes: impl Iterator<Item = &'a Change>, marks: &[&Mark]) {
        let Some(known) = &mut self.known else { return };
        if known.is_marked_as_a_whole() {
            self.known = None;
            return;
        }
        known.head = head;
        changes.for_each(|change| known.change(change));
        known.series.values_mut().for_each(|kept| kept.marks.retain(|mark| !marks.contains(&mark)));
    }
}

impl Known {
    /// Applies a settler's change.
    fn change(&mut self, change: &Change) {
        let Source { series_id, rule, .. } = &change.source;
        let Some(kept) = self.series.get_mut(series_id) else { return };
        // A new generation is read from the table.
        if !change.is_in_place() || change.apply(kept.stored.entry(rule.clone()).or_default()).is_err() {
            self.series.remove(series_id);
        }
    }
}

//! The set of results that counts where a series has several at one time.
//!
//! One file may bring several results of one time, and all of them count. A later file replaces what there was, a
//! published result adds to it. Quality control and routine results are sets of their own: neither replaces the other.

use super::columns::{Columns, Row};
use super::reading::Mark;
use super::time::TimeKind;
use std::collections::HashMap;

/// Where a result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The order of what came to the site: later ones are greater. Rows of one file share it.
    pub revision: u64,
    /// A file, and not a published reading.
    pub is_file: bool,
}

/// What became of a result that does not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// It is alike in everything to one that counts, or that replaced one alike.
    Repeated {
        /// Its place in the columns before they were settled.
        index: usize,
        /// The result.
        row: Row,
        /// The revision that brought it.
        by: u64,
    },
    /// Another one counts in its place.
    Replaced {
        /// The one that counts no longer.
        old: Row,
        /// The one that replaced it; it may have been replaced in turn.
        new: Row,
        /// The revision that brought that one.
        by: u64,
    },
    /// A later file brought the very same result again.
    Confirmed {
        /// The result.
        row: Row,
        /// The revision that brought it again.
        by: u64,
    },
}

/// Puts readings in time order and leaves those that count; tells what became of the others.
///
/// `columns` have the readings in the order in which they came, and `origin` tells for each index where from. Times that
/// a site's clock shows are other moments than times with an offset, unless `is_utc`: the site's clock shows UTC.
pub fn settle(columns: &mut Columns, origin: impl Fn(usize) -> Origin, is_utc: bool, mut changed: impl FnMut(Change)) {
    let times = &columns.times;
    // The usual case by far.
    if times.windows(2).all(|pair| pair[0] < pair[1]) {
        return;
    }
    let mut order: Vec<u32> = (0..columns.len() as u32).collect();
    if !times.is_sorted() {
        order.sort_by_key(|&index| times[index as usize]);
    }
    let mut settled = Columns { units: std::mem::take(&mut columns.units), ..Columns::default() };
    settled.times.reserve(order.len());
    for group in order.chunk_by(|&a, &b| columns.times[a as usize] == columns.times[b as usize]) {
        if let [index] = group {
            settled.push(columns.row(*index as usize));
            continue;
        }
        let mut places: Vec<Place> = Vec::new();
        for &index in group {
            let index = index as usize;
            let came = Came { row: columns.row(index), index, origin: origin(index) };
            let key = PlaceKey::of(&came.row, is_utc);
            let at = places.iter().position(|place| place.key == key).unwrap_or(places.len());
            if at == places.len() {
                places.push(Place::new(key));
            }
            places[at].take(came, &mut changed);
        }
        for place in &mut places {
            place.close(&mut changed);
        }
        let mut kept: Vec<Came> = places.into_iter().flat_map(|place| place.kept).flatten().collect();
        kept.sort_by_key(|came| came.index);
        kept.iter().for_each(|came| settled.push(came.row));
    }
    *columns = settled;
}

/// A result and its place among those that came.
#[derive(Debug, Clone, Copy)]
struct Came {
    row: Row,
    index: usize,
    origin: Origin,
}

/// What makes results of one number of microseconds results of one time, and of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PlaceKey {
    clock: TimeKind,
    is_second: bool,
    is_control: bool,
}

impl PlaceKey {
    fn of(row: &Row, is_utc: bool) -> Self {
        let clock = match row.flags.kind() {
            TimeKind::Local if is_utc => TimeKind::Clock,
            kind => kind,
        };
        let is_control = row.flags.has(Mark::QualityControl);
        Self { clock, is_second: row.flags.has(Mark::Fold), is_control }
    }
}

/// The results of one time, those of quality control apart.
#[derive(Debug)]
struct Place {
    key: PlaceKey,
    /// What the last file replaced.
    old: Vec<Came>,
    kept: Vec<Option<Came>>,
    /// Where a sample and a result stand in `kept`, once there are many.
    found: Option<(HashMap<u64, usize>, HashMap<Likeness, usize>)>,
}

/// From this many results of one time on they are looked up.
const MANY: usize = 16;

/// All of a result, to be compared bit by bit.
type Likeness = (u64, u32, u64, u64);

fn likeness(row: &Row) -> Likeness {
    let limit = if row.flags.limit().is_some() { row.limit.to_bits() } else { 0 };
    (row.value.to_bits(), row.flags.0 & !(Mark::Replaces as u32), limit, row.sample)
}

fn alike(a: &Row, b: &Row) -> bool {
    likeness(a) == likeness(b)
}

impl Place {
    fn new(key: PlaceKey) -> Self {
        Self { key, old: Vec::new(), kept: Vec::new(), found: None }
    }

    fn take(&mut self, came: Came, changed: &mut impl FnMut(Change)) {
        let row = came.row;
        // Rows of a file stand together. Published ones of one revision may be far apart.
        let is_own = |other: &Came| came.origin.is_file && other.origin == came.origin;
        let takes_all = came.origin.is_file || row.flags.has(Mark::Replaces);
        if takes_all && self.kept.iter().flatten().next().is_some_and(|first| !is_own(first)) {
            self.close(changed);
            let (own, old) = self.kept.drain(..).flatten().partition(is_own);
            (self.old, self.found) = (old, None);
            Vec::into_iter(own).for_each(|own| self.keep(own));
        }
        if row.sample != 0
            && let Some(place) = self.sample(row.sample)
            && let Some(earlier) = self.kept[place]
        {
            if alike(&earlier.row, &row) {
                return changed(Change::Repeated { index: came.index, row, by: came.origin.revision });
            }
            self.kept[place] = None;
            changed(Change::Replaced { old: earlier.row, new: row, by: came.origin.revision });
            return self.keep(came);
        }
        // With the date alone, equal results are two results of that day; and a published one always adds to the set.
        let counts_once = row.sample == 0 && row.flags.kind() != TimeKind::Date && came.origin.is_file;
        if counts_once && self.row(&row).is_some() {
            return changed(Change::Repeated { index: came.index, row, by: came.origin.revision });
        }
        self.keep(came);
    }

    fn keep(&mut self, came: Came) {
        self.kept.push(Some(came));
        if self.found.is_none() && self.kept.len() >= MANY {
            self.found = Some(Default::default());
            (0..self.kept.len()).for_each(|place| self.note(place));
        } else {
            self.note(self.kept.len() - 1);
        }
    }

    fn note(&mut self, place: usize) {
        if let (Some((samples, rows)), Some(came)) = (&mut self.found, self.kept[place]) {
            samples.insert(came.row.sample, place);
            rows.insert(likeness(&came.row), place);
        }
    }

    fn sample(&self, sample: u64) -> Option<usize> {
        match &self.found {
            Some((samples, _)) => samples.get(&sample).copied(),
            None => self.kept.iter().position(|came| came.is_some_and(|came| came.row.sample == sample)),
        }
    }

    fn row(&self, row: &Row) -> Option<usize> {
        match &self.found {
            Some((_, rows)) => rows.get(&likeness(row)).copied(),
            None => self.kept.iter().position(|came| came.is_some_and(|came| alike(&came.row, row))),
        }
    }

    /// Tells what the last file did to the set before it: what it has again, and what came in place of the rest.
    fn close(&mut self, changed: &mut impl FnMut(Change)) {
        let old = std::mem::take(&mut self.old);
        if old.is_empty() {
            return;
        }
        let mut fresh: Vec<Option<Row>> = self.kept.iter().flatten().map(|came| Some(came.row)).collect();
        let mut again: HashMap<Likeness, Vec<usize>> = HashMap::new();
        for (place, row) in fresh.iter().enumerate() {
            again.entry(row.as_ref().map(likeness).unwrap_or_default()).or_default().push(place);
        }
        let by = self.kept.iter().flatten().next().map_or(0, |came| came.origin.revision);
        let mut others = Vec::new();
        for came in old {
            match again.get_mut(&likeness(&came.row)).and_then(Vec::pop) {
                Some(place) => {
                    fresh[place] = None;
                    changed(Change::Confirmed { row: came.row, by });
                }
                None => others.push(came.row),
            }
        }
        let last = self.kept.iter().flatten().next_back().map(|came| came.row);
        let mut fresh = fresh.into_iter().flatten();
        for old in others {
            if let Some(new) = fresh.next().or(last) {
                changed(Change::Replaced { old, new, by });
            }
        }
    }
}

#[cfg(test)]
mod tests;

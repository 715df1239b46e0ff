//! Which results count if a series has several at one time.
//!
//! One file may have several results of one time, and all of them count. A later file replaces them, a published result
//! is added. Quality control and routine results are separate sets: neither replaces the other.

use super::columns::{Columns, Row};
use super::reading::Mark;
use super::time::TimeKind;
use std::collections::HashMap;

/// The origin of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its revision: later ones are greater. Rows of one file share it.
    pub revision: u64,
    /// Whether it is from a file, not published.
    pub is_file: bool,
}

/// Why a result does not count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// It is identical to one that counts, or that replaced an identical one.
    Repeated {
        /// Its place in the original columns.
        index: usize,
        /// The result.
        row: Row,
        /// The revision that brought it.
        by: u64,
    },
    /// Another one replaces it.
    Replaced {
        /// The one that no longer counts.
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

/// Sorts readings by time, keeps those that count, and reports the others.
///
/// `columns` have the readings in order of arrival; `origin` gives the origin of each index. Times by a site's clock
/// are other moments than times with an offset, unless `is_utc`: the site's clock shows UTC.
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

/// A result and its place in order of arrival.
#[derive(Debug, Clone, Copy)]
struct Came {
    row: Row,
    index: usize,
    origin: Origin,
}

/// What results at the same microsecond must share to be of one time and kind.
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

/// The results of one time, with quality control separate.
#[derive(Debug)]
struct Place {
    key: PlaceKey,
    /// What the last file replaced.
    old: Vec<Came>,
    kept: Vec<Option<Came>>,
    /// The places of samples and results in `kept`, once there are many.
    found: Option<(HashMap<u64, usize>, HashMap<Likeness, usize>)>,
}

/// From this many results of one time on, use a lookup.
const MANY: usize = 16;

/// All of a result, for comparison bit by bit.
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
        // Rows of a file are adjacent. Published results of one revision may be far apart.
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
        // With only the date, equal results are two results of that day; a published one is always added.
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

    /// Reports what the last file did to the set before it: what it repeats, and what replaces the rest.
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

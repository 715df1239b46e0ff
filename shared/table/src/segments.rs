//! Segments of series.
//!
//! A segment's key begins with a class by its length in time, and then has the time of its first reading. A query for a
//! range asks each class of the series from one class length before the range on, and so finds every segment that
//! reaches into it and few that do not. (With the time alone, it would have to start at the longest segment that the
//! series ever had, which for a series with one old five-year file is its beginning.)

use super::item::{b, n};
use super::segment::{self, SegmentError};
use super::series::Entry;
use super::{Item, ItemExt, Store, StoreError, Stretch, keys, time_key};
use domain::calendar::{Calendar, LONGEST_OFFSET, Moments};
use domain::columns::Columns;
use domain::reading::{Mark, Series};
use domain::set::{self, Change, Origin};
use domain::time::{DAY, TimeKind};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The longest time from first to last reading of a segment in each class; the last class is unbounded.
const CLASS_SPANS: [i64; 4] = [2 * DAY, 64 * DAY, 2048 * DAY, i64::MAX];

/// The attributes that tell where a segment is.
const PLACE: &str = "f, l, r, i, lo";

/// The first and the last time of a segment, and its order.
pub(crate) type Place = ((i64, i64), Order);

/// The order of a segment among those of its series: later ones correct earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// The revision of the site under which it was written.
    pub revision: u64,
    /// Its index among those of one revision.
    pub index: u64,
}

/// The view of a site's readings.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The site's calendar, which converts local times.
    pub calendar: Calendar,
    /// The revisions of withdrawn files: their readings do not count.
    pub withdrawn: Arc<BTreeSet<u64>>,
    /// The first revision that counts: earlier ones belong to a removed site of this name.
    pub first_revision: u64,
}

impl View {
    /// Whether readings of a revision count.
    fn takes(&self, revision: u64) -> bool {
        revision >= self.first_revision && !self.withdrawn.contains(&revision)
    }

    /// The range that two times may mean if some of them are local.
    pub fn stretch(&self, (first, last): (i64, i64), has_local: bool) -> (i64, i64) {
        if !has_local || self.calendar.is_utc() {
            return (first, last);
        }
        let moment = |kept, is_second| self.calendar.moment(kept, TimeKind::Local, is_second);
        (first.min(moment(first, false)), last.max(moment(last, true)))
    }

    /// Converts the local times of readings; returns whether there are any.
    pub fn resolve(&self, columns: &mut Columns) -> bool {
        if self.calendar.is_utc() {
            return false;
        }
        let mut moments = Moments::new(&self.calendar);
        let mut any = false;
        for (time, flags) in std::iter::zip(&mut columns.times, &columns.flags) {
            if flags.kind().is_local() {
                *time = moments.of(*time, flags.has(Mark::Fold));
                any = true;
            }
        }
        any
    }
}

/// A segment as stored, still packed.
#[derive(Debug, Clone)]
pub struct Stored {
    pub(crate) order: Order,
    /// The range of its readings' times.
    first: i64,
    last: i64,
    readings: u64,
    /// Shared, because each rule processes the readings of a series anew.
    bytes: Arc<Vec<u8>>,
}

/// Whether any stretches, sorted by their start, overlap.
pub(crate) fn have_overlap(mut stretches: impl Iterator<Item = (i64, i64)>) -> bool {
    let mut end = i64::MIN;
    stretches.any(|(first, last)| {
        let overlaps = first <= end;
        end = end.max(last);
        overlaps
    })
}

/// The class of a segment from `first` to `last`.
pub fn class(first: i64, last: i64) -> usize {
    let span = last.saturating_sub(first);
    CLASS_SPANS.iter().position(|&longest| span <= longest).unwrap_or(CLASS_SPANS.len() - 1)
}

pub fn partition(series: &str) -> String {
    format!("SERIES#{series}")
}

pub fn sort_key(first: i64, last: i64, order: Order) -> String {
    format!("S#{}#{}#{:010}#{:010}", class(first, last), time_key(first), order.revision, order.index)
}

/// A segment as an item. `columns` are in time order and not empty.
pub fn item(series: &str, order: Order, columns: &Columns) -> Result<Item, StoreError> {
    let bytes = segment::encode(columns).map_err(|error| damaged(series, &error))?;
    let (first, last) = columns.span().unwrap_or_default();
    let mut item = keys(partition(series), sort_key(first, last, order));
    item.insert("f".into(), n(first));
    item.insert("l".into(), n(last));
    item.insert("n".into(), n(columns.len()));
    item.insert("r".into(), n(order.revision));
    item.insert("i".into(), n(order.index));
    if has_local(columns) {
        item.insert("lo".into(), n(1));
    }
    item.insert("d".into(), b(bytes));
    Ok(item)
}

/// Whether some readings have local times.
pub(crate) fn has_local(columns: &Columns) -> bool {
    columns.flags.iter().any(|flags| flags.kind().is_local())
}

/// The size of a segment that is about to be written.
pub fn packed_size(item: &Item) -> usize {
    item.bytes("d").map_or(0, <[u8]>::len)
}

fn damaged(series: &str, error: &SegmentError) -> StoreError {
    StoreError::Damaged { key: partition(series), reason: error.to_string() }
}

impl Store {
    /// Writes packed segments.
    pub async fn put_segments(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.put_all(items).await
    }

    /// The segments of a series that have readings between `from` and `to` (both included), by first time. `classes`
    /// are the classes that the series has, as bits; `has_local`: whether some of its times are local.
    pub(crate) async fn segments(
        &self,
        series: &str,
        kind: (u8, bool),
        view: &View,
        range: (i64, i64),
    ) -> Result<Vec<Stored>, StoreError> {
        let mut found = Vec::new();
        self.each_segment(series, kind, view, range, None, |mut item, (first, last), order| {
            let readings = item.number("n")?;
            // Moved: a second copy of a long series would double the memory.
            let bytes = Arc::new(item.take_bytes("d")?);
            found.push(Stored { order, first, last, readings, bytes });
            Ok(())
        })
        .await?;
        // A segment that has moved meanwhile is found in two classes; its readings would count as two results of each
        // time.
        found.sort_unstable_by_key(|stored| (stored.order, Reverse(stored.readings)));
        found.dedup_by_key(|stored| stored.order);
        found.sort_by_key(|stored| stored.first);
        Ok(found)
    }

    /// The places of a series' segments that reach into a range, by first time. Their readings are not transferred: a
    /// long series has a hundred megabytes of them.
    pub(crate) async fn places(
        &self,
        series: &str,
        kind: (u8, bool),
        view: &View,
        range: (i64, i64),
    ) -> Result<Vec<Place>, StoreError> {
        let mut found = Vec::new();
        self.each_segment(series, kind, view, range, Some(PLACE), |_, stretch, order| {
            found.push((stretch, order));
            Ok(())
        })
        .await?;
        found.sort_unstable_by_key(|(stretch, order)| (*order, Reverse(*stretch)));
        found.dedup_by_key(|(_, order)| *order);
        found.sort_unstable();
        Ok(found)
    }

    /// What a file, by its revision of the site, has stored of a series between two times, in the form of a directory
    /// entry; `None` if nothing. For files that were interrupted before they had entered it themselves.
    pub async fn stored_under(
        &self,
        series: &Series,
        revision: u64,
        view: &View,
        range: (i64, i64),
    ) -> Result<Option<Entry>, StoreError> {
        let mut entry = Entry::new(series.clone());
        let id = entry.id.clone();
        let all_classes = (1 << CLASS_SPANS.len()) - 1;
        self.each_segment(&id, (all_classes, true), view, range, None, |item, _, order| {
            if order.revision == revision {
                let columns = segment::decode(item.bytes("d")?).map_err(|error| item.damaged(error))?;
                entry.note(&columns, order);
            }
            Ok(())
        })
        .await?;
        Ok((!entry.is_new()).then_some(entry))
    }

    async fn each_segment(
        &self,
        series: &str,
        (classes, has_local): (u8, bool),
        view: &View,
        (from, to): (i64, i64),
        only: Option<&str>,
        mut take: impl FnMut(Item, (i64, i64), Order) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let apart = if has_local && !view.calendar.is_utc() { LONGEST_OFFSET } else { 0 };
        let (low, high) = (from.saturating_sub(apart), to.saturating_add(apart));
        for (class, span) in CLASS_SPANS.iter().enumerate().filter(|(class, _)| classes >> class & 1 == 1) {
            let earliest = time_key(low.saturating_sub(*span));
            let stretch = Stretch {
                pk: partition(series),
                from: format!("S#{class}#{earliest}"),
                to: format!("S#{class}#{}\u{10ffff}", time_key(high)),
                least: Some(("l", low)),
                only,
            };
            let page = |items: Vec<Item>| {
                for item in items {
                    let kept = (item.number("f")?, item.number("l")?);
                    let (first, last) = view.stretch(kept, item.contains_key("lo"));
                    let order = Order { revision: item.number("r")?, index: item.number("i")? };
                    if last >= from && first <= to && view.takes(order.revision) {
                        take(item, (first, last), order)?;
                    }
                }
                Ok(())
            };
            self.pages(stretch, page).await?;
        }
        Ok(())
    }

    /// One segment by its key, unpacked.
    pub async fn segment(&self, series: &str, sort_key: String) -> Result<Option<Columns>, StoreError> {
        match self.get(partition(series), sort_key).await? {
            Some(item) => Ok(Some(segment::decode(item.bytes("d")?).map_err(|error| item.damaged(error))?)),
            None => Ok(None),
        }
    }
}

/// The readings of segments between two times, in time order and with corrections applied, in pieces that do not
/// overlap. Only overlapping segments are unpacked at once.
#[derive(Debug, Clone)]
pub struct Merged {
    series: String,
    segments: std::vec::IntoIter<Stored>,
    next: Option<Stored>,
    from: i64,
    to: i64,
    view: View,
}

impl Merged {
    pub fn new(series: &str, segments: Vec<Stored>, (from, to): (i64, i64), view: &View) -> Self {
        let mut segments = segments.into_iter();
        let next = segments.next();
        Self { series: series.to_owned(), segments, next, from, to, view: view.clone() }
    }

    /// How many readings each revision brought, including those that were corrected. To be called before the first
    /// piece is taken. Only segments that reach beyond the range are unpacked for it.
    pub fn revisions(&self) -> Result<BTreeMap<u64, u64>, StoreError> {
        let mut found = BTreeMap::new();
        for segment in self.next.iter().chain(self.segments.as_slice()) {
            let readings = if self.from <= segment.first && segment.last <= self.to {
                segment.readings
            } else {
                self.unpacked(segment)?.len() as u64
            };
            if readings > 0 {
                *found.entry(segment.order.revision).or_default() += readings;
            }
        }
        Ok(found)
    }

    /// Whether some of the remaining segments overlap.
    pub fn overlaps(&self) -> bool {
        have_overlap(self.next.iter().chain(self.segments.as_slice()).map(|segment| (segment.first, segment.last)))
    }

    /// The next piece.
    pub fn next_piece(&mut self) -> Result<Option<Columns>, StoreError> {
        self.next_piece_with(|_| {})
    }

    /// The next piece. `changed` is told what no longer counts.
    pub fn next_piece_with(&mut self, changed: impl FnMut(Change)) -> Result<Option<Columns>, StoreError> {
        let Some(first) = self.next.take() else { return Ok(None) };
        let mut last = first.last;
        let mut cluster = vec![first];
        for segment in self.segments.by_ref() {
            if segment.first > last {
                self.next = Some(segment);
                break;
            }
            last = last.max(segment.last);
            cluster.push(segment);
        }
        cluster.sort_by_key(|segment| segment.order);
        let mut merged = Columns::default();
        let mut ends = Vec::new();
        for stored in &cluster {
            let columns = self.unpacked(stored)?;
            if merged.is_empty() {
                merged = columns;
            } else {
                merged.append(&columns).map_err(|error| self.damaged(error))?;
            }
            ends.push((merged.len(), stored.order.revision));
        }
        let origin = |index: usize| {
            let place = ends.partition_point(|(end, _)| *end <= index);
            let revision = ends.get(place).map_or(0, |(_, revision)| *revision);
            Origin { revision, is_file: !crate::feed::is_of_single_readings(revision) }
        };
        set::settle(&mut merged, origin, true, changed);
        Ok(Some(merged))
    }

    /// The readings of a segment within the range, with converted times.
    fn unpacked(&self, stored: &Stored) -> Result<Columns, StoreError> {
        let mut columns = segment::decode(&stored.bytes).map_err(|error| self.damaged(error))?;
        let is_moved = self.view.resolve(&mut columns);
        let is_whole = self.from <= stored.first && stored.last <= self.to;
        if is_whole {
            return Ok(columns);
        }
        let mut part = Columns::default();
        if !is_moved {
            let range = columns.lower_bound(self.from)..columns.lower_bound(self.to.saturating_add(1));
            part.append_range(&columns, range).map_err(|error| self.damaged(error))?;
            return Ok(part);
        }
        for index in (0..columns.len()).filter(|&index| (self.from..=self.to).contains(&columns.times[index])) {
            part.append_range(&columns, index..index + 1).map_err(|error| self.damaged(error))?;
        }
        Ok(part)
    }

    fn damaged(&self, error: impl ToString) -> StoreError {
        StoreError::Damaged { key: partition(&self.series), reason: error.to_string() }
    }
}

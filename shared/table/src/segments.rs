//! Segments of series.
//!
//! A segment's key begins with a class by its length in time, then its first reading's time. A query for a range
//! asks each class that the series has from one class length before the range on, and so meets every segment that
//! reaches into it and few that do not. (A key with the time alone would have to start at the longest segment that
//! the series ever had, which for a series with one old five-year file is its beginning.)

use super::item::{b, n};
use super::segment::{self, SegmentError};
use super::{Item, ItemExt, Store, StoreError, keys, time_key};
use domain::columns::Columns;
use domain::time::DAY;
use std::collections::BTreeMap;

/// The longest time from first to last reading of a segment of each class; the last class is unbounded.
const CLASS_SPANS: [i64; 4] = [2 * DAY, 64 * DAY, 2048 * DAY, i64::MAX];

/// Where a segment stands among those of its series: later ones correct earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// The revision of the site under which it was written.
    pub revision: u64,
    /// Its place among those of one revision.
    pub index: u64,
}

/// A segment as stored, still packed.
#[derive(Debug, Clone)]
pub struct Stored {
    order: Order,
    first: i64,
    last: i64,
    readings: u64,
    bytes: Vec<u8>,
}

/// The class of a segment that reaches from `first` to `last`.
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
    item.insert("d".into(), b(bytes));
    Ok(item)
}

/// The bytes of a segment that is about to be written.
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

    /// The segments of a series that have readings between `from` and `to` (both included), by first time.
    /// `classes` are the classes that the series has, as bits.
    pub async fn segments(&self, series: &str, classes: u8, from: i64, to: i64) -> Result<Vec<Stored>, StoreError> {
        let mut found = Vec::new();
        for (class, span) in CLASS_SPANS.iter().enumerate().filter(|(class, _)| classes >> class & 1 == 1) {
            let earliest = time_key(from.saturating_sub(*span));
            let (low, high) = (format!("S#{class}#{earliest}"), format!("S#{class}#{}\u{10ffff}", time_key(to)));
            for item in self.range_at_least(partition(series), low, high, Some(("l", from))).await? {
                found.push(Stored {
                    order: Order { revision: item.number("r")?, index: item.number("i")? },
                    first: item.number("f")?,
                    last: item.number("l")?,
                    readings: item.number("n")?,
                    bytes: item.bytes("d")?.to_vec(),
                });
            }
        }
        found.sort_by_key(|stored| stored.first);
        Ok(found)
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
/// overlap. Only segments that overlap are unpacked at once.
#[derive(Debug, Clone)]
pub struct Merged {
    series: String,
    segments: std::vec::IntoIter<Stored>,
    next: Option<Stored>,
    from: i64,
    to: i64,
}

impl Merged {
    pub fn new(series: &str, segments: Vec<Stored>, from: i64, to: i64) -> Self {
        let mut segments = segments.into_iter();
        let next = segments.next();
        Self { series: series.to_owned(), segments, next, from, to }
    }

    /// How many of the readings came under each revision, those included that others corrected. Before the first
    /// piece is taken. Only segments that reach beyond the range are unpacked for it.
    pub fn revisions(&self) -> Result<BTreeMap<u64, u64>, StoreError> {
        let mut found = BTreeMap::new();
        for segment in self.next.iter().chain(self.segments.as_slice()) {
            let readings = if self.from <= segment.first && segment.last <= self.to {
                segment.readings
            } else {
                let columns = segment::decode(&segment.bytes).map_err(|error| damaged(&self.series, &error))?;
                (columns.lower_bound(self.to.saturating_add(1)) - columns.lower_bound(self.from)) as u64
            };
            if readings > 0 {
                *found.entry(segment.order.revision).or_default() += readings;
            }
        }
        Ok(found)
    }

    /// The next piece.
    pub fn next_piece(&mut self) -> Result<Option<Columns>, StoreError> {
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
        for stored in cluster {
            let columns = segment::decode(&stored.bytes).map_err(|error| damaged(&self.series, &error))?;
            let range = columns.lower_bound(self.from)..columns.lower_bound(self.to.saturating_add(1));
            if merged.is_empty() && range == (0..columns.len()) {
                merged = columns;
            } else {
                merged
                    .append_range(&columns, range)
                    .map_err(|error| StoreError::Damaged { key: partition(&self.series), reason: error.to_string() })?;
            }
        }
        merged.sort_and_dedup();
        Ok(Some(merged))
    }
}

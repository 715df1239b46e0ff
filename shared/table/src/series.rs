//! The directory of series, and the readings behind it.

use super::item::{n, s};
use super::segments::{Merged, Order, class};
use super::write::Transaction;
use super::{Item, ItemExt, Store, StoreError, keys};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::columns::{Columns, Row};
use domain::evaluate::Context;
use domain::name;
use domain::reading::{Flags, Series};
use std::collections::HashMap;

/// How often a change of an entry is tried again when others change it too.
const TRIES: u32 = 20;

/// What is known of a series without reading its segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its identity, in the first spelling seen.
    pub series: Series,
    /// The earliest reading's time.
    pub first: i64,
    /// The latest reading; its flags' unit index is 0.
    pub latest: Row,
    /// The unit of the latest reading.
    pub unit: String,
    /// Whether readings brought limits of their own.
    pub carries_limits: bool,
    /// Which classes of segments there are, as bits.
    pub classes: u8,
    /// The segment that single readings are being appended to.
    pub tail: Option<Tail>,
    /// How often verdicts on the series have been written.
    pub judged: u64,
    /// Changes with every write of the entry.
    version: u64,
}

/// The open segment of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    pub order: Order,
    pub first: i64,
    pub last: i64,
}

fn partition(site: &str) -> String {
    format!("SITE#{}", name::key(site))
}

impl Entry {
    /// The entry of a series that is about to get its first readings.
    pub fn new(series: Series) -> Self {
        Self {
            id: series.id(),
            series,
            first: i64::MAX,
            latest: Row { time: i64::MIN, value: 0.0, flags: Flags::default(), limit: 0.0 },
            unit: String::new(),
            carries_limits: false,
            classes: 0,
            tail: None,
            judged: 0,
            version: 0,
        }
    }

    /// Notes readings that are being stored as one segment.
    pub fn note(&mut self, columns: &Columns) {
        let Some((first, last)) = columns.span() else { return };
        self.classes |= 1 << class(first, last);
        self.first = self.first.min(first);
        self.carries_limits |= columns.flags.iter().any(|flags| flags.limit().is_some());
        if last >= self.latest.time {
            // Columns are in time order, so the last one is the latest.
            let index = columns.len() - 1;
            self.latest = columns.row(index);
            self.latest.flags = self.latest.flags.with_unit(0);
            self.unit = columns.unit_of(index).to_owned();
        }
    }

    /// Takes over what another entry of the same series knows.
    pub fn merge(&mut self, other: &Self) {
        self.classes |= other.classes;
        self.first = self.first.min(other.first);
        self.carries_limits |= other.carries_limits;
        if other.latest.time >= self.latest.time {
            self.latest = other.latest;
            self.unit.clone_from(&other.unit);
        }
    }

    fn to_item(&self) -> Item {
        let mut item = keys(partition(&self.series.site), format!("SERIES#{}", self.id));
        let texts = [
            ("site", &self.series.site),
            ("outfall", &self.series.outfall),
            ("parameter", &self.series.parameter),
            ("base", &self.series.base),
            ("variant", &self.series.variant),
            ("unit", &self.unit),
        ];
        item.extend(texts.map(|(name, text)| (name.to_owned(), s(text))));
        let numbers = [
            ("first", n(self.first)),
            ("last", n(self.latest.time)),
            // As text, so that every bit comes back.
            ("value", s(self.latest.value.to_string())),
            ("limit", s(self.latest.limit.to_string())),
            ("flags", n(self.latest.flags.0)),
            ("carries", n(u8::from(self.carries_limits))),
            ("classes", n(self.classes)),
            ("judged", n(self.judged)),
            ("version", n(self.version)),
        ];
        item.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        if let Some(tail) = self.tail {
            let parts = [
                ("tr", n(tail.order.revision)),
                ("ti", n(tail.order.index)),
                ("tf", n(tail.first)),
                ("tl", n(tail.last)),
            ];
            item.extend(parts.map(|(name, number)| (name.to_owned(), number)));
        }
        item
    }

    fn from_item(item: &Item) -> Result<Self, StoreError> {
        let series = Series {
            site: item.text("site")?.into(),
            outfall: item.text("outfall")?.into(),
            parameter: item.text("parameter")?.into(),
            base: item.text("base")?.into(),
            variant: item.text("variant")?.into(),
        };
        let float = |name| item.text(name)?.parse::<f64>().map_err(|error| item.damaged(error));
        let latest = Row {
            time: item.number("last")?,
            value: float("value")?,
            flags: Flags(item.number("flags")?),
            limit: float("limit")?,
        };
        let tail = match item.contains_key("tr") {
            true => Some(Tail {
                order: Order { revision: item.number("tr")?, index: item.number("ti")? },
                first: item.number("tf")?,
                last: item.number("tl")?,
            }),
            false => None,
        };
        Ok(Self {
            id: series.id(),
            series,
            first: item.number("first")?,
            latest,
            unit: item.text("unit")?.into(),
            carries_limits: item.number::<u8>("carries")? == 1,
            classes: item.number("classes")?,
            tail,
            judged: item.number("judged")?,
            version: item.number("version")?,
        })
    }

    /// Adds the write of this entry to a transaction that fails if somebody else wrote it since it was read.
    pub fn write(&mut self, store: &Store, transaction: &mut Transaction) -> Result<(), StoreError> {
        let (condition, values) = self.unchanged();
        self.version += 1;
        transaction.put_if(store, self.to_item(), Some(condition), values)
    }

    fn unchanged(&self) -> (&'static str, HashMap<String, AttributeValue>) {
        match self.version {
            0 => ("attribute_not_exists(pk)", HashMap::new()),
            version => ("version = :version", HashMap::from([(":version".to_owned(), n(version))])),
        }
    }
}

impl Store {
    /// All series of a site.
    pub async fn series_of(&self, site: &str) -> Result<Vec<Entry>, StoreError> {
        self.prefixed(partition(site), "SERIES#").await?.iter().map(Entry::from_item).collect()
    }

    /// One series.
    pub async fn series(&self, site: &str, id: &str) -> Result<Option<Entry>, StoreError> {
        self.get(partition(site), format!("SERIES#{id}")).await?.as_ref().map(Entry::from_item).transpose()
    }

    /// Brings what `known` knows into the directory. Done twice, it changes nothing the second time.
    pub async fn merge_series(&self, known: &Entry) -> Result<Entry, StoreError> {
        for _ in 0..TRIES {
            let stored = self.series(&known.series.site, &known.id).await?;
            let mut merged = stored.clone().unwrap_or_else(|| Entry::new(known.series.clone()));
            merged.merge(known);
            if stored.as_ref() == Some(&merged) {
                return Ok(merged);
            }
            let mut transaction = Transaction::default();
            merged.write(self, &mut transaction)?;
            match self.commit(transaction).await {
                Err(StoreError::Conflict) => {}
                done => return done.map(|()| merged),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Notes that a site exists, in the first spelling seen.
    pub async fn note_site(&self, site: &str) -> Result<(), StoreError> {
        let mut item = keys("SITES", name::key(site));
        item.insert("name".into(), s(site));
        match self.put_if(item, Some("attribute_not_exists(pk)")).await {
            Err(StoreError::Conflict) => Ok(()),
            done => done,
        }
    }

    /// The names of all sites.
    pub async fn sites(&self) -> Result<Vec<String>, StoreError> {
        let items = self.prefixed("SITES".into(), "").await?;
        items.iter().map(|item| item.text("name").map(str::to_owned)).collect()
    }

    /// The readings of a series between two times, both included.
    pub async fn readings(&self, entry: &Entry, from: i64, to: i64) -> Result<Merged, StoreError> {
        let segments = self.segments(&entry.id, entry.classes, from, to).await?;
        Ok(Merged::new(&entry.id, segments, from, to))
    }

    /// The readings that a verdict needs, neighbours included.
    pub async fn context(&self, entry: &Entry, context: Context) -> Result<Merged, StoreError> {
        let (from, to) = self.context_span(entry, context).await?;
        self.readings(entry, from, to).await
    }

    /// The first and the last time of what a verdict needs, neighbours included.
    pub async fn context_span(&self, entry: &Entry, context: Context) -> Result<(i64, i64), StoreError> {
        let (mut from, mut to) = (context.from, context.to.saturating_sub(1));
        if context.neighbours > 0 {
            from = self.reach(entry, from, context.neighbours, false).await?;
            to = self.reach(entry, to, context.neighbours, true).await?;
        }
        Ok((from, to))
    }

    /// The time up to which one has to read from `start` on to meet `count` readings, or the end of the series.
    async fn reach(&self, entry: &Entry, start: i64, count: usize, forward: bool) -> Result<i64, StoreError> {
        let mut step = domain::time::HOUR;
        loop {
            let (low, high) = if forward {
                (start.saturating_add(1), start.saturating_add(step))
            } else {
                (start.saturating_sub(step), start - 1)
            };
            let mut merged = self.readings(entry, low, high).await?;
            let mut found = 0;
            while let Some(piece) = merged.next_piece()? {
                found += piece.len();
            }
            let exhausted = if forward { high >= entry.latest.time } else { low <= entry.first };
            if found >= count || exhausted {
                return Ok(if forward { high } else { low });
            }
            step = step.saturating_mul(8);
        }
    }
}

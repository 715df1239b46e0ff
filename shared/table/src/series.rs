//! The directory of series, and the readings behind it.

use super::item::{n, s};
use super::retry::Backoff;
use super::segments::{Merged, Order, View, class, has_local, have_overlap};
use super::write::{Transaction, Values, values};
use super::{Item, ItemExt, Store, StoreError, feed, keys};
use domain::columns::{Columns, Row};
use domain::evaluate::{Rule, rules_for};
use domain::highest::Highest;
use domain::history::History;
use domain::name;
use domain::reading::{Flags, Mark, Series};
use domain::time::TimeKind;
use domain::unit::MAX_SERIES_UNITS;
use std::borrow::Cow;
use std::time::Duration;

/// How long a change of an entry is retried while others change it too.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of a series without reading its segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its identity, in the first spelling seen.
    pub series: Series,
    /// The time of the earliest reading, as stored.
    pub first: i64,
    /// Whether that is a local time.
    first_is_local: bool,
    /// The latest reading, with its time as stored; its flags' unit index is 0.
    pub latest: Row,
    /// The unit of the latest reading.
    pub unit: String,
    /// All units of its readings, at most [`MAX_SERIES_UNITS`]. Entries of earlier versions have only the latest.
    pub units: Vec<String>,
    /// Whether readings brought limits of their own.
    pub carries_limits: bool,
    /// Whether some times are local, so that their moments depend on the site's time zone.
    pub has_local: bool,
    /// Whether times are numbers of hours: its days are then not calendar days. The first reading decides.
    pub in_hours: bool,
    /// The highest value so far; absent in entries of earlier program versions.
    pub highest: Option<Highest>,
    /// The classes of its segments, as bits.
    pub classes: u8,
    /// The segment that single readings are being appended to.
    pub tail: Option<Tail>,
    /// The order of the latest reading's segment: of two readings at one time, the one with the later order counts.
    latest_order: Order,
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

pub(crate) fn partition(site: &str) -> String {
    format!("SITE#{}", name::key(site))
}

/// Writes the names of a series into an item.
pub(crate) fn name_item(item: &mut Item, series: &Series) {
    let Series { site, outfall, parameter, base, variant } = series;
    let texts = [("site", site), ("outfall", outfall), ("parameter", parameter), ("base", base), ("variant", variant)];
    item.extend(texts.map(|(name, text)| (name.to_owned(), s(text))));
}

/// The names of a series that an item has.
pub(crate) fn named(item: &Item) -> Result<Series, StoreError> {
    Ok(Series {
        site: item.text("site")?.into(),
        outfall: item.text("outfall")?.into(),
        parameter: item.text("parameter")?.into(),
        base: item.text("base")?.into(),
        variant: item.text("variant")?.into(),
    })
}

impl Entry {
    /// The entry of a series that is about to get its first readings.
    pub fn new(series: Series) -> Self {
        Self {
            id: series.id(),
            series,
            first: i64::MAX,
            first_is_local: false,
            latest: Row { time: i64::MIN, value: 0.0, flags: Flags::default(), limit: 0.0, sample: 0 },
            unit: String::new(),
            units: Vec::new(),
            carries_limits: false,
            has_local: false,
            in_hours: false,
            highest: None,
            classes: 0,
            tail: None,
            latest_order: Order { revision: 0, index: 0 },
            version: 0,
        }
    }

    /// Adds readings that are being stored as one segment.
    pub fn note(&mut self, columns: &Columns, order: Order) {
        let Some((first, last)) = columns.span() else { return };
        if self.is_new() {
            self.in_hours = columns.flags.first().is_some_and(|flags| flags.kind() == TimeKind::Hours);
        }
        self.has_local |= has_local(columns);
        self.classes |= 1 << class(first, last);
        self.note_first(first, columns.flags[0].kind().is_local());
        self.highest = Highest::of(self.highest.take(), Highest::among(columns));
        self.carries_limits |= columns.flags.iter().any(|flags| flags.limit().is_some());
        self.note_units(columns.units.iter().map(|unit| &**unit));
        if (last, order) >= (self.latest.time, self.latest_order) {
            // Columns are in time order, so the last one is the latest.
            let index = columns.len() - 1;
            self.latest = columns.row(index);
            self.latest.flags = self.latest.flags.with_unit(0);
            self.latest_order = order;
            self.unit = columns.unit_of(index).to_owned();
        }
    }

    /// Merges another entry of the same series.
    pub fn merge(&mut self, other: &Self) {
        if self.is_new() {
            self.in_hours = other.in_hours;
        }
        self.has_local |= other.has_local;
        self.classes |= other.classes;
        self.note_first(other.first, other.first_is_local);
        self.highest = Highest::of(self.highest.take(), other.highest.clone());
        self.carries_limits |= other.carries_limits;
        self.note_units(other.units.iter().map(String::as_str));
        if (other.latest.time, other.latest_order) >= (self.latest.time, self.latest_order) {
            (self.latest, self.latest_order) = (other.latest, other.latest_order);
            self.unit.clone_from(&other.unit);
        }
    }

    fn note_first(&mut self, first: i64, is_local: bool) {
        if first < self.first {
            (self.first, self.first_is_local) = (first, is_local);
        }
    }

    fn note_units<'a>(&mut self, units: impl Iterator<Item = &'a str>) {
        for unit in units {
            if !self.units.iter().any(|known| known == unit) && self.units.len() < MAX_SERIES_UNITS {
                self.units.push(unit.to_owned());
            }
        }
    }

    /// Whether the series has room for a reading in this unit.
    pub fn takes_unit(&self, unit: &str) -> bool {
        self.units.len() < MAX_SERIES_UNITS || self.units.iter().any(|known| known == unit)
    }

    /// The revision of its latest reading: for readings from a file, the file's revision.
    pub(crate) fn revision(&self) -> u64 {
        self.latest_order.revision
    }

    /// Whether it has no readings yet.
    pub fn is_new(&self) -> bool {
        self.first > self.latest.time
    }

    /// The moment of the first reading.
    pub fn first_moment(&self, view: &View) -> i64 {
        if self.first_is_local { view.calendar.moment(self.first, TimeKind::Local, false) } else { self.first }
    }

    /// The moment of the latest reading.
    pub fn latest_moment(&self, view: &View) -> i64 {
        let Row { time, flags, .. } = self.latest;
        if flags.kind().is_local() { view.calendar.moment(time, TimeKind::Local, flags.has(Mark::Fold)) } else { time }
    }

    /// The range of all its readings' times.
    pub fn span(&self, view: &View) -> (i64, i64) {
        view.stretch((self.first, self.latest.time), self.has_local)
    }

    /// All rules for it.
    pub fn rules(&self, history: &History) -> Vec<Rule> {
        if self.in_hours && !history.calendar.is_utc() {
            return rules_for(&self.series, &history.in_utc(), self.carries_limits);
        }
        rules_for(&self.series, history, self.carries_limits)
    }

    /// A series' stored entry, if any, with units of a file: all, or as many as there is room for; and how many of them
    /// are new.
    pub fn with_units(stored: Option<Self>, series: &Series, units: &[impl AsRef<str>]) -> (Self, usize) {
        let mut entry = stored.unwrap_or_else(|| Self::new(series.clone()));
        let known = entry.units.len();
        entry.note_units(units.iter().map(AsRef::as_ref));
        let more = entry.units.len() - known;
        (entry, more)
    }

    /// The stored entry merged with this one; `None` if that changes nothing.
    pub(crate) fn merged_into(&self, stored: Option<&Self>) -> Option<Self> {
        let mut merged = stored.cloned().unwrap_or_else(|| Self::new(self.series.clone()));
        merged.merge(self);
        (stored != Some(&merged)).then_some(merged)
    }

    fn to_item(&self) -> Item {
        let mut item = keys(partition(&self.series.site), format!("SERIES#{}", self.id));
        name_item(&mut item, &self.series);
        item.insert("unit".into(), s(&self.unit));
        let numbers = [
            ("first", n(self.first)),
            ("last", n(self.latest.time)),
            // As text, which preserves every bit.
            ("value", s(self.latest.value.to_string())),
            ("limit", s(self.latest.limit.to_string())),
            ("fl", n(self.latest.flags.0)),
            ("sample", n(self.latest.sample)),
            ("carries", n(u8::from(self.carries_limits))),
            ("local", n(u8::from(self.has_local))),
            ("first_local", n(u8::from(self.first_is_local))),
            ("hours", n(u8::from(self.in_hours))),
            ("classes", n(self.classes)),
            ("lr", n(self.latest_order.revision)),
            ("li", n(self.latest_order.index)),
            ("version", n(self.version)),
        ];
        item.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        item.insert("units".into(), s(self.units.join("\n")));
        if let Some(Highest { value, unit }) = &self.highest {
            item.insert("highest".into(), s(value.to_string()));
            item.insert("highest_unit".into(), s(unit));
        }
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

    pub(crate) fn from_item(item: &Item) -> Result<Self, StoreError> {
        let series = named(item)?;
        let float = |name| item.text(name)?.parse::<f64>().map_err(|error| item.damaged(error));
        let latest = Row {
            time: item.number("last")?,
            value: float("value")?,
            flags: match item.contains_key("fl") {
                true => Flags(item.number("fl")?),
                // From earlier versions.
                false => Flags::of_16_bits(item.number("flags")?),
            },
            limit: float("limit")?,
            sample: item.number_or("sample", 0)?,
        };
        let tail = match item.contains_key("tr") {
            true => Some(Tail {
                order: Order { revision: item.number("tr")?, index: item.number("ti")? },
                first: item.number("tf")?,
                last: item.number("tl")?,
            }),
            false => None,
        };
        let highest = match item.contains_key("highest") {
            true => Some(Highest { value: float("highest")?, unit: item.text("highest_unit")?.into() }),
            false => None,
        };
        let unit = item.text("unit")?;
        let units = item.text("units").unwrap_or(unit).split('\n').map(str::to_owned).collect();
        Ok(Self {
            id: series.id(),
            series,
            first: item.number("first")?,
            first_is_local: item.number_or::<u8>("first_local", 0)? == 1,
            latest,
            unit: unit.into(),
            units,
            carries_limits: item.number::<u8>("carries")? == 1,
            has_local: item.number_or::<u8>("local", 0)? == 1,
            in_hours: item.number_or("hours", u8::from(latest.flags.kind() == TimeKind::Hours))? == 1,
            highest,
            classes: item.number("classes")?,
            tail,
            latest_order: Order { revision: item.number_or("lr", 0)?, index: item.number_or("li", 0)? },
            version: item.number("version")?,
        })
    }

    /// Adds the write of this entry to a transaction, which fails if the entry was changed since it was read.
    pub(crate) fn write(&mut self, store: &Store, transaction: &mut Transaction) -> Result<(), StoreError> {
        let (condition, values) = self.unchanged();
        self.version += 1;
        transaction.put_if(store, self.to_item(), Some(condition), values)
    }

    fn unchanged(&self) -> (&'static str, Values) {
        match self.version {
            0 => ("attribute_not_exists(pk)", Values::new()),
            version => ("version = :version", values([(":version", n(version))])),
        }
    }
}

impl Store {
    /// All series of a site that have readings.
    pub async fn series_of(&self, site: &str) -> Result<Vec<Entry>, StoreError> {
        let all = self.prefixed(partition(site), "SERIES#").await?;
        let entries = all.iter().map(Entry::from_item);
        entries.filter(|entry| !entry.as_ref().is_ok_and(Entry::is_new)).collect()
    }

    /// One series, if it has readings.
    pub async fn series(&self, site: &str, id: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.directory_entry(site, id).await?.filter(|entry| !entry.is_new()))
    }

    /// The directory's entry for a series, which may have nothing but reserved units.
    pub async fn directory_entry(&self, site: &str, id: &str) -> Result<Option<Entry>, StoreError> {
        self.get(partition(site), format!("SERIES#{id}")).await?.as_ref().map(Entry::from_item).transpose()
    }

    /// The directory's entry for a series, with units of a file: all, or as many as there is room for. Reserves them,
    /// so that concurrent files do not exceed the maximum together.
    pub async fn reserve_units(&self, series: &Series, units: &[impl AsRef<str>]) -> Result<Entry, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let (mut entry, more) = self.with_units(series, units).await?;
            // Most series have one unit for ever: that reservation is not worth a write.
            if more == 0 || entry.units.len() == 1 {
                return Ok(entry);
            }
            let mut transaction = Transaction::default();
            entry.write(self, &mut transaction)?;
            let head = self.head_to_write(&series.site).await?;
            feed::demand_revision(self, &mut transaction, &series.site, head.first_revision)?;
            match self.commit(transaction).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {}
                done => return done.map(|()| entry),
            }
        }
    }

    /// The entry of a series with units of a file, and how many of them are new.
    async fn with_units(&self, series: &Series, units: &[impl AsRef<str>]) -> Result<(Entry, usize), StoreError> {
        let stored = self.directory_entry(&series.site, &series.id()).await?;
        Ok(Entry::with_units(stored, series, units))
    }

    /// Enters what `known` knows into the directory. Repeating it changes nothing.
    pub async fn merge_series(&self, known: &Entry) -> Result<Entry, StoreError> {
        let mut backoff = Backoff::default();
        loop {
            let stored = self.directory_entry(&known.series.site, &known.id).await?;
            let Some(mut merged) = known.merged_into(stored.as_ref()) else {
                return Ok(stored.unwrap_or_else(|| known.clone()));
            };
            let mut transaction = Transaction::default();
            merged.write(self, &mut transaction)?;
            feed::demand_revision(self, &mut transaction, &known.series.site, known.revision())?;
            match self.commit(transaction).await {
                Err(StoreError::Conflict) if backoff.wait(PATIENCE).await => {
                    if !self.counts(&known.series.site, known.revision()).await? {
                        return Err(StoreError::BeingRemoved);
                    }
                }
                done => return done.map(|()| merged),
            }
        }
    }

    /// The readings of a series between two times, both included: all that there were when `entry` was read, and
    /// perhaps later ones.
    pub async fn readings(&self, entry: &Entry, view: &View, range: (i64, i64)) -> Result<Merged, StoreError> {
        let mut known = Cow::Borrowed(entry);
        loop {
            let segments = self.segments(&known.id, (known.classes, known.has_local), view, range).await?;
            let is_whole = known.tail.is_none_or(|tail| segments.iter().any(|segment| segment.order == tail.order));
            match self.moved(&known, (view, range), is_whole).await? {
                Some(now) => known = Cow::Owned(now),
                None => return Ok(Merged::new(&known.id, segments, range, view)),
            }
        }
    }

    /// Whether a stretch of a series has readings from more than one segment.
    pub async fn overlap_of(&self, entry: &Entry, view: &View, range: (i64, i64)) -> Result<bool, StoreError> {
        let mut known = Cow::Borrowed(entry);
        loop {
            let places = self.places(&known.id, (known.classes, known.has_local), view, range).await?;
            let is_whole = known.tail.is_none_or(|tail| places.iter().any(|(_, order)| *order == tail.order));
            match self.moved(&known, (view, range), is_whole).await? {
                Some(now) => known = Cow::Owned(now),
                None => return Ok(have_overlap(places.into_iter().map(|(stretch, _)| stretch))),
            }
        }
    }

    /// The entry to look up segments with instead of `known`, if the open one has moved. It moves as it grows, into a
    /// class that the series may not have had before: at most once into each.
    async fn moved(
        &self,
        known: &Entry,
        (view, range): (&View, (i64, i64)),
        is_whole: bool,
    ) -> Result<Option<Entry>, StoreError> {
        let reaches = |tail: Tail| {
            let (first, last) = view.stretch((tail.first, tail.last), known.has_local);
            last >= range.0 && first <= range.1
        };
        if is_whole || !known.tail.is_some_and(reaches) {
            return Ok(None);
        }
        let now = self.directory_entry(&known.series.site, &known.id).await?;
        Ok(now.filter(|now| now.classes != known.classes))
    }

    /// The readings that verdicts by some rules need, including neighbours; `None` without rules.
    pub async fn context(
        &self,
        entry: &Entry,
        view: &View,
        rules: &[Rule],
        touched: (i64, i64),
    ) -> Result<Option<Merged>, StoreError> {
        match self.context_span(entry, view, rules, touched).await? {
            Some(range) => Ok(Some(self.readings(entry, view, range).await?)),
            None => Ok(None),
        }
    }

    /// The range of readings that verdicts by some rules need, including neighbours; `None` without rules.
    pub async fn context_span(
        &self,
        entry: &Entry,
        view: &View,
        rules: &[Rule],
        touched: (i64, i64),
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let mut span: Option<(i64, i64)> = None;
        for rule in rules {
            let context = rule.context(touched);
            let (mut from, mut to) = (context.from, context.to.saturating_sub(1));
            if context.neighbours > 0 {
                from = self.reach((entry, view), rule, from, context.neighbours, false).await?;
                to = self.reach((entry, view), rule, to, context.neighbours, true).await?;
            }
            span = Some(span.map_or((from, to), |(first, last)| (first.min(from), last.max(to))));
        }
        Ok(span)
    }

    /// The time up to which one must read from `start` on to find `count` readings that the rule compares, or the end
    /// of the series.
    async fn reach(
        &self,
        (entry, view): (&Entry, &View),
        rule: &Rule,
        start: i64,
        count: usize,
        forward: bool,
    ) -> Result<i64, StoreError> {
        let mut step = domain::time::HOUR;
        let (first, last) = entry.span(view);
        loop {
            let (low, high) = if forward {
                (start.saturating_add(1), start.saturating_add(step))
            } else {
                (start.saturating_sub(step), start - 1)
            };
            let mut merged = self.readings(entry, view, (low, high)).await?;
            let mut found = 0;
            while let Some(piece) = merged.next_piece()? {
                found += rule.comparable(&piece, 0..piece.len());
            }
            let exhausted = if forward { high >= last } else { low <= first };
            if found >= count || exhausted {
                return Ok(if forward { high } else { low });
            }
            step = step.saturating_mul(8);
        }
    }
}

//! Reads a file without storing anything.

use super::{AT_ONCE, IngestError, Upload, blocking};
use crate::original::Original;
use domain::highest::Highest;
use domain::name;
use domain::reading::Series;
use domain::time::{self, TimeKind};
use formats::Shape;
use formats::plausible::TIMES;
use formats::reader::Rows;
use formats::report::Report;
use formats::row::Reading;
use formats::{Conventions, Options};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use table::series::Entry;
use table::{Store, StoreError};

/// The limits for reading a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The most rows that it may have.
    pub(super) rows: u64,
    /// When reading pauses.
    pub(super) until: Option<Instant>,
}

/// The clock is checked after so many rows.
const ROWS_A_LOOK: u64 = 65_536;

impl Bounds {
    /// Whether to continue reading a file with so many rows so far.
    #[inline]
    fn hold(&self, rows: u64) -> Result<(), IngestError> {
        if rows > self.rows {
            return Err(IngestError::TooManyRows { limit: self.rows });
        }
        match self.until {
            Some(until) if rows.is_multiple_of(ROWS_A_LOOK) && Instant::now() >= until => Err(IngestError::Paused),
            _ => Ok(()),
        }
    }
}

/// The result of the first reading of a file.
pub(super) struct Scanned {
    pub(super) shape: Shape,
    pub(super) report: Report,
    pub(super) sites: Vec<String>,
    /// The series with readings, in the order in which the file names them.
    pub(super) touched: Vec<Touched>,
    /// How the file is read.
    pub(super) options: Options,
}

/// A file's readings of a series.
pub(super) struct Touched {
    pub(super) series: Series,
    pub(super) readings: u64,
    pub(super) stretch: (i64, i64),
    pub(super) kind: TimeKind,
    pub(super) latest: f64,
    pub(super) unit: Arc<str>,
    /// The highest number, whatever its unit.
    highest: f64,
}

impl Touched {
    /// Whether some value may be ten times the highest before. Numbers in several units say little together.
    fn may_surprise(&self, highest: &Highest, brought: &[Arc<str>]) -> bool {
        let before = brought.first().filter(|_| brought.len() == 1).map(|unit| highest.in_unit(unit));
        before.is_none_or(|before| before.is_some_and(|before| before > 0.0 && self.highest >= before * TIMES))
    }
}

/// The units of series that have no room for others.
pub(super) type Units = HashMap<String, Vec<String>>;

/// Counts what each series gets while rows are read.
#[derive(Default)]
pub(super) struct Tally(Vec<Option<Counted>>);

struct Counted {
    readings: u64,
    stretch: (i64, i64),
    kind: TimeKind,
    latest: f64,
    unit: u16,
    highest: f64,
}

impl Tally {
    #[inline]
    pub(super) fn note(&mut self, reading: &Reading) {
        let at = reading.series as usize;
        if at >= self.0.len() {
            self.0.resize_with(at + 1, || None);
        }
        let row = reading.row;
        let fresh = || Counted {
            readings: 0,
            stretch: (row.time, row.time),
            kind: row.flags.kind(),
            latest: row.value,
            unit: reading.unit,
            highest: f64::NEG_INFINITY,
        };
        let counted = self.0[at].get_or_insert_with(fresh);
        counted.readings += 1;
        counted.highest = counted.highest.max(row.value);
        counted.stretch.0 = counted.stretch.0.min(row.time);
        if row.time >= counted.stretch.1 {
            (counted.stretch.1, counted.latest, counted.unit) = (row.time, row.value, reading.unit);
        }
    }
}

/// Reads a file until everything about its cells is known that only the whole file reveals. Rows whose units do not fit
/// into their series are refused, like other bad rows.
pub(super) async fn scan(
    store: &Store,
    mut original: Original,
    upload: &Upload,
    bounds: Bounds,
) -> Result<(Original, Scanned), IngestError> {
    let mut options = Options { site: upload.site.clone(), now: time::now(), ..Options::default() };
    let given = upload.site.as_deref().unwrap_or(name::DEFAULT_SITE);
    learn_zone(store, &mut options, given).await?;
    loop {
        let (same, read) = read(original, options.clone(), bounds).await?;
        original = same;
        if learn(store, &mut options, &read).await? {
            continue;
        }
        let Read { scanned, brought, .. } = read;
        let report = &scanned.report;
        if report.rows == 0 {
            return Err(IngestError::NoRows);
        }
        if report.rows_refused > 0 && (upload.strict || report.rows_refused == report.rows) {
            return Err(IngestError::Refused(Box::new(scanned.report)));
        }
        let mut known = look_up(store, &scanned, &brought, Room::Seen).await?;
        if known.full.is_empty() {
            // Others may have taken it meanwhile. Most series have one unit for ever, and need no reservation.
            known.full = look_up(store, &scanned, &brought, Room::Taken(known.several)).await?.full;
        }
        known.surprised.retain(|id, _| !options.highest.contains_key(id));
        if known.full.is_empty() && known.surprised.is_empty() {
            return Ok((original, scanned));
        }
        options.units.extend(known.full);
        options.highest.extend(known.surprised);
    }
}

/// Applies what a reading has revealed; returns whether the file must be read again.
async fn learn(store: &Store, options: &mut Options, read: &Read) -> Result<bool, StoreError> {
    let mut again = false;
    if read.learned != options.conventions {
        options.conventions = read.learned.clone();
        again = true;
    }
    for series in &read.wanted {
        let id = series.id();
        let MapEntry::Vacant(unknown) = options.conventions.stored_units.entry(id) else { continue };
        let stored = store.series(&series.site, unknown.key()).await?;
        unknown.insert(stored.filter(|entry| entry.units.len() == 1).map(|entry| entry.unit));
        again = true;
    }
    for site in &read.local_sites {
        again |= learn_zone(store, options, site).await?;
    }
    Ok(again)
}

/// Applies the time zone of a site; returns whether that changes how its times are read.
async fn learn_zone(store: &Store, options: &mut Options, site: &str) -> Result<bool, StoreError> {
    let key = name::key(site);
    if options.zones.contains_key(&key) {
        return Ok(false);
    }
    let calendar = store.permit(site).await?.history.calendar.clone();
    let is_new = !calendar.is_utc();
    options.zones.insert(key, calendar.zone().clone());
    Ok(is_new)
}

/// How to determine which units have room.
enum Room {
    /// Checks without writing: the file may still be refused.
    Seen,
    /// Reserves room in some series, so that concurrent files do not exceed the maximum together.
    Taken(Vec<usize>),
}

/// What the directory says about the series of a file.
struct Known {
    /// Series without room for all units of the file, with those that they accept: the stored ones, and the first of
    /// the file.
    full: Units,
    /// Series that then have several units.
    several: Vec<usize>,
    /// The highest values so far of the series for which values of the file may be surprising.
    surprised: HashMap<String, Highest>,
}

async fn look_up(store: &Store, scanned: &Scanned, brought: &[Vec<Arc<str>>], room: Room) -> Result<Known, StoreError> {
    let touched = &scanned.touched;
    let entries = match room {
        Room::Seen => seen(store, touched, brought).await?,
        Room::Taken(some) => {
            let taken = some.into_iter().map(|index| async move {
                let entry = store.reserve_units(&touched[index].series, &brought[index]).await?;
                Ok::<_, StoreError>((index, entry))
            });
            stream::iter(taken).buffered(AT_ONCE).try_collect().await?
        }
    };
    let mut known = Known { full: Units::new(), several: Vec::new(), surprised: HashMap::new() };
    for (index, Entry { id, units, highest, .. }) in entries {
        if let Some(highest) = highest.filter(|highest| touched[index].may_surprise(highest, &brought[index])) {
            known.surprised.insert(id.clone(), highest);
        }
        if units.len() > 1 {
            known.several.push(index);
        }
        if !brought[index].iter().all(|unit| units.iter().any(|known| **known == **unit)) {
            known.full.insert(id, units);
        }
    }
    Ok(known)
}

/// The directory's entries for the series of a file, with the units that it brings.
async fn seen(
    store: &Store,
    touched: &[Touched],
    brought: &[Vec<Arc<str>>],
) -> Result<Vec<(usize, Entry)>, StoreError> {
    let mut by_site: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for (index, touched) in touched.iter().enumerate() {
        by_site.entry(name::key(&touched.series.site)).or_default().push((index, touched.series.id()));
    }
    let looks = by_site.into_values().map(|of_site| async move {
        let (indices, ids): (Vec<usize>, Vec<String>) = of_site.into_iter().unzip();
        let mut stored = store.entries(&touched[indices[0]].series.site, &ids).await?;
        let entries = std::iter::zip(indices, ids).map(|(index, id)| {
            (index, Entry::with_units(stored.remove(&id), &touched[index].series, &brought[index]).0)
        });
        Ok::<_, StoreError>(entries.collect::<Vec<_>>())
    });
    let mut entries: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_concat().await?;
    // In the order of the file.
    entries.sort_unstable_by_key(|(index, _)| *index);
    Ok(entries)
}

/// The result of one reading of a file.
struct Read {
    scanned: Scanned,
    /// The units of each series.
    brought: Vec<Vec<Arc<str>>>,
    learned: Conventions,
    /// Series whose blank units depend on their stored readings.
    wanted: Vec<Series>,
    /// Sites with times in their own zone.
    local_sites: Vec<String>,
}

/// Reads a file once, in a way that is known to suit it.
pub(super) async fn scan_as(
    original: Original,
    options: Options,
    bounds: Bounds,
) -> Result<(Original, Scanned), IngestError> {
    let (original, read) = read(original, options, bounds).await?;
    Ok((original, read.scanned))
}

async fn read(mut original: Original, options: Options, bounds: Bounds) -> Result<(Original, Read), IngestError> {
    blocking(move || {
        let mut rows = Rows::open(original.rewind()?, &options)?;
        let (mut readings, mut tally) = (Vec::new(), Tally::default());
        while rows.next_row(&mut readings)? {
            readings.drain(..).for_each(|reading| tally.note(&reading));
            bounds.hold(rows.report.rows)?;
        }
        let (learned, local_sites) = (rows.learned(), rows.local_sites());
        let wanted = rows.wanted_units().into_iter().cloned().collect();
        let (scanned, brought) = tally.scanned(&rows, options);
        drop(rows);
        Ok((original, Read { scanned, brought, learned, wanted, local_sites }))
    })
    .await
}

impl Tally {
    /// The result of all rows of a file; and the units of each series.
    pub(super) fn scanned<R: io::Read>(self, rows: &Rows<R>, options: Options) -> (Scanned, Vec<Vec<Arc<str>>>) {
        let mut sites: Vec<String> = Vec::new();
        let (mut touched, mut brought) = (Vec::new(), Vec::new());
        for (index, series) in rows.series().iter().enumerate() {
            let Some(counted) = self.0.get(index).and_then(Option::as_ref) else { continue };
            if !sites.iter().any(|site| name::same(site, &series.site)) {
                sites.push(series.site.clone());
            }
            touched.push(Touched {
                series: series.clone(),
                readings: counted.readings,
                stretch: counted.stretch,
                kind: counted.kind,
                latest: counted.latest,
                unit: rows.units().get(usize::from(counted.unit)).cloned().unwrap_or_default(),
                highest: counted.highest,
            });
            brought.push(rows.units_of(index));
        }
        let scanned = Scanned { shape: rows.shape(), report: rows.report.clone(), sites, touched, options };
        (scanned, brought)
    }
}

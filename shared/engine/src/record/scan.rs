//! Reading a file without storing anything of it.

use super::{AT_ONCE, IngestError, Upload, blocking};
use crate::spool::Spooled;
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
use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::Arc;
use table::series::Entry;
use table::{Store, StoreError};

/// What the first reading of a file tells.
pub(super) struct Scanned {
    pub(super) shape: Shape,
    pub(super) report: Report,
    pub(super) sites: Vec<String>,
    /// The series with readings, in the order in which the file names them.
    pub(super) touched: Vec<Touched>,
    /// How the file is read.
    pub(super) options: Options,
}

/// What a file brings for a series.
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
    /// Whether some value may be ten times as high as all before. The numbers of several units say little together.
    fn may_surprise(&self, highest: &Highest, brought: &[Arc<str>]) -> bool {
        let before = brought.first().filter(|_| brought.len() == 1).map(|unit| highest.in_unit(unit));
        before.is_none_or(|before| before.is_some_and(|before| before > 0.0 && self.highest >= before * TIMES))
    }
}

/// Units by series, which have room for no others.
pub(super) type Units = HashMap<String, Vec<String>>;

/// Counts what each series gets while rows are read.
#[derive(Default)]
struct Tally(Vec<Option<Counted>>);

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
    fn note(&mut self, reading: &Reading) {
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

/// Reads a file, until all that only the whole of it tells about its cells is known. Rows whose units find no room in
/// their series are refused, as other bad ones are.
pub(super) async fn scan(
    store: &Store,
    mut spooled: Spooled,
    upload: &Upload,
    limit: u64,
) -> Result<(Spooled, Scanned), IngestError> {
    let mut options = Options { site: upload.site.clone(), now: time::now(), ..Options::default() };
    let given = upload.site.as_deref().unwrap_or(name::DEFAULT_SITE);
    learn_zone(store, &mut options, given).await?;
    loop {
        let (same, read) = read(spooled, options.clone(), limit).await?;
        spooled = same;
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
        let all = 0..scanned.touched.len();
        let mut known = look_up(store, &scanned, &brought, all, Room::Seen).await?;
        if known.full.is_empty() {
            // Others may have taken it meanwhile. Most series have one unit for ever: no room is made for that.
            known.full = look_up(store, &scanned, &brought, known.several.into_iter(), Room::Taken).await?.full;
        }
        known.surprised.retain(|id, _| !options.highest.contains_key(id));
        if known.full.is_empty() && known.surprised.is_empty() {
            return Ok((spooled, scanned));
        }
        options.units.extend(known.full);
        options.highest.extend(known.surprised);
    }
}

/// Takes over what a reading has taught; says whether the file is to be read again.
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

/// Takes over the time zone of a site; says whether that changes how its times are read.
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

/// How it is found out which units have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// It is looked, and nothing written: the file may still be refused.
    Seen,
    /// Room is made for them, so that files that come at once do not bring more than a series may have.
    Taken,
}

/// What the directory says of the series of a file.
struct Known {
    /// Those that have not room for all units of the file, with those that they take: what they have, and what comes first
    /// in the file.
    full: Units,
    /// Those that have several units then.
    several: Vec<usize>,
    /// The highest values so far of those for which values of the file may be a surprise.
    surprised: HashMap<String, Highest>,
}

async fn look_up(
    store: &Store,
    scanned: &Scanned,
    brought: &[Vec<Arc<str>>],
    some: impl Iterator<Item = usize>,
    room: Room,
) -> Result<Known, StoreError> {
    let touched = &scanned.touched;
    let look = some.map(|index| async move {
        let (series, brought) = (&touched[index].series, &brought[index]);
        let entry = match room {
            Room::Seen => store.entry_with_units(series, brought).await?,
            Room::Taken => store.reserve_units(series, brought).await?,
        };
        Ok::<_, StoreError>((index, entry))
    });
    let mut looks = std::pin::pin!(stream::iter(look).buffered(AT_ONCE));
    let mut known = Known { full: Units::new(), several: Vec::new(), surprised: HashMap::new() };
    while let Some((index, Entry { id, units, highest, .. })) = looks.try_next().await? {
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

/// What one reading of a file tells.
struct Read {
    scanned: Scanned,
    /// The units of each series.
    brought: Vec<Vec<Arc<str>>>,
    learned: Conventions,
    /// Series whose blank units only those that are stored can tell.
    wanted: Vec<Series>,
    /// Sites with times of the site's clock.
    local_sites: Vec<String>,
}

async fn read(mut spooled: Spooled, options: Options, limit: u64) -> Result<(Spooled, Read), IngestError> {
    blocking(move || {
        let mut rows = Rows::open(spooled.rewind()?, &options)?;
        let (mut readings, mut tally) = (Vec::new(), Tally::default());
        while rows.next_row(&mut readings)? {
            readings.drain(..).for_each(|reading| tally.note(&reading));
            if rows.report.rows > limit {
                return Err(IngestError::TooManyRows { limit });
            }
        }
        let mut sites: Vec<String> = Vec::new();
        let (mut touched, mut brought) = (Vec::new(), Vec::new());
        for (index, series) in rows.series().iter().enumerate() {
            let Some(counted) = tally.0.get(index).and_then(Option::as_ref) else { continue };
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
        let (shape, report, learned) = (rows.shape(), rows.report.clone(), rows.learned());
        let wanted = rows.wanted_units().into_iter().cloned().collect();
        let local_sites = rows.local_sites();
        drop(rows);
        let scanned = Scanned { shape, report, sites, touched, options };
        Ok((spooled, Read { scanned, brought, learned, wanted, local_sites }))
    })
    .await
}

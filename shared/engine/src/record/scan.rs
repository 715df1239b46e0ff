//! Reading a file without storing anything of it.

use super::{AT_ONCE, IngestError, Upload, blocking};
use crate::spool::Spooled;
use domain::name;
use domain::reading::Series;
use domain::time::TimeKind;
use formats::Shape;
use formats::reader::Rows;
use formats::report::Report;
use formats::row::Reading;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashMap;
use std::sync::Arc;
use table::{Store, StoreError};

/// What the first reading of a file tells.
pub(super) struct Scanned {
    pub(super) shape: Shape,
    pub(super) report: Report,
    pub(super) sites: Vec<String>,
    /// The series with readings, in the order in which the file names them.
    pub(super) touched: Vec<Touched>,
    /// The units that series may have, where the file has more than they have room for.
    pub(super) units: Units,
}

/// What a file brings for a series.
pub(super) struct Touched {
    pub(super) series: Series,
    pub(super) readings: u64,
    pub(super) stretch: (i64, i64),
    pub(super) kind: TimeKind,
    pub(super) latest: f64,
    pub(super) unit: Arc<str>,
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
        };
        let counted = self.0[at].get_or_insert_with(fresh);
        counted.readings += 1;
        counted.stretch.0 = counted.stretch.0.min(row.time);
        if row.time >= counted.stretch.1 {
            (counted.stretch.1, counted.latest, counted.unit) = (row.time, row.value, reading.unit);
        }
    }
}

/// Reads a file. Rows whose units find no room in their series are refused, as other bad ones are.
pub(super) async fn scan(
    store: &Store,
    mut spooled: Spooled,
    upload: &Upload,
    limit: u64,
) -> Result<(Spooled, Scanned), IngestError> {
    let mut full = Units::new();
    loop {
        let (same, scanned, brought) = read(spooled, upload, limit, full.clone()).await?;
        spooled = same;
        let report = &scanned.report;
        if report.rows == 0 {
            return Err(IngestError::NoRows);
        }
        if report.rows_refused > 0 && (upload.strict || report.rows_refused == report.rows) {
            return Err(IngestError::Refused(Box::new(scanned.report)));
        }
        let all = 0..scanned.touched.len();
        let (mut more, several) = full_series(store, &scanned, &brought, all, Room::Seen).await?;
        if more.is_empty() {
            // Others may have taken it meanwhile. Most series have one unit for ever: no room is made for that.
            more = full_series(store, &scanned, &brought, several.into_iter(), Room::Taken).await?.0;
        }
        if more.is_empty() {
            return Ok((spooled, scanned));
        }
        full.extend(more);
    }
}

/// How it is found out which units have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// It is looked, and nothing written: the file may still be refused.
    Seen,
    /// Room is made for them, so that files that come at once do not bring more than a series may have.
    Taken,
}

/// Of some series those that have not room for all units of the file, with those that they take: what they have, and what
/// comes first in the file. And those that have several units then.
async fn full_series(
    store: &Store,
    scanned: &Scanned,
    brought: &[Vec<Arc<str>>],
    some: impl Iterator<Item = usize>,
    room: Room,
) -> Result<(Units, Vec<usize>), StoreError> {
    let touched = &scanned.touched;
    let look = some.map(|index| async move {
        let (series, brought) = (&touched[index].series, &brought[index]);
        let units = match room {
            Room::Seen => store.units_with(series, brought).await?,
            Room::Taken => store.reserve_units(series, brought).await?,
        };
        let has = |unit: &Arc<str>| units.iter().any(|known| **known == **unit);
        let several = (units.len() > 1).then_some(index);
        Ok::<_, StoreError>(((!brought.iter().all(has)).then(|| (series.id(), units)), several))
    });
    let found: Vec<_> = stream::iter(look).buffered(AT_ONCE).try_collect().await?;
    let (full, several): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    Ok((full.into_iter().flatten().collect(), several.into_iter().flatten().collect()))
}

async fn read(
    mut spooled: Spooled,
    upload: &Upload,
    limit: u64,
    units: Units,
) -> Result<(Spooled, Scanned, Vec<Vec<Arc<str>>>), IngestError> {
    let site = upload.site.clone();
    blocking(move || {
        let mut rows = Rows::open(spooled.rewind()?, site.as_deref())?.with_units(units.clone());
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
            });
            brought.push(rows.units_of(index));
        }
        let (shape, report) = (rows.shape(), rows.report.clone());
        drop(rows);
        Ok((spooled, Scanned { shape, report, sites, touched, units }, brought))
    })
    .await
}

//! Reading a file without storing anything of it.

use super::{AT_ONCE, IngestError, Upload, blocking};
use crate::spool::Spooled;
use domain::name;
use domain::reading::Series;
use domain::time::TimeKind;
use domain::unit::MAX_SERIES_UNITS;
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
    spooled: Spooled,
    upload: &Upload,
    limit: u64,
) -> Result<(Spooled, Scanned), IngestError> {
    let (spooled, scanned, brought) = read(spooled, upload, limit, Units::new()).await?;
    let full = full_series(store, &scanned, brought).await?;
    let (spooled, scanned) = if full.is_empty() {
        (spooled, scanned)
    } else {
        let (spooled, scanned, _) = read(spooled, upload, limit, full).await?;
        (spooled, scanned)
    };
    let report = &scanned.report;
    if report.rows == 0 {
        return Err(IngestError::NoRows);
    }
    if report.rows_refused > 0 && (upload.strict || report.rows_refused == report.rows) {
        return Err(IngestError::Refused(Box::new(scanned.report)));
    }
    Ok((spooled, scanned))
}

/// The series that have not room for all units of the file, with those that they take: what they have, and what comes
/// first in the file.
async fn full_series(store: &Store, scanned: &Scanned, brought: Vec<Vec<Arc<str>>>) -> Result<Units, StoreError> {
    // Most series have one unit, in the file as before: where the file alone brings no more than a few, it is looked
    // whether the series has many.
    let (touched, brought) = (&scanned.touched, &brought);
    let look = (0..touched.len()).map(|index| async move {
        let (series, brought) = (&touched[index].series, &brought[index]);
        let known = store.series(&series.site, &series.id()).await?.map_or_else(Vec::new, |entry| entry.units);
        let mut units = known;
        let mut is_full = false;
        for unit in brought {
            if units.iter().any(|known| **known == **unit) {
                continue;
            }
            if units.len() < MAX_SERIES_UNITS {
                units.push(unit.to_string());
            } else {
                is_full = true;
            }
        }
        Ok::<_, StoreError>(is_full.then(|| (series.id(), units)))
    });
    let found: Vec<_> = stream::iter(look).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
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

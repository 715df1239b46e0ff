//! The points of a fit.

use crate::task::{PointsFrom, SeriesRange, Task, unpacked};
use chemistry::question::Points;
use domain::name::{self, NameError};
use domain::range::{Range, RangeError};
use domain::reading::{Mark, Qualifier};
use domain::time::HOUR;
use engine::terms::Terms;
use table::segments::Merged;
use table::series::Entry;
use table::{Store, StoreError};

/// The most points: they are held in memory while they are fitted, with their residuals.
const MOST: usize = 2_000_000;
/// The ids of series are shorter.
const MOST_OF_ID: usize = 64;

/// Why there are no points.
#[derive(Debug, thiserror::Error)]
pub enum NoPoints {
    /// The site's name.
    #[error("site: {0}")]
    Site(NameError),
    /// The site has no series with this id.
    #[error("the site has no such series; GET /api/series lists them")]
    NoSeries,
    /// The time range cannot be read.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The series has no readings in the range.
    #[error("the series has no readings in this time")]
    Nothing,
    /// Readings that cannot be compared.
    #[error("its readings are in {0} and in {1}; ask for a time in which they have one unit")]
    Units(String, String),
    /// More than are held in memory.
    #[error("there are more than {MOST} readings; ask for a shorter time")]
    TooMany,
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A series, its time range, and how it is viewed.
pub(crate) struct Found {
    entry: Entry,
    terms: Terms,
    stretch: (i64, i64),
}

/// Checks a series before its readings are read.
pub async fn check(store: &Store, series: &SeriesRange) -> Result<(), NoPoints> {
    found(store, series).await.map(drop)
}

async fn found(store: &Store, series: &SeriesRange) -> Result<Found, NoPoints> {
    let site = name::check(&series.site).map_err(NoPoints::Site)?;
    if series.series.is_empty() || series.series.len() > MOST_OF_ID {
        return Err(NoPoints::NoSeries);
    }
    let entry = store.series(site, &series.series).await?.ok_or(NoPoints::NoSeries)?;
    let terms = Terms::load(store, site).await?;
    let asked = Range::read(series.from.as_deref(), series.to.as_deref(), &terms.view.calendar)?;
    let (first, last) = entry.span(&terms.view);
    let stretch = (asked.from.max(first), asked.to.min(last));
    if stretch.0 > stretch.1 {
        return Err(NoPoints::Nothing);
    }
    Ok(Found { entry, terms, stretch })
}

/// Points as they are stored. Unpacking a million of them takes time: the fitting thread does it.
pub(crate) enum Packed {
    /// Numbers, and whether each point has a standard deviation.
    Points(Vec<u8>, bool),
    /// Readings of a series.
    Readings(Merged),
}

/// The points that a task is about.
pub(crate) async fn of(store: &Store, id: &str, task: &Task) -> Result<Packed, NoPoints> {
    Ok(match &task.from {
        PointsFrom::Points { with_sigma } => Packed::Points(store.fit_points(id).await?, *with_sigma),
        PointsFrom::Series(series) => {
            let found = found(store, series).await?;
            Packed::Readings(store.readings(&found.entry, &found.terms.view, found.stretch).await?)
        }
    })
}

impl Packed {
    /// The points, and for those of a series the unit of y.
    pub(crate) fn unpacked(self) -> Result<(Points, Option<String>), NoPoints> {
        match self {
            Self::Points(bytes, with_sigma) => {
                let points = unpacked(&bytes, with_sigma).ok_or_else(|| {
                    let reason = "the points are not whole".to_owned();
                    StoreError::Damaged { key: "points of a fit".to_owned(), reason }
                })?;
                Ok((points, None))
            }
            Self::Readings(readings) => of_series(readings),
        }
    }
}

/// Hours since the first reading, and values. Non-detects and quality control are left out.
fn of_series(mut readings: Merged) -> Result<(Points, Option<String>), NoPoints> {
    let mut points = Points::default();
    let (mut begin, mut unit) = (None, None::<String>);
    while let Some(piece) = readings.next_piece()? {
        for index in 0..piece.len() {
            let (time, flags) = (piece.times[index], piece.flags[index]);
            let begin = *begin.get_or_insert(time);
            if flags.qualifier() != Qualifier::Equal || flags.has(Mark::QualityControl) {
                continue;
            }
            let of_it = piece.unit_of(index);
            let unit = unit.get_or_insert_with(|| of_it.to_owned());
            if unit != of_it {
                return Err(NoPoints::Units(unit.clone(), of_it.to_owned()));
            }
            points.x.push((time - begin) as f64 / HOUR as f64);
            points.y.push(piece.values[index]);
        }
        if points.x.len() > MOST {
            return Err(NoPoints::TooMany);
        }
    }
    Ok((points, unit))
}

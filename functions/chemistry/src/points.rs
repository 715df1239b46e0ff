//! The points of a fit.

use crate::task::{From, Series, Task, unpacked};
use chemistry::question::Points;
use domain::reading::{Mark, Qualifier};
use domain::time::HOUR;
use engine::terms::Terms;
use table::series::Entry;
use table::{Store, StoreError};
use web::range::Range;

/// The most points: they are held in memory while they are fitted, with their residuals.
pub(crate) const MOST: usize = 2_000_000;

/// Why there are no points.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPoints {
    #[error("the site has no such series; GET /api/series lists them")]
    NoSeries,
    #[error("{0}")]
    Range(String),
    #[error("its readings are in {0} and in {1}")]
    Units(String, String),
    #[error("there are more than {MOST} readings; ask for a shorter time")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The points that a task is about.
pub(crate) async fn of(store: &Store, id: &str, task: &Task) -> Result<Points, NoPoints> {
    match &task.from {
        From::Points { with_sigma } => {
            let bytes = store.fit_points(id).await?;
            unpacked(&bytes, *with_sigma).ok_or_else(|| {
                let reason = "the points are not whole".to_owned();
                StoreError::Damaged { key: format!("fit {id}"), reason }.into()
            })
        }
        From::Series(series) => of_series(store, series).await,
    }
}

/// The series that is meant, and when. What is wrong with it can be said before its readings are looked at.
pub(crate) async fn found(store: &Store, series: &Series) -> Result<(Entry, Terms, Range), NoPoints> {
    let entry = store.series(&series.site, &series.series).await?.ok_or(NoPoints::NoSeries)?;
    let terms = Terms::load(store, &series.site).await?;
    let asked = Range::read(series.from.as_deref(), series.to.as_deref(), &terms.view.calendar);
    let asked = asked.map_err(|error| NoPoints::Range(error.message().to_owned()))?;
    Ok((entry, terms, asked))
}

/// Hours since the first reading, and values. Non-detects are no values, and blanks, spikes and the like are none of the
/// effluent.
async fn of_series(store: &Store, series: &Series) -> Result<Points, NoPoints> {
    let (entry, terms, asked) = found(store, series).await?;
    let (first, last) = entry.span(&terms.view);
    let mut points = Points::default();
    let (mut begin, mut unit) = (None, None::<String>);
    let mut readings = store.readings(&entry, &terms.view, (asked.from.max(first), asked.to.min(last))).await?;
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
        tokio::task::yield_now().await;
    }
    Ok(points)
}

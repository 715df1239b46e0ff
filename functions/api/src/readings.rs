//! `GET /api/readings`.

use crate::Api;
use crate::downsample::Downsample;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::domain::columns::Row;
use shared::domain::reading::Qualifier;
use shared::domain::time::{self, Shown};
use shared::http::error::ErrorEnvelope;
use shared::http::query::Query;
use shared::http::{ApiError, ApiResult};
use utoipa::{IntoParams, ToSchema};

/// The most points in one answer.
const MAX_POINTS: usize = 100_000;
/// How many without being asked.
const DEFAULT_POINTS: usize = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// The site.
    site: String,
    /// The id of a series, from `GET /api/series`.
    series: String,
    /// The first time, hours or RFC 3339; the beginning if absent.
    from: Option<String>,
    /// The last time, included; the end if absent.
    to: Option<String>,
    /// The most points wanted, 2 to 100000; 1000 if absent.
    max_points: Option<usize>,
}

/// Readings of one series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readings {
    /// The series.
    series: String,
    /// Readings or, if there are more than `max_points`, the lowest and highest of each stretch.
    readings: Vec<Point>,
    /// How many readings there are in the range.
    total: u64,
    /// Whether `readings` are fewer.
    downsampled: bool,
    /// Always null: the answer is complete.
    next: Option<String>,
}

/// A reading.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    #[schema(value_type = Object)]
    time: Shown,
    value: f64,
    unit: String,
    qualifier: Qualifier,
    /// The limit that came with the reading, in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
}

/// Readings of one series in time order, thinned so that peaks survive.
#[utoipa::path(
    get, path = "/api/readings", tag = "readings", params(Options),
    responses(
        (status = 200, body = Readings),
        (status = 400, description = "A parameter is missing or not as expected", body = ErrorEnvelope),
        (status = 404, description = "No such series", body = ErrorEnvelope),
    )
)]
pub(crate) async fn get_readings(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Readings>> {
    let from = moment("from", options.from.as_deref())?.unwrap_or(i64::MIN);
    let to = moment("to", options.to.as_deref())?.unwrap_or(i64::MAX);
    let max_points = options.max_points.unwrap_or(DEFAULT_POINTS);
    if !(2..=MAX_POINTS).contains(&max_points) {
        return Err(ApiError::bad_request(format!("max_points: a number from 2 to {MAX_POINTS} is expected")));
    }
    let entry = api.store.series(&options.site, &options.series).await?;
    let entry = entry.ok_or_else(|| ApiError::not_found("the site has no such series; GET /api/series lists them"))?;
    let (from, to) = (from.max(entry.first), to.min(entry.latest.time));
    let mut points = Downsample::new(max_points, from, to);
    if from <= to {
        let mut readings = api.store.readings(&entry, from, to).await?;
        while let Some(piece) = readings.next_piece()? {
            points.feed(&piece);
            tokio::task::yield_now().await;
        }
    }
    let (points, total) = points.finish();
    let downsampled = (points.len() as u64) < total;
    let readings = points.into_iter().map(|(row, unit)| point(row, unit)).collect();
    Ok(Json(Readings { series: entry.id, readings, total, downsampled, next: None }))
}

fn point(row: Row, unit: String) -> Point {
    let limit = row.flags.limit().map(|_| row.limit);
    Point { time: row.shown_time(), value: row.value, unit, qualifier: row.flags.qualifier(), limit }
}

/// A time in the query.
pub(crate) fn moment(name: &str, text: Option<&str>) -> ApiResult<Option<i64>> {
    let read = |text| time::from_text(text).map_err(|error| ApiError::bad_request(format!("{name}={text:?}: {error}")));
    text.map(|text| read(text).map(|(micros, _)| micros)).transpose()
}

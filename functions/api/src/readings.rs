//! `GET /api/readings`.

use crate::Api;
use crate::downsample::Downsample;
use axum::Json;
use axum::extract::State;
use domain::alert::Severity;
use domain::columns::Row;
use domain::evaluate::{Rule, rules_for};
use domain::reading::Qualifier;
use domain::time::{self, Shown};
use serde::{Deserialize, Serialize};
use table::series::Entry;
use utoipa::{IntoParams, ToSchema};
use web::error::ErrorEnvelope;
use web::query::{Query, cursor, read_cursor};
use web::{ApiError, ApiResult};

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
    /// `true`: every reading, `max_points` of them a page.
    #[serde(default)]
    every: bool,
    /// `next` of the page before, where every reading is wanted.
    cursor: Option<String>,
}

/// Readings of one series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readings {
    /// The series.
    series: String,
    /// Readings or, if there are more than `max_points`, the lowest and highest of each stretch.
    readings: Vec<Point>,
    /// How many readings there are in the range, or from this page on.
    total: u64,
    /// Whether `readings` are fewer.
    downsampled: bool,
    /// The cursor of the next page where every reading is wanted; null at the end.
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
    /// How grave it is beyond a limit for single readings; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
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
    let permit = api.store.permit(&options.site).await?.permit;
    let rules = rules_for(&entry.series, &permit, entry.carries_limits);
    let (from, to) = (from.max(entry.first), to.min(entry.latest.time));
    if options.every {
        let from = read_cursor(options.cursor.as_deref())?.map_or(Ok(from), |text| text.parse().map_err(bad_cursor))?;
        return Ok(Json(every(&api, entry, &rules, (from, to), max_points).await?));
    }
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
    let readings = points.into_iter().map(|(row, unit)| point(row, unit, &rules)).collect();
    Ok(Json(Readings { series: entry.id, readings, total, downsampled, next: None }))
}

/// A page of readings, none left out.
async fn every(api: &Api, entry: Entry, rules: &[Rule], (from, to): (i64, i64), count: usize) -> ApiResult<Readings> {
    let (mut page, mut total, mut next) = (Vec::new(), 0, None);
    if from <= to {
        let mut readings = api.store.readings(&entry, from, to).await?;
        while let Some(piece) = readings.next_piece()? {
            total += piece.len() as u64;
            let taken = piece.len().min(count - page.len());
            page.extend((0..taken).map(|index| point(piece.row(index), piece.unit_of(index).to_owned(), rules)));
            if taken < piece.len() && next.is_none() {
                next = Some(cursor(&piece.times[taken].to_string()));
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(Readings { series: entry.id, readings: page, total, downsampled: false, next })
}

fn bad_cursor(_: std::num::ParseIntError) -> ApiError {
    ApiError::bad_request("cursor: give what `next` was, unchanged")
}

fn point(row: Row, unit: String, rules: &[Rule]) -> Point {
    let limit = row.flags.limit().map(|_| row.limit);
    let severity = rules.iter().filter_map(|rule| rule.severity_of(row, &unit)).max();
    Point { time: row.shown_time(), value: row.value, unit, qualifier: row.flags.qualifier(), limit, severity }
}

/// A time in the query.
pub(crate) fn moment(name: &str, text: Option<&str>) -> ApiResult<Option<i64>> {
    let read = |text| time::from_text(text).map_err(|error| ApiError::bad_request(format!("{name}={text:?}: {error}")));
    text.map(|text| read(text).map(|(micros, _)| micros)).transpose()
}

//! `GET /api/readings`.

use crate::Api;
use crate::downsample::Downsample;
use axum::Json;
use axum::extract::State;
use domain::alert::Severity;
use domain::columns::{Columns, Row};
use domain::evaluate::Rule;
use domain::name::Name;
use domain::range::Range;
use domain::reading::{Mark, Qualifier};
use domain::time::Shown;
use engine::terms::Terms;
use serde::{Deserialize, Serialize};
use table::StoreError;
use table::series::Entry;
use utoipa::{IntoParams, ToSchema};
use web::answer::{MAX_ANSWER_BYTES, Room, weight};
use web::error::ErrorEnvelope;
use web::moment::Moment;
use web::query::{Query, cursor, read_cursor};
use web::{ApiError, ApiResult};

/// The most points in one answer.
const MAX_POINTS: usize = 100_000;
/// The bytes of an answer that readings may take.
const MOST_OF_READINGS: usize = MAX_ANSWER_BYTES - 64 * 1024;
/// How many points if the request does not say.
const DEFAULT_POINTS: usize = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// The site.
    site: Name,
    /// The id of a series, from `GET /api/series`.
    series: String,
    /// The first time; the beginning if absent.
    #[param(value_type = Option<Moment>)]
    from: Option<String>,
    /// The last time, included; the end if absent.
    #[param(value_type = Option<Moment>)]
    to: Option<String>,
    /// The most points wanted; 1000 if absent. There are fewer if an answer has no room for them.
    #[param(minimum = 2, maximum = 100_000)]
    max_points: Option<usize>,
    /// `true`: every reading, at most `max_points` of them a page.
    #[serde(default)]
    every: bool,
    /// `next` of the previous page, with `every`.
    #[param(min_length = 1, format = "cursor")]
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
    /// The cursor of the next page, with `every`; null at the end.
    next: Option<String>,
}

/// A reading.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadingPoint)]
pub(crate) struct Point {
    time: Shown,
    value: f64,
    unit: String,
    qualifier: Qualifier,
    /// The limit that came with the reading, in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
    /// The severity, if it is beyond a limit for single readings.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    /// The laboratory's flags: `J`, `B` and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    flags: Vec<&'static str>,
    /// Whether it is of a quality-control sample, such as a blank or a spike, which is never judged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    quality_control: bool,
}

/// Readings of one series in time order, thinned without losing peaks.
#[utoipa::path(
    get, path = "/api/readings", tag = "readings", params(Options),
    responses(
        (status = 200, body = Readings),
        (status = 400, description = "A parameter is missing or not as expected", body = ErrorEnvelope),
        (status = 404, description = "No such series", body = ErrorEnvelope),
    )
)]
pub(crate) async fn get_readings(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Readings>> {
    let max_points = options.max_points.unwrap_or(DEFAULT_POINTS);
    if !(2..=MAX_POINTS).contains(&max_points) {
        return Err(ApiError::bad_request(format!("max_points: a number from 2 to {MAX_POINTS} is expected")));
    }
    let entry = api.store.series(&options.site, &options.series).await?;
    let entry = entry.ok_or_else(|| ApiError::not_found("the site has no such series; GET /api/series lists them"))?;
    let terms = Terms::load(&api.store, &options.site).await?;
    let rules = entry.rules(&terms.history);
    let asked = Range::read(options.from.as_deref(), options.to.as_deref(), &terms.view.calendar)?;
    let (first, last) = entry.span(&terms.view);
    let (from, to) = (asked.from.max(first), asked.to.min(last));
    if options.every {
        let from = read_cursor(options.cursor.as_deref())?.map_or(Ok(from), |text| time_of(&text))?;
        return Ok(Json(every(&api, entry, (&rules, &terms), (from, to), max_points).await?));
    }
    let mut most = max_points;
    let (readings, total) = loop {
        let (points, total) = thinned(&api, &entry, &terms, (from, to), most).await?;
        let points: Vec<_> = points.into_iter().map(|(row, unit)| point(row, unit, (&rules, &terms))).collect();
        match weight(&points) {
            bytes if bytes > MOST_OF_READINGS && points.len() > 2 => {
                // Thin again, to a little less than fits: units and flags are not spread evenly.
                most = (points.len() * (MOST_OF_READINGS / 1000) / (bytes / 1000) * 9 / 10).max(2);
            }
            _ => break (points, total),
        }
    };
    let downsampled = (readings.len() as u64) < total;
    Ok(Json(Readings { series: entry.id, readings, total, downsampled, next: None }))
}

async fn thinned(
    api: &Api,
    entry: &Entry,
    terms: &Terms,
    (from, to): (i64, i64),
    most: usize,
) -> Result<(Vec<(Row, String)>, u64), StoreError> {
    let mut points = Downsample::new(most, (from, to), &entry.unit);
    if from <= to {
        let mut readings = api.store.readings(entry, &terms.view, (from, to)).await?;
        while let Some(piece) = readings.next_piece()? {
            points.feed(&piece);
            tokio::task::yield_now().await;
        }
    }
    Ok(points.finish())
}

/// A page of all readings, without thinning.
async fn every(
    api: &Api,
    entry: Entry,
    (rules, terms): (&[Rule], &Terms),
    (from, to): (i64, i64),
    count: usize,
) -> ApiResult<Readings> {
    let (mut page, mut times, mut total, mut next) = (Vec::new(), Vec::new(), 0, None);
    if from <= to {
        let mut readings = api.store.readings(&entry, &terms.view, (from, to)).await?;
        while let Some(piece) = readings.next_piece()? {
            total += piece.len() as u64;
            let taken = if next.is_some() { 0 } else { whole_times(&piece, count - page.len()) };
            let shown = |index| point(piece.row(index), piece.unit_of(index).to_owned(), (rules, terms));
            page.extend((0..taken).map(shown));
            times.extend_from_slice(&piece.times[..taken]);
            if taken < piece.len() && next.is_none() {
                next = Some(cursor(&piece.times[taken].to_string()));
            }
            tokio::task::yield_now().await;
        }
    }
    let fitting = Room::of(&page);
    if let Some(&time) = times.get(fitting) {
        // Readings of the same time stay together, unless they are the first on the page.
        let whole = match times.partition_point(|other| *other < time) {
            0 => times.partition_point(|other| *other <= time),
            whole => whole,
        };
        next = times.get(whole).map(|time| cursor(&time.to_string())).or(next);
        page.truncate(whole);
    }
    Ok(Readings { series: entry.id, readings: page, total, downsampled: false, next })
}

/// How many readings of a piece fit into a page. Those of the same time stay together, because the next page begins
/// with a time; at least those of the first time are taken.
fn whole_times(piece: &Columns, room: usize) -> usize {
    let Some(&time) = piece.times.get(room) else { return piece.len() };
    match piece.lower_bound(time) {
        0 => piece.lower_bound(time.saturating_add(1)),
        whole => whole,
    }
}

/// As in the cursors of alerts, the part after a slash is not needed here.
fn time_of(cursor: &str) -> ApiResult<i64> {
    let time = cursor.split('/').next().and_then(|time| time.parse().ok());
    time.ok_or_else(|| ApiError::bad_request("cursor: pass `next` of the previous page, unchanged"))
}

fn point(row: Row, unit: String, (rules, terms): (&[Rule], &Terms)) -> Point {
    let limit = row.flags.limit().map(|_| row.limit);
    let severity = rules.iter().filter_map(|rule| rule.severity_of(row, &unit)).max();
    let flags = row.flags;
    Point {
        time: terms.view.calendar.shown(row.time, flags.kind()),
        value: row.value,
        unit,
        qualifier: flags.qualifier(),
        limit,
        severity,
        flags: flags.laboratory().texts(),
        quality_control: flags.has(Mark::QualityControl),
    }
}

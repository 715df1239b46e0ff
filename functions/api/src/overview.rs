//! `GET /api/overview`: how each series of a site stands against its limits now.

use crate::Api;
use crate::downsample::Downsample;
use crate::series::{SeriesView, sort_key};
use axum::Json;
use axum::extract::State;
use domain::alert::Severity;
use domain::columns::Row;
use domain::evaluate::{Rule, Survey};
use domain::name::{DEFAULT_SITE, Name};
use domain::permit::Other;
use domain::reading::{Direction, Qualifier};
use domain::time::Shown;
use domain::unit::Unit;
use engine::standing;
use engine::terms::Terms;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use table::StoreError;
use table::alerts::{Block, count_severities};
use table::series::Entry;
use utoipa::{IntoParams, ToSchema};
use web::ApiResult;
use web::answer::Room;
use web::error::ErrorEnvelope;
use web::query::{Query, cursor, page_limit, read_cursor};

/// Points of a sparkline: about as many as it has pixels.
const SPARK_POINTS: usize = 60;
/// A recent part with fewer readings than this says little; the whole record is drawn instead.
const SPARK_LEAST: u64 = 24;
/// Series processed at once. Each takes a few queries.
const AT_ONCE: usize = 8;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// The site; `default` if absent.
    site: Option<Name>,
    /// The most entries of a page; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the previous page.
    #[param(min_length = 1, format = "cursor")]
    cursor: Option<String>,
}

/// The state of a site.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    site: String,
    /// The sequence number of the last event when this was put together.
    seq: u64,
    /// How many times the permit was written; 0 for the built-in one.
    permit_version: u64,
    /// The site's time zone.
    time_zone: String,
    /// How much is still to be judged; at 0, the alerts match readings and permit.
    pending: u64,
    /// All alerts of the site.
    alerts: u64,
    alerts_by_severity: BTreeMap<Severity, u64>,
    /// Series by site, outfall and parameter.
    series: Vec<Standing>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// The state of a series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeriesStanding)]
pub(crate) struct Standing {
    #[serde(flatten)]
    series: SeriesView,
    state: Condition,
    /// By how many percent of the nearest limit the latest values stay within it; negative beyond it. Null where
    /// there is no limit, or a limit of zero.
    headroom: Option<f64>,
    /// The limits, the nearest first.
    standings: Vec<Against>,
    /// Properties of the water that limits depend on, and that are unknown at the latest reading: these limits are
    /// compared with nothing.
    unknown_of_water: Vec<String>,
    /// Exceedances on record.
    exceedances: u64,
    /// When the last of them began.
    last_exceedance: Option<Shown>,
    /// Hours or RFC 3339, value and qualifier of some readings up to the latest, for a sparkline.
    spark: Vec<(Shown, f64, Qualifier)>,
}

/// How the latest value of a series compares with its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    /// No limit covers it, or none in a unit that compares.
    None,
    /// Within all limits.
    Ok,
    /// Beyond a limit.
    Info,
    /// At 1.25 times a limit or more.
    Watch,
    /// At 1.5 times a limit or more.
    Warning,
    /// At twice a limit or more.
    Critical,
}

/// How a series stands against one limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LimitStanding)]
pub(crate) struct Against {
    statistic: String,
    direction: Direction,
    limit: f64,
    unit: String,
    /// The limit in the unit of the latest reading, for a line in its chart.
    limit_in_unit_of_readings: Option<f64>,
    /// The latest period for which the statistic has a value.
    period: Option<String>,
    /// Its value.
    value: Option<f64>,
    qualifier: Qualifier,
    /// By how many percent of the limit the value stays within it.
    headroom: Option<f64>,
    state: Condition,
    /// Whether its sign leaves open if it is within the limit.
    is_inconclusive: bool,
    /// Whether the value or the limit is computed from several series: a reading by itself then says nothing about
    /// them.
    is_made: bool,
}

/// How the series of a site stand against their limits.
#[utoipa::path(
    get, path = "/api/overview", tag = "readings", params(Options),
    responses((status = 200, body = Overview), (status = 400, body = ErrorEnvelope))
)]
pub(crate) async fn get_overview(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Overview>> {
    let limit = page_limit(options.limit)?;
    let after = read_cursor(options.cursor.as_deref())?;
    let site = options.site.map_or_else(|| DEFAULT_SITE.to_owned(), String::from);
    // Read first, so that whoever follows the feed from here misses nothing.
    let seq = api.store.head(&site).await?.seq;
    let pending = api.store.pending(&site).await?;
    let terms = Terms::load(&api.store, &site).await?;
    let blocks = api.store.alert_blocks(&site, None, None).await?;
    let mut alerts_by_severity = BTreeMap::new();
    blocks.iter().for_each(|block| count_severities(block, &mut alerts_by_severity));
    let mut entries = api.store.series_of(&site).await?;
    entries.sort_by_cached_key(sort_key);
    entries.retain(|entry| after.as_ref().is_none_or(|after| sort_key(entry) > *after));
    let is_last = entries.len() <= limit;
    entries.truncate(limit);
    let keys: Vec<_> = entries.iter().map(sort_key).collect();
    let standings = entries.into_iter().map(|entry| standing(&api, entry, &terms, &blocks));
    let mut standings = stream::iter(standings).buffered(AT_ONCE);
    let (mut series, mut room) = (Vec::new(), Room::default());
    while let Some(standing) = standings.try_next().await? {
        if !room.take(&standing) {
            break;
        }
        series.push(standing);
    }
    let next = (!is_last || series.len() < keys.len()).then(|| cursor(&keys[series.len() - 1]));
    Ok(Json(Overview {
        site,
        seq,
        pending,
        permit_version: terms.version,
        time_zone: terms.view.calendar.zone_name().to_owned(),
        alerts: alerts_by_severity.values().sum(),
        alerts_by_severity,
        series,
        next,
    }))
}

async fn standing(api: &Api, entry: Entry, terms: &Terms, blocks: &[Block]) -> Result<Standing, StoreError> {
    let surveys = standing::standing(&api.store, &entry, terms).await?;
    let mut standings: Vec<_> = surveys.iter().filter_map(|(rule, survey)| against(rule, survey, &entry)).collect();
    let distance = |against: &Against| against.headroom.unwrap_or(f64::INFINITY);
    standings.sort_by(|a, b| b.state.cmp(&a.state).then(distance(a).total_cmp(&distance(b))));
    let spark = spark(api, &entry, terms).await?;
    let own = blocks.iter().filter(|block| block.source.series_id == entry.id);
    let (mut exceedances, mut last) = (0, None);
    for block in own {
        exceedances += block.rows.len() as u64;
        last = last.max(block.rows.times.last().copied());
    }
    Ok(Standing {
        state: standings.first().map_or(Condition::None, |against| against.state),
        headroom: standings.first().and_then(|against| against.headroom),
        standings,
        unknown_of_water: surveys.iter().flat_map(unknown_of_water).collect::<BTreeSet<_>>().into_iter().collect(),
        exceedances,
        last_exceedance: last.map(|last| terms.view.calendar.shown(last, entry.latest.flags.kind())),
        spark,
        series: SeriesView::new(entry, terms),
    })
}

fn unknown_of_water((rule, survey): &(Rule, Survey)) -> Vec<String> {
    let is_unknown = rule.is_of_water() && survey.incomplete > 0 && survey.values == 0;
    let parameters = rule.other().filter(|_| is_unknown).map_or(&[][..], Other::parameters);
    parameters.to_vec()
}

/// `None` if the limit does not apply to the latest reading: out of season, or in another unit.
fn against(rule: &Rule, survey: &Survey, entry: &Entry) -> Option<Against> {
    let seen = survey.last.as_ref();
    let (limit, direction, unit) = match (&rule.limit, seen) {
        (Some(_), Some(last)) => (last.row.limit, last.row.flags.limit()?, &*last.unit),
        (None, Some(last)) => (last.row.limit, last.row.flags.limit()?, &*last.unit),
        _ => return None,
    };
    let row = seen.map(|last| last.row);
    let is_inconclusive = survey.inconclusive > 0;
    let in_unit_of_readings = Unit::parse(unit).conversion_to(&Unit::parse(&entry.unit));
    Some(Against {
        statistic: rule.statistic.to_string(),
        direction,
        limit,
        unit: unit.to_owned(),
        limit_in_unit_of_readings: in_unit_of_readings.map(|conversion| conversion.apply(limit)),
        period: row.map(|row| rule.calendar.label(rule.statistic.period(), row.time, entry.latest.flags.kind())),
        value: row.map(|row| row.value),
        qualifier: row.map_or(Qualifier::Less, |row| row.flags.qualifier()),
        headroom: row.and_then(|row| headroom(row.value, limit, direction)),
        state: survey.exceedances.keys().next_back().map_or(Condition::Ok, |&severity| severity.into()),
        is_inconclusive,
        is_made: rule.other().is_some(),
    })
}

/// As a percentage of the limit, to a tenth.
fn headroom(value: f64, limit: f64, direction: Direction) -> Option<f64> {
    let within = if direction == Direction::Max { limit - value } else { value - limit };
    let percent = (within / limit * 1000.0).round() / 10.0;
    percent.is_finite().then_some(percent)
}

impl From<Severity> for Condition {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Watch => Self::Watch,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

/// The latest eighth of the record, or all of a short one: a busy series is not read whole for a sparkline.
async fn spark(api: &Api, entry: &Entry, terms: &Terms) -> Result<Vec<(Shown, f64, Qualifier)>, StoreError> {
    let (first, last) = (entry.span(&terms.view).0, entry.latest_moment(&terms.view));
    let recent = last - last.saturating_sub(first) / 8;
    for from in [recent, first] {
        let mut points = Downsample::new(SPARK_POINTS, (from, last), &entry.unit);
        let mut readings = api.store.readings(entry, &terms.view, (from, last)).await?;
        while let Some(piece) = readings.next_piece()? {
            points.feed(&piece);
            tokio::task::yield_now().await;
        }
        let (points, total) = points.finish();
        if total >= SPARK_LEAST || from == first {
            let shown = |row: Row| terms.view.calendar.shown(row.time, row.flags.kind());
            let point = |(row, _): (Row, _)| (shown(row), row.value, row.flags.qualifier());
            return Ok(points.into_iter().map(point).collect());
        }
    }
    Ok(Vec::new())
}

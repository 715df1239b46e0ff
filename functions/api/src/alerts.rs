//! `GET /api/alerts`.

use crate::Api;
use axum::Json;
use axum::extract::State;
use domain::alert::{Alert, Severity};
use domain::calendar::Calendar;
use domain::name::{self, Name};
use domain::range::Range;
use engine::water;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use table::alerts::Block;
use utoipa::{IntoParams, ToSchema};
use web::answer::Room;
use web::error::ErrorEnvelope;
use web::moment::Moment;
use web::query::{Query, cursor, page_limit, read_cursor};
use web::{ApiError, ApiResult};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// Only this site.
    site: Option<Name>,
    /// Only this outfall.
    outfall: Option<Name>,
    /// Only this parameter.
    parameter: Option<Name>,
    /// Only the series with this id.
    series: Option<String>,
    /// Only alerts of at least this severity.
    severity: Option<Severity>,
    /// Only periods that begin at this time or later.
    #[param(value_type = Option<Moment>)]
    from: Option<String>,
    /// Only periods that begin at this time or earlier.
    #[param(value_type = Option<Moment>)]
    to: Option<String>,
    /// The most entries of a page; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the previous page.
    #[param(min_length = 1, format = "cursor")]
    cursor: Option<String>,
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertPage)]
pub(crate) struct Page {
    /// The latest first.
    alerts: Vec<Alert>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// The position of an alert in the list: time, then block and row.
type Place = (i64, usize, usize);

/// Exceedances, the latest first.
#[utoipa::path(
    get, path = "/api/alerts", tag = "alerts", params(Options),
    responses((status = 200, body = Page), (status = 400, body = ErrorEnvelope))
)]
pub(crate) async fn get_alerts(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Page>> {
    let limit = page_limit(options.limit)?;
    let after = read_cursor(options.cursor.as_deref())?.map(|text| parse_cursor(&text)).transpose()?;
    let range = |calendar: &Calendar| Range::read(options.from.as_deref(), options.to.as_deref(), calendar);
    range(&Calendar::default())?;
    let mut blocks = Vec::new();
    for site in api.sites(options.site.clone()).await? {
        blocks.extend(api.store.alert_blocks(&site, options.series.as_deref(), None).await?);
    }
    blocks.retain(|block| options.admits(block));
    // Blocks of the same time must have the same order on every page.
    blocks.sort_by_cached_key(Block::identity);
    let mut places: Vec<Place> = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let Range { from, to } = range(&block.source.history.calendar)?;
        let range = block.rows.lower_bound(from)..block.rows.lower_bound(to.saturating_add(1));
        let grave = |row: &usize| options.severity.is_none_or(|least| block.severity(*row) >= least);
        places.extend(range.filter(grave).map(|row| (block.rows.times[row], number, row)));
    }
    let identity = |place| identity(&blocks, place);
    if let Some((time, last)) = &after {
        places.retain(|place| place.0 < *time || place.0 == *time && identity(*place) > *last);
    }
    places.sort_by_cached_key(|place| (std::cmp::Reverse(place.0), identity(*place)));
    let next = (places.len() > limit).then(|| next_after(&blocks, places[limit - 1]));
    places.truncate(limit);
    // For each block, the first and last time on the page; the latest alerts come first.
    let mut spans: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
    for (time, block, _) in &places {
        spans.entry(*block).or_insert((*time, *time)).0 = *time;
    }
    for (block, span) in spans {
        water::add(&api.store, &mut blocks[block].source, span).await?;
    }
    let mut alerts: Vec<_> = places.iter().map(|(_, block, row)| blocks[*block].alert(*row)).collect();
    let fitting = Room::of(&alerts);
    let next = if fitting < alerts.len() { Some(next_after(&blocks, places[fitting - 1])) } else { next };
    alerts.truncate(fitting);
    Ok(Json(Page { alerts, next }))
}

fn identity(blocks: &[Block], (_, block, row): Place) -> String {
    format!("{}/{}", blocks[block].identity(), blocks[block].rows.row(row).sample)
}

fn next_after(blocks: &[Block], last: Place) -> String {
    cursor(&format!("{}/{}", last.0, identity(blocks, last)))
}

fn parse_cursor(text: &str) -> ApiResult<(i64, String)> {
    let parse = || {
        let (time, identity) = text.split_once('/')?;
        Some((time.parse().ok()?, identity.to_owned()))
    };
    parse().ok_or_else(|| ApiError::bad_request("cursor: pass `next` of the previous page, unchanged"))
}

impl Options {
    fn admits(&self, block: &Block) -> bool {
        let same = |asked: &Option<Name>, found: &str| asked.as_deref().is_none_or(|asked| name::same(asked, found));
        same(&self.outfall, &block.source.series.outfall) && same(&self.parameter, &block.source.series.parameter)
    }
}

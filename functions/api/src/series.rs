//! `GET /api/series`.

use crate::Api;
use axum::Json;
use axum::extract::State;
use domain::name::{self, Name};
use domain::reading::Qualifier;
use domain::time::Shown;
use domain::unit::Unit;
use engine::terms::Terms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use table::series::Entry;
use utoipa::{IntoParams, ToSchema};
use web::ApiResult;
use web::answer::Room;
use web::error::ErrorEnvelope;
use web::query::{Query, cursor, page_limit, read_cursor};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// Only this site.
    site: Option<Name>,
    /// The most entries of a page; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the previous page.
    #[param(min_length = 1, format = "cursor")]
    cursor: Option<String>,
}

/// A page of series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeriesPage)]
pub(crate) struct Page {
    series: Vec<SeriesView>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// A series: all readings of one parameter at one outfall, reported in one way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Series)]
pub(crate) struct SeriesView {
    id: String,
    site: String,
    outfall: String,
    parameter: String,
    /// The statistical base under which values are reported; empty for raw readings.
    base: String,
    /// Further properties that distinguish series of effluent charts.
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
    /// The unit of the latest reading.
    unit: String,
    first: Shown,
    last: Shown,
    latest: f64,
    qualifier: Qualifier,
    /// How many limits of the permit cover it; limits that came with readings count as one.
    limits: usize,
    /// The units of those limits that do not compare with the latest reading's unit: they judge nothing.
    incomparable_units: Vec<String>,
}

impl SeriesView {
    pub(crate) fn new(entry: Entry, terms: &Terms) -> Self {
        let rules = entry.rules(&terms.history);
        let own = rules.iter().filter(|rule| rule.other().is_none() || rule.is_of_water());
        let unit = Unit::parse(&entry.unit);
        let limit_units = own.filter_map(|rule| rule.limit.as_ref()).map(|limit| &limit.unit);
        let incomparable: BTreeSet<_> = limit_units.filter(|limit| unit.conversion_to(limit).is_none()).collect();
        let incomparable_units = incomparable.into_iter().map(ToString::to_string).collect();
        let (first, last) = (entry.first_moment(&terms.view), entry.latest_moment(&terms.view));
        let shown = |time| terms.view.calendar.shown(time, entry.latest.flags.kind());
        let (first, last) = (shown(first), shown(last));
        Self {
            id: entry.id,
            site: entry.series.site,
            outfall: entry.series.outfall,
            parameter: entry.series.parameter,
            base: entry.series.base,
            variant: entry.series.variant,
            unit: entry.unit,
            first,
            last,
            latest: entry.latest.value,
            qualifier: entry.latest.flags.qualifier(),
            limits: rules.len(),
            incomparable_units,
        }
    }
}

/// All series, by site, outfall and parameter.
#[utoipa::path(
    get, path = "/api/series", tag = "readings", params(Options),
    responses((status = 200, body = Page), (status = 400, body = ErrorEnvelope))
)]
pub(crate) async fn get_series(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Page>> {
    let limit = page_limit(options.limit)?;
    let after = read_cursor(options.cursor.as_deref())?;
    let mut rows: Vec<(String, Entry, Arc<Terms>)> = Vec::new();
    for site in api.sites(options.site).await? {
        let terms = Arc::new(Terms::load(&api.store, &site).await?);
        let entries = api.store.series_of(&site).await?.into_iter();
        rows.extend(entries.map(|entry| (sort_key(&entry), entry, terms.clone())));
    }
    rows.retain(|(key, ..)| after.as_ref().is_none_or(|after| key > after));
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    let keys: Vec<_> = rows.iter().map(|(key, ..)| key.clone()).collect();
    let mut series: Vec<_> = rows.into_iter().map(|(_, entry, terms)| SeriesView::new(entry, &terms)).collect();
    series.truncate(Room::of(&series));
    let next = (!is_last || series.len() < keys.len()).then(|| cursor(&keys[series.len() - 1]));
    Ok(Json(Page { series, next }))
}

pub(crate) fn sort_key(entry: &Entry) -> String {
    let series = &entry.series;
    [&series.site, &series.outfall, &series.parameter, &series.base].map(|part| name::key(part)).join("\u{1}")
        + "\u{1}"
        + &entry.id
}

//! `GET /api/status`.

use crate::Api;
use axum::Json;
use axum::extract::State;
use domain::alert::Severity;
use domain::name::Name;
use domain::time::Shown;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use table::StoreError;
use table::alerts::count_severities;
use utoipa::{IntoParams, ToSchema};
use web::query::Query;
use web::{ApiError, ApiResult};

/// Sites read at the same time: one takes six reads, one after the other.
const AT_ONCE: usize = 16;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Options {
    /// Only this site.
    site: Option<Name>,
}

/// The state of all sites.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// `ok`.
    status: &'static str,
    version: &'static str,
    sites: Vec<SiteStatus>,
    /// Sites that are being removed: they can no longer be read or written.
    removing: Vec<String>,
}

/// The state of a site.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SiteStatus {
    site: String,
    series: usize,
    /// When the latest reading was taken; null without readings.
    latest: Option<Shown>,
    alerts: u64,
    alerts_by_severity: BTreeMap<Severity, u64>,
    /// How many times the permit was written; 0 for the built-in one.
    permit_version: u64,
    /// The sequence number of the last event.
    seq: u64,
    /// How much is still to be judged; at 0, the alerts match readings and permit.
    pending: u64,
    /// Files whose recording was interrupted, by ingest; they must be sent again.
    interrupted: Vec<String>,
}

/// The state of each site.
#[utoipa::path(get, path = "/api/status", tag = "readings", params(Options), responses((status = 200, body = Status)))]
pub(crate) async fn get_status(State(api): State<Api>, Query(options): Query<Options>) -> ApiResult<Json<Status>> {
    let (mut present, mut removing) = (Vec::new(), Vec::new());
    for (site, seen) in api.store.look_at_all().await? {
        if seen.is_being_removed { removing.push(site) } else { present.push(site) }
    }
    let asked = options.site.map_or(present, |site| vec![site.into()]);
    let statuses = asked.into_iter().map(|site| status_of(&api, site));
    let sites = stream::iter(statuses).buffered(AT_ONCE).try_collect().await?;
    Ok(Json(Status { status: "ok", version: env!("CARGO_PKG_VERSION"), sites, removing }))
}

async fn status_of(api: &Api, site: String) -> Result<SiteStatus, StoreError> {
    // Read first: if it is 0, the alerts read after it include every verdict.
    let pending = api.store.pending(&site).await?;
    let series = api.store.series_of(&site).await?;
    let mut by_severity = BTreeMap::new();
    for block in api.store.alert_blocks(&site, None, None).await? {
        count_severities(&block, &mut by_severity);
    }
    let permit = api.store.permit(&site).await?;
    let view = permit.view();
    let latest = series.iter().max_by_key(|entry| entry.latest_moment(&view));
    let latest = latest.map(|entry| view.calendar.shown(entry.latest_moment(&view), entry.latest.flags.kind()));
    Ok(SiteStatus {
        series: series.len(),
        latest,
        alerts: by_severity.values().sum(),
        alerts_by_severity: by_severity,
        permit_version: permit.version,
        seq: api.store.head(&site).await?.seq,
        pending,
        interrupted: api.store.outstanding(&site).await?.interrupted,
        site,
    })
}

impl Api {
    /// The requested site, or all sites.
    pub(crate) async fn sites(&self, asked: Option<Name>) -> Result<Vec<String>, ApiError> {
        match asked {
            Some(site) => Ok(vec![site.into()]),
            None => Ok(self.store.sites().await?),
        }
    }
}

//! Removing sites, listing removals, and refusing reads of a site that is partly removed.

use crate::Api;
use axum::Json;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::name::{Name, SiteName};
use domain::permit_json::FieldError;
use domain::{name, time};
use engine::remove::RemoveError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use table::removals::Removal;
use table::sites::Seen;
use table::{Store, StoreError};
use utoipa::{IntoParams, ToSchema};
use web::error::ErrorEnvelope;
use web::guard::Client;
use web::query::{Path, Query, Reason, reason};
use web::{ApiError, ApiResult};

/// The most removals in one answer.
const MOST: usize = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Confirmation {
    /// The site's name again, to prevent mistakes.
    confirm: Name,
    /// Why the site is removed, for the record.
    #[param(value_type = Reason)]
    reason: String,
}

/// The state of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RemovalState {
    /// The site's data is being deleted; the site can be neither read nor written.
    Removing,
    /// The site's data is deleted, and its name is free.
    Removed,
}

/// A site that is being removed, or was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedSite {
    site: String,
    state: RemovalState,
    /// Why.
    reason: String,
    /// The client that removed it.
    who: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// When the removal was complete; null before that.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Series deleted so far.
    series: u64,
    /// Readings deleted so far, including replaced ones.
    readings: u64,
    /// Alerts that the site had.
    alerts: u64,
}

impl From<Removal> for RemovedSite {
    fn from(removal: Removal) -> Self {
        Self {
            state: if removal.ended_at.is_some() { RemovalState::Removed } else { RemovalState::Removing },
            at: time::rfc3339_seconds(removal.at),
            ended_at: removal.ended_at.map(time::rfc3339_seconds),
            series: removal.series,
            readings: removal.readings,
            alerts: removal.alerts,
            site: removal.site,
            reason: removal.reason,
            who: removal.who,
        }
    }
}

/// The removals.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Removals {
    /// The latest first, at most 1,000.
    removals: Vec<RemovedSite>,
    /// How many earlier ones are left out.
    left_out: usize,
}

/// Removes a site with everything stored for it: readings, alerts, permit, events. Only a backup can undo this. The
/// records of its files stay and name the removal; the same bytes sent again are a new file.
#[utoipa::path(
    delete, path = "/api/sites/{site}", tag = "sites", params(("site" = SiteName, Path, description = "The site"), Confirmation),
    responses(
        (status = 200, description = "The site is removed", body = RemovedSite),
        (
            status = 202, description = "The site is no longer visible; its data is deleted in the background", body = RemovedSite,
            headers(("Location" = String, description = "Where to read the state of the removal"))
        ),
        (status = 400, description = "`confirm` or the reason is missing, or the reason is longer than 600 bytes", body = ErrorEnvelope),
        (status = 404, description = "No such site", body = ErrorEnvelope),
        (status = 409, description = "A file is being ingested at the site (`unfinished`, with the ingests in `details`)", body = ErrorEnvelope),
        (status = 422, description = "`confirm` is not the site's name", body = ErrorEnvelope),
    )
)]
pub(crate) async fn delete_site(
    State(api): State<Api>,
    Path(site): Path<Name>,
    Query(confirmation): Query<Confirmation>,
    Client(who): Client,
) -> ApiResult<Response> {
    let site: &str = &site;
    if *confirmation.confirm != *site {
        let reason = format!("pass the name of the site, {site:?}, again");
        return Err(ApiError::invalid(&[FieldError { field: "confirm".into(), reason }]));
    }
    let reason = reason(&confirmation.reason)?;
    let removed = RemovedSite::from(api.engine.remove_site(site, reason, &who).await.map_err(refusal)?);
    if removed.state == RemovalState::Removed {
        return Ok(Json(removed).into_response());
    }
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, "/api/removals")], Json(removed)).into_response())
}

fn refusal(error: RemoveError) -> ApiError {
    match error {
        RemoveError::Unknown => ApiError::not_found("there is no such site; GET /api/status lists them"),
        RemoveError::Unfinished(ref ingests) => {
            let details = json!({ "ingests": ingests });
            ApiError::new(StatusCode::CONFLICT, "unfinished", error.to_string()).with_details(details)
        }
        RemoveError::Store(error) => error.into(),
    }
}

/// The sites that were removed or are being removed.
#[utoipa::path(get, path = "/api/removals", tag = "sites", responses((status = 200, body = Removals)))]
pub(crate) async fn get_removals(State(api): State<Api>) -> ApiResult<Json<Removals>> {
    let mut removals = api.store.removals().await?;
    removals.sort_by_key(|removal| std::cmp::Reverse(removal.at));
    let left_out = removals.len().saturating_sub(MOST);
    removals.truncate(MOST);
    Ok(Json(Removals { removals: removals.into_iter().map(RemovedSite::from).collect(), left_out }))
}

/// The site in a query.
#[derive(Debug, Deserialize)]
struct Asked {
    site: Option<String>,
}

/// The sites that a request concerns, as they were read.
#[derive(Debug)]
enum View {
    One(String, Option<Seen>),
    All(HashMap<String, Seen>),
}

impl View {
    async fn of(store: &Store, site: Option<String>) -> Result<Self, StoreError> {
        Ok(match site {
            Some(site) => {
                let seen = store.look_at(&site).await?;
                Self::One(site, seen)
            }
            None => {
                let all = store.look_at_all().await?;
                Self::All(all.into_iter().filter(|(_, seen)| !seen.is_being_removed).collect())
            }
        })
    }

    /// Reads the same sites again.
    async fn again(&self, store: &Store) -> Result<Self, StoreError> {
        Self::of(store, if let Self::One(site, _) = self { Some(site.clone()) } else { None }).await
    }

    /// The refusal, if the site cannot be read.
    fn refusal(&self) -> Option<ApiError> {
        match self {
            Self::One(_, Some(seen)) if seen.is_being_removed => Some(StoreError::BeingRemoved.into()),
            _ => None,
        }
    }

    /// Whether all sites of `before` still exist.
    fn has_all(&self, before: &Self) -> bool {
        match (before, self) {
            (Self::One(_, before), Self::One(_, now)) => before.is_none() || before == now,
            (Self::All(before), Self::All(now)) => before.iter().all(|(site, seen)| now.get(site) == Some(seen)),
            _ => false,
        }
    }
}

/// Answers a read of a site only if the site existed from beginning to end: if it was removed meanwhile, the answer may
/// be incomplete.
pub(crate) async fn read_whole(
    State(store): State<Store>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(request.method()) {
        return Ok(next.run(request).await);
    }
    // The handler reports a path that is not UTF-8.
    let Ok(params) = params else { return Ok(next.run(request).await) };
    let named = params.iter().find(|(name, _)| *name == "site").map(|(_, site)| site.to_owned());
    let asked = axum::extract::Query::<Asked>::try_from_uri(request.uri()).ok().and_then(|asked| asked.0.site);
    let site = named.or(asked);
    if site.as_deref().is_some_and(|site| name::check(site).is_err()) {
        // The handler reports the invalid name.
        return Ok(next.run(request).await);
    }
    let before = View::of(&store, site).await?;
    if let Some(refusal) = before.refusal() {
        return Err(refusal);
    }
    let response = next.run(request).await;
    let now = before.again(&store).await?;
    match now.refusal() {
        Some(refusal) => Err(refusal),
        None if now.has_all(&before) => Ok(response),
        None => Err(ApiError::unavailable("a site was removed during the request")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(born: i64, is_being_removed: bool) -> Seen {
        Seen { born, is_being_removed }
    }

    fn one(seen: Option<Seen>) -> View {
        View::One("a".into(), seen)
    }

    #[test]
    fn what_was_read_of_a_site_that_went_is_not_answered() {
        let there = || one(Some(seen(1, false)));
        assert!(there().has_all(&there()) && there().has_all(&one(None)) && one(None).has_all(&one(None)));
        // It is gone, or is a new site with the same name.
        assert!(!one(None).has_all(&there()) && !one(Some(seen(2, false))).has_all(&there()));
        assert!(one(Some(seen(1, true))).refusal().is_some() && there().refusal().is_none());
        let all = |sites: &[(&str, i64)]| {
            View::All(sites.iter().map(|(site, born)| ((*site).to_owned(), seen(*born, false))).collect())
        };
        assert!(all(&[("a", 1), ("b", 2)]).has_all(&all(&[("a", 1)])));
        assert!(!all(&[("b", 2)]).has_all(&all(&[("a", 1)])) && !all(&[("a", 2)]).has_all(&all(&[("a", 1)])));
    }
}

//! Removing sites, what was removed, and reading nothing of a site that is half removed.

use crate::Api;
use axum::Json;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::name::{Name, SiteName};
use domain::{name, time};
use engine::remove::RemoveError;
use serde::{Deserialize, Serialize};
use serde_json::json;
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
pub(crate) struct Sure {
    /// The name of the site once more, against slips of the hand.
    #[param(value_type = SiteName)]
    confirm: String,
    /// Why it is removed, for the record.
    #[param(value_type = Reason)]
    reason: String,
}

/// How far a removal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RemovalState {
    /// What is stored of the site is being deleted; nothing of it can be read or written.
    Removing,
    /// Nothing of it is left, and the name is free.
    Removed,
}

/// A site that is being removed, or was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedSite {
    site: String,
    state: RemovalState,
    /// Why.
    reason: String,
    /// Who removed it: the client.
    who: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// When nothing was left of it; null while it is being removed.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Series that were deleted so far.
    series: u64,
    /// Readings that were deleted so far, those that others had replaced included.
    readings: u64,
    /// Alerts that the site had.
    alerts: u64,
}

impl From<Removal> for RemovedSite {
    fn from(removal: Removal) -> Self {
        let shown = |at: i64| time::rfc3339(at / 1_000_000 * 1_000_000);
        Self {
            state: if removal.ended_at.is_some() { RemovalState::Removed } else { RemovalState::Removing },
            at: shown(removal.at),
            ended_at: removal.ended_at.map(shown),
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
    /// The latest first, 1,000 at most.
    removals: Vec<RemovedSite>,
    /// How many earlier ones there are besides.
    left_out: usize,
}

/// Removes a site with everything that is stored of it: readings, alerts, permit, events. It cannot be undone but from a
/// backup. The records of its files stay, and say that the site was removed; the same bytes sent again are a new file.
#[utoipa::path(
    delete, path = "/api/sites/{site}", tag = "sites", params(("site" = SiteName, Path, description = "The site"), Sure),
    responses(
        (status = 200, description = "Nothing is left of it", body = RemovedSite),
        (
            status = 202, description = "Nobody sees it any more; deleting goes on by itself", body = RemovedSite,
            headers(("Location" = String, description = "Where to ask how far it is"))
        ),
        (status = 400, description = "`confirm` is not the site's name, or there is no reason, or a longer one than 600 bytes", body = ErrorEnvelope),
        (status = 404, description = "No such site", body = ErrorEnvelope),
        (status = 409, description = "A file is being taken in at the site (`unfinished`, with the ingests in `details`)", body = ErrorEnvelope),
    )
)]
pub(crate) async fn delete_site(
    State(api): State<Api>,
    Path(site): Path<Name>,
    Query(sure): Query<Sure>,
    Client(who): Client,
) -> ApiResult<Response> {
    let site: &str = &site;
    if sure.confirm.trim() != site {
        return Err(ApiError::bad_request(format!("confirm: the name of the site, {site:?}, is expected once more")));
    }
    let reason = reason(&sure.reason)?;
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

/// The sites that were removed, or are being removed.
#[utoipa::path(get, path = "/api/removals", tag = "sites", responses((status = 200, body = Removals)))]
pub(crate) async fn get_removals(State(api): State<Api>) -> ApiResult<Json<Removals>> {
    let mut removals = api.store.removals().await?;
    removals.sort_by_key(|removal| std::cmp::Reverse(removal.at));
    let left_out = removals.len().saturating_sub(MOST);
    removals.truncate(MOST);
    Ok(Json(Removals { removals: removals.into_iter().map(RemovedSite::from).collect(), left_out }))
}

/// The site of a query.
#[derive(Debug, Deserialize)]
struct Asked {
    site: Option<String>,
}

/// What was seen of the sites that a request is about.
#[derive(Debug)]
enum View {
    One(String, Option<Seen>),
    All(Vec<(String, Seen)>),
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

    /// The same now.
    async fn again(&self, store: &Store) -> Result<Self, StoreError> {
        Self::of(store, if let Self::One(site, _) = self { Some(site.clone()) } else { None }).await
    }

    /// Why nothing can be read, if it cannot.
    fn refusal(&self) -> Option<ApiError> {
        match self {
            Self::One(_, Some(seen)) if seen.is_being_removed => Some(StoreError::BeingRemoved.into()),
            _ => None,
        }
    }

    /// Whether each site of before is still there.
    fn has_all(&self, before: &Self) -> bool {
        match (before, self) {
            (Self::One(_, before), Self::One(_, now)) => before.is_none() || before == now,
            (Self::All(before), Self::All(now)) => before.iter().all(|site| now.contains(site)),
            _ => false,
        }
    }
}

/// Answers reads of a site only if it was there from the beginning to the end: what was read of one that was removed
/// meanwhile may be a part of it.
pub(crate) async fn read_whole(
    State(store): State<Store>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(request.method()) {
        return Ok(next.run(request).await);
    }
    // The handler says what is wrong with a path that is not UTF-8.
    let Ok(params) = params else { return Ok(next.run(request).await) };
    let named = params.iter().find(|(name, _)| *name == "site").map(|(_, site)| site.to_owned());
    let asked = axum::extract::Query::<Asked>::try_from_uri(request.uri()).ok().and_then(|asked| asked.0.site);
    let site = named.or(asked);
    if site.as_deref().is_some_and(|site| name::check(site).is_err()) {
        // The handler says what is wrong.
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
        None => Err(ApiError::unavailable("a site was removed while it was read")),
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
        // It is gone, or another one of its name.
        assert!(!one(None).has_all(&there()) && !one(Some(seen(2, false))).has_all(&there()));
        assert!(one(Some(seen(1, true))).refusal().is_some() && there().refusal().is_none());
        let all = |sites: &[(&str, i64)]| {
            View::All(sites.iter().map(|(site, born)| ((*site).to_owned(), seen(*born, false))).collect())
        };
        assert!(all(&[("a", 1), ("b", 2)]).has_all(&all(&[("a", 1)])));
        assert!(!all(&[("b", 2)]).has_all(&all(&[("a", 1)])) && !all(&[("a", 2)]).has_all(&all(&[("a", 1)])));
    }
}

//! `GET` and `PUT /api/permits/{site}`, and what a permit would change.

use crate::Api;
use crate::if_match::IfMatch;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::alert::{Alert, Severity};
use domain::permit_json;
use domain::{name, time};
use engine::preview::preview_permit;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use table::StoreError;
use table::permits::StoredPermit;
use utoipa::ToSchema;
use web::error::ErrorEnvelope;
use web::query::{JsonBody, Path};
use web::{ApiError, ApiResult};

/// An answer, with the version that it shows as its `ETag`.
type Tagged<T> = ([(HeaderName, String); 1], Json<T>);

fn tagged<T>(version: u64, body: T) -> Tagged<T> {
    ([(header::ETAG, format!("\"{version}\""))], Json(body))
}

/// The permit of a site: its own, or the built-in one until it has one.
#[utoipa::path(
    get, path = "/api/permits/{site}", tag = "permits", params(("site" = String, Path, description = "The site")),
    responses((
        status = 200, body = SitePermit, description = "The permit; its `ETag` is its version in quotes, for `If-Match`",
        headers(("ETag" = String, description = "The version in quotes: `\"4\"`")),
    ))
)]
pub(crate) async fn get_permit(State(api): State<Api>, Path(site): Path<String>) -> ApiResult<Tagged<SitePermit>> {
    let site = checked(&site)?;
    let stored = api.store.permit(site).await?;
    Ok(tagged(stored.version, SitePermit::new(site, &stored)))
}

/// Puts a permit in force, unless it was changed meanwhile. All that is stored of the site is judged by it.
///
/// With `If-Match` it takes the place of the version that was edited and of no other. Without it the last one wins; of two
/// at the same moment, the second is refused all the same.
#[utoipa::path(
    put, path = "/api/permits/{site}", tag = "permits",
    params(
        ("site" = String, Path, description = "The site"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the permit that was edited, such as `\"4\"`: `\"0\"` for the built-in one. A list, and `*` for any, are taken; a weak tag (`W/\"4\"`) matches nothing"),
    ),
    request_body(content = Object, description = "`{\"limits\": [...]}` or the older `{\"limits_mgL\": {...}, \"rolling_window\": n, \"actions\": {...}}`"),
    responses(
        (
            status = 200, body = SavedPermit, description = "The permit, with how many alerts it brought and withdrew",
            headers(("ETag" = String, description = "The new version in quotes")),
        ),
        (
            status = 202, body = SavedPermit, description = "The permit is in force, and judging goes on by itself: `pending` says how much is left, here and in `GET /api/overview`; `Location` is where to ask",
            headers(("ETag" = String, description = "The new version in quotes"), ("Location" = String, description = "Where to ask how far it is")),
        ),
        (status = 400, description = "Not JSON, or an `If-Match` that is none", body = ErrorEnvelope),
        (status = 409, description = "Another version is in force (`conflict`): nothing was changed. `details` has its `version`, and as `permit` what `GET` answers", body = ErrorEnvelope),
        (status = 422, description = "Fields that are not as they should be, named in `details.fields`", body = ErrorEnvelope),
    )
)]
pub(crate) async fn put_permit(
    State(api): State<Api>,
    Path(site): Path<String>,
    headers: HeaderMap,
    JsonBody(document): JsonBody<Value>,
) -> ApiResult<Response> {
    let site = checked(&site)?;
    let if_match = IfMatch::of(&headers)?;
    let permit = permit_json::parse(&document).map_err(|errors| ApiError::invalid(&errors))?;
    let in_force = api.store.permit(site).await?;
    if !if_match.allows(in_force.version) {
        return Err(conflict(site, &in_force, &if_match));
    }
    let adopted = match api.engine.adopt_permit(site, &permit, in_force.version).await {
        Err(StoreError::Conflict) => return Err(conflict(site, &api.store.permit(site).await?, &if_match)),
        adopted => adopted?,
    };
    let alerts = AlertsChanged { new: adopted.alerts_new, withdrawn: adopted.alerts_withdrawn };
    let pending = (adopted.left > 0).then_some(adopted.left);
    let saved = SavedPermit { permit: SitePermit::new(site, &adopted.permit), alerts, pending };
    let answer = tagged(adopted.permit.version, saved);
    if pending.is_none() {
        return Ok(answer.into_response());
    }
    let location = format!("/api/overview?site={}", utf8_percent_encode(site, NON_ALPHANUMERIC));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], answer).into_response())
}

/// What a person is told whose permit would have taken the place of one that they have not seen.
fn conflict(site: &str, in_force: &StoredPermit, if_match: &IfMatch) -> ApiError {
    let version = in_force.version;
    // To the second: it is read by people.
    let changed = in_force.updated_at.map(|at| time::rfc3339(at - at.rem_euclid(1_000_000)));
    let message = match (changed, if_match.edited()) {
        (Some(at), Some(edited)) => {
            format!("The permit was changed to version {version} at {at} while you were editing version {edited}.")
        }
        (Some(at), None) => {
            format!("The permit was changed to version {version} at {at}, a moment before yours would have been.")
        }
        (None, _) => {
            "The site has no permit of its own: the built-in one is in force, which is not what you edited.".into()
        }
    };
    let details = json!({ "version": version, "permit": SitePermit::new(site, in_force) });
    ApiError::new(StatusCode::CONFLICT, "conflict", message).with_details(details)
}

/// What a permit would change, were it put in force. Nothing is written.
#[utoipa::path(
    post, path = "/api/permits/{site}/preview", tag = "permits", params(("site" = String, Path, description = "The site")),
    request_body(content = Object, description = "As for `PUT`"),
    responses(
        (status = 200, body = PermitPreview),
        (status = 400, description = "Not JSON", body = ErrorEnvelope),
        (status = 422, description = "Fields that are not as they should be, named in `details.fields`", body = ErrorEnvelope),
    )
)]
pub(crate) async fn post_preview(
    State(api): State<Api>,
    Path(site): Path<String>,
    JsonBody(document): JsonBody<Value>,
) -> ApiResult<Json<PermitPreview>> {
    let site = checked(&site)?;
    let permit = permit_json::parse(&document).map_err(|errors| ApiError::invalid(&errors))?;
    let preview = preview_permit(&api.store, site, &permit).await?;
    Ok(Json(PermitPreview {
        site: site.to_owned(),
        total: preview.by_severity.values().sum(),
        by_severity: preview.by_severity,
        new: preview.alerts_new,
        withdrawn: preview.alerts_withdrawn,
        items: preview.gravest,
    }))
}

/// A permit as it is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SitePermit {
    site: String,
    /// Whether it is the built-in one.
    default: bool,
    /// How often it was written; 0 for the built-in one.
    version: u64,
    /// When it was put in force; null for the built-in one.
    updated_at: Option<String>,
    /// The limits, as they are put.
    #[schema(value_type = Vec<Object>)]
    limits: Value,
}

impl SitePermit {
    fn new(site: &str, stored: &StoredPermit) -> Self {
        Self {
            site: site.to_owned(),
            default: stored.version == 0,
            version: stored.version,
            updated_at: stored.updated_at.map(time::rfc3339),
            limits: permit_json::to_json(&stored.permit)["limits"].take(),
        }
    }
}

/// A permit that was put in force, and what it changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedPermit {
    #[serde(flatten)]
    permit: SitePermit,
    /// As far as judging has come.
    alerts: AlertsChanged,
    /// With 202 alone: how much is still to be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

/// How a new permit changed the alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertsChanged {
    /// Exceedances that were none before.
    new: u64,
    /// Alerts that no longer hold.
    withdrawn: u64,
}

/// What would be in exceedance under a permit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermitPreview {
    site: String,
    /// All exceedances there would be.
    total: u64,
    /// `total` by severity.
    #[schema(value_type = Object)]
    by_severity: BTreeMap<Severity, u64>,
    /// Those that are none now.
    new: u64,
    /// Alerts of now that would no longer hold.
    withdrawn: u64,
    /// The gravest of them, at most 100.
    items: Vec<Alert>,
}

fn checked(site: &str) -> ApiResult<&str> {
    name::check(site).map_err(|error| ApiError::bad_request(format!("site: {error}")))
}

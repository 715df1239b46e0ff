//! `GET` and `PUT /api/permits/{site}`, and a preview of what a permit would change.

use crate::Api;
use crate::if_match::IfMatch;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::alert::{Alert, Severity};
use domain::calendar::date_from_text;
use domain::history::Version;
use domain::name::SiteName;
use domain::permit::Permit;
use domain::permit_json::document::{AnyPermit, PermitLimit};
use domain::permit_json::{self, FieldError};
use domain::range::moment;
use domain::time;
use engine::answer::AlertsChanged;
use engine::preview::preview_permit;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use table::StoreError;
use table::permits::{Place, StoredPermit};
use utoipa::{IntoParams, ToSchema};
use web::error::ErrorEnvelope;
use web::guard::Client;
use web::moment::Moment;
use web::query::{JsonBody, Path, Query};
use web::{ApiError, ApiResult};

/// An answer, with the version that it shows as its `ETag`.
type Tagged<T> = ([(HeaderName, String); 1], Json<T>);

fn tagged<T>(version: u64, body: T) -> Tagged<T> {
    ([(header::ETAG, format!("\"{version}\""))], Json(body))
}

/// The permit of a site: its own, or the built-in one until it has one.
#[utoipa::path(
    get, path = "/api/permits/{site}", tag = "permits", params(("site" = SiteName, Path, description = "The site"), At),
    responses((
        status = 200, body = SitePermit, description = "The permit; its `ETag` is its version in quotes, for `If-Match`",
        headers(("ETag" = String, description = "The version in quotes: `\"4\"`")),
    ))
)]
pub(crate) async fn get_permit(
    State(api): State<Api>,
    Path(site): Path<SiteName>,
    Query(options): Query<At>,
) -> ApiResult<Tagged<SitePermit>> {
    let stored = api.store.permit(&site).await?;
    let at = options.at.map(|text| moment("at", &text, &stored.history.calendar)).transpose()?;
    Ok(tagged(stored.version, SitePermit::new(&site, &stored, at.map_or_else(time::now, |(at, _)| at))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct At {
    /// Shows the version that is in force at this time, instead of now.
    #[param(value_type = Option<Moment>)]
    at: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// The first local day of a new version, such as `2026-07-01`. Without it, the version in force is corrected.
    #[param(format = Date)]
    effective_from: Option<String>,
}

impl From {
    fn place(&self) -> ApiResult<Place> {
        let Some(text) = &self.effective_from else { return Ok(Place::InForce) };
        let day = date_from_text(text).map_err(|_| {
            ApiError::bad_request(format!("effective_from={text:?}: a date such as 2026-07-01 is expected"))
        })?;
        Ok(Place::From(day))
    }
}

/// Reads a permit from a request. Unknown units are refused: such a limit would judge nothing.
fn read(document: &Value) -> ApiResult<Permit> {
    let permit = permit_json::parse(document).map_err(|errors| ApiError::invalid(&errors))?;
    let unknown = permit.limits.iter().enumerate().filter(|(_, limit)| !limit.unit.is_known());
    let errors: Vec<_> = unknown
        .map(|(index, limit)| FieldError {
            field: format!("limits[{index}].unit"),
            reason: format!("no unit is called {:?}", limit.unit.as_str()),
        })
        .collect();
    if errors.is_empty() { Ok(permit) } else { Err(ApiError::invalid(&errors)) }
}

/// Puts a permit in force, unless it was changed meanwhile. Everything that is stored for the site is judged by it.
///
/// With `If-Match`, it replaces the version that was edited and no other. Without it, the last write wins; but of two
/// at the same moment, the second is refused.
#[utoipa::path(
    put, path = "/api/permits/{site}", tag = "permits",
    params(
        ("site" = SiteName, Path, description = "The site"), From,
        ("If-Match" = Option<String>, Header, format = "if-match", description = "The `ETag` of the permit that was edited, such as `\"4\"`: `\"0\"` for the built-in one. A list, and `*` for any, are taken; a weak tag (`W/\"4\"`) matches nothing"),
    ),
    request_body(content = AnyPermit, description = "`{\"limits\": [...]}` or the older `{\"limits_mgL\": {...}, \"rolling_window\": n, \"actions\": {...}}`"),
    responses(
        (
            status = 200, body = SavedPermit, description = "The permit, with how many alerts it brought and withdrew",
            headers(("ETag" = String, description = "The new version in quotes")),
        ),
        (
            status = 202, body = SavedPermit, description = "The permit is in force, and judging continues in the background: `pending` says how much is left, here and in `GET /api/overview`; `Location` shows its progress",
            headers(("ETag" = String, description = "The new version in quotes"), ("Location" = String, description = "Where to ask how far it is")),
        ),
        (status = 400, description = "Not JSON, or an `If-Match` that is none", body = ErrorEnvelope),
        (status = 409, description = "Another version is in force (`conflict`): nothing was changed. `details` has its `version`, and as `permit` what `GET` answers. Or the site is being removed (`being_removed`), or it would be a new site and cannot be created (`too_many_sites`, `site_looks_like_another`)", body = ErrorEnvelope),
        (status = 422, description = "Fields that are not as they should be, named in `details.fields`", body = ErrorEnvelope),
    )
)]
pub(crate) async fn put_permit(
    State(api): State<Api>,
    Path(site): Path<SiteName>,
    Query(from): Query<From>,
    Client(who): Client,
    headers: HeaderMap,
    JsonBody(document): JsonBody<Value>,
) -> ApiResult<Response> {
    let if_match = IfMatch::of(&headers)?;
    let place = from.place()?;
    let permit = read(&document)?;
    let mut in_force = api.store.permit(&site).await?;
    if !if_match.allows(in_force.version) {
        return Err(conflict(&site, &in_force, &if_match));
    }
    let adopted = loop {
        match api.engine.adopt_permit(&site, &permit, (&in_force, place), &who).await {
            Err(StoreError::Conflict) => {
                let now = api.store.permit(&site).await?;
                if now.versions != in_force.versions || now.version == in_force.version {
                    return Err(conflict(&site, &now, &if_match));
                }
                // A file was withdrawn at that moment; the permit itself has not changed.
                in_force = now;
            }
            adopted => break adopted?,
        }
    };
    let pending = (adopted.left > 0).then_some(adopted.left);
    let shown = match place {
        Place::InForce => time::now(),
        Place::From(day) => adopted.permit.history.calendar.midnight(day),
    };
    let saved = SavedPermit { permit: SitePermit::new(&site, &adopted.permit, shown), alerts: adopted.alerts, pending };
    let answer = tagged(adopted.permit.version, saved);
    if pending.is_none() {
        return Ok(answer.into_response());
    }
    let location = format!("/api/overview?site={}", utf8_percent_encode(&site, NON_ALPHANUMERIC));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], answer).into_response())
}

/// The error when a permit would replace a version that its author has not seen.
fn conflict(site: &str, in_force: &StoredPermit, if_match: &IfMatch) -> ApiError {
    let version = in_force.version;
    // To the second: people read it.
    let changed = in_force.updated_at().map(|at| time::rfc3339(at - at.rem_euclid(1_000_000)));
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
    let details = json!({ "version": version, "permit": SitePermit::new(site, in_force, time::now()) });
    ApiError::new(StatusCode::CONFLICT, "conflict", message).with_details(details)
}

/// What a permit would change if it were put in force. Nothing is written.
#[utoipa::path(
    post, path = "/api/permits/{site}/preview", tag = "permits", params(("site" = SiteName, Path, description = "The site"), From),
    request_body(content = AnyPermit, description = "As for `PUT`"),
    responses(
        (status = 200, body = PermitPreview),
        (status = 400, description = "Not JSON", body = ErrorEnvelope),
        (status = 422, description = "Fields that are not as they should be, named in `details.fields`", body = ErrorEnvelope),
    )
)]
pub(crate) async fn post_preview(
    State(api): State<Api>,
    Path(site): Path<SiteName>,
    Query(from): Query<From>,
    JsonBody(document): JsonBody<Value>,
) -> ApiResult<Json<PermitPreview>> {
    let place = from.place()?;
    let permit = read(&document)?;
    let history = api.store.permit(&site).await?.history_with(&permit, place);
    let preview = preview_permit(&api.store, &site, history).await?;
    Ok(Json(PermitPreview {
        site: site.into(),
        total: preview.by_severity.values().sum(),
        by_severity: preview.by_severity,
        new: preview.alerts_new,
        withdrawn: preview.alerts_withdrawn,
        items: preview.gravest,
    }))
}

/// The permit in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SitePermit {
    site: String,
    /// Whether it is the built-in one.
    default: bool,
    /// How many times it was written; 0 for the built-in one.
    version: u64,
    /// When it was last written; null for the built-in one.
    updated_at: Option<String>,
    /// The first local day of the version shown; null if it has been in force from the beginning.
    effective_from: Option<String>,
    /// The site's time zone, by its IANA name.
    time_zone: String,
    /// The first day of a week.
    week_starts: String,
    /// All versions, the earliest first.
    versions: Vec<VersionView>,
    /// The limits, in the format of `PUT`.
    #[schema(value_type = Vec<PermitLimit>)]
    limits: Value,
}

/// A version of a permit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PermitVersion)]
pub(crate) struct VersionView {
    version: u64,
    /// The first local day on which it is in force; null if it has been from the beginning.
    effective_from: Option<String>,
    /// When it was written.
    updated_at: String,
    /// How many limits it has.
    limits: usize,
}

impl SitePermit {
    fn new(site: &str, stored: &StoredPermit, at: i64) -> Self {
        let shown = stored.history.now(at);
        let calendar = &stored.history.calendar;
        let record = |number| stored.versions.iter().find(|record| record.number == number);
        let view = |version: &Version| {
            Some(VersionView {
                version: version.number,
                effective_from: version.effective_from.map(|day| day.to_string()),
                updated_at: time::rfc3339(record(version.number)?.updated_at),
                limits: version.permit.limits.len(),
            })
        };
        Self {
            site: site.to_owned(),
            default: !stored.is_own(),
            version: stored.version,
            updated_at: stored.updated_at().map(time::rfc3339),
            effective_from: shown.effective_from.map(|day| day.to_string()),
            time_zone: calendar.zone_name().to_owned(),
            week_starts: format!("{:?}", calendar.week_starts()).to_lowercase(),
            versions: stored.history.versions().iter().filter_map(view).collect(),
            limits: permit_json::to_json(&shown.permit)["limits"].take(),
        }
    }
}

/// A permit that was put in force, and what it changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedPermit {
    #[serde(flatten)]
    permit: SitePermit,
    /// The changes so far.
    alerts: AlertsChanged,
    /// Only with 202: how much is still to be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

/// The exceedances that a permit would have.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermitPreview {
    site: String,
    /// All exceedances there would be.
    total: u64,
    /// `total` by severity.
    by_severity: BTreeMap<Severity, u64>,
    /// Those that are not alerts now.
    new: u64,
    /// Current alerts that would no longer hold.
    withdrawn: u64,
    /// The gravest of them, at most 100.
    items: Vec<Alert>,
}

//! `GET` and `PUT /api/permits/{site}`, and what a permit would change.

use crate::Api;
use axum::Json;
use axum::extract::State;
use domain::alert::{Alert, Severity};
use domain::permit_json;
use domain::{name, time};
use engine::verdicts::{adopt_permit, preview_permit};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use table::permits::StoredPermit;
use utoipa::ToSchema;
use web::error::ErrorEnvelope;
use web::query::{JsonBody, Path};
use web::{ApiError, ApiResult};

/// The permit of a site: its own, or the built-in one until it has one.
#[utoipa::path(
    get, path = "/api/permits/{site}", tag = "permits", params(("site" = String, Path, description = "The site")),
    responses((status = 200, description = "The limits, and `default`: whether they are the built-in ones", body = Object))
)]
pub(crate) async fn get_permit(State(api): State<Api>, Path(site): Path<String>) -> ApiResult<Json<Value>> {
    let site = checked(&site)?;
    Ok(Json(view(site, &api.store.permit(site).await?)))
}

/// Puts a permit in force. All that is stored of the site is judged by it.
#[utoipa::path(
    put, path = "/api/permits/{site}", tag = "permits", params(("site" = String, Path, description = "The site")),
    request_body(content = Object, description = "`{\"limits\": [...]}` or the older `{\"limits_mgL\": {...}, \"rolling_window\": n, \"actions\": {...}}`"),
    responses(
        (status = 200, description = "The permit, with how many alerts it brought and withdrew", body = Object),
        (status = 400, description = "Not JSON", body = ErrorEnvelope),
        (status = 422, description = "Fields that are not as they should be, named in `details.fields`", body = ErrorEnvelope),
    )
)]
pub(crate) async fn put_permit(
    State(api): State<Api>,
    Path(site): Path<String>,
    JsonBody(document): JsonBody<Value>,
) -> ApiResult<Json<Value>> {
    let site = checked(&site)?;
    let permit = permit_json::parse(&document).map_err(|errors| ApiError::invalid(&errors))?;
    let adopted = adopt_permit(&api.store, &*api.announce, site, &permit).await?;
    let mut answer = view(site, &adopted.permit);
    answer["alerts"] = json!({ "new": adopted.alerts_new, "withdrawn": adopted.alerts_withdrawn });
    Ok(Json(answer))
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

fn view(site: &str, stored: &StoredPermit) -> Value {
    let mut view = json!({
        "site": site,
        "default": stored.version == 0,
        "version": stored.version,
        "updated_at": stored.updated_at.map(time::rfc3339),
    });
    view["limits"] = permit_json::to_json(&stored.permit)["limits"].take();
    view
}

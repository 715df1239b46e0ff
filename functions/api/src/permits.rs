//! `GET` and `PUT /api/permits/{site}`, and what a permit would change.

use crate::Api;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::alert::{Alert, Severity};
use domain::permit_json;
use domain::{name, time};
use engine::preview::preview_permit;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use table::StoreError;
use table::permits::StoredPermit;
use utoipa::ToSchema;
use web::error::ErrorEnvelope;
use web::query::{JsonBody, Path};
use web::{ApiError, ApiResult};

/// The permit of a site: its own, or the built-in one until it has one.
#[utoipa::path(
    get, path = "/api/permits/{site}", tag = "permits", params(("site" = String, Path, description = "The site")),
    responses((
        status = 200, description = "The limits, and `default`: whether they are the built-in ones", body = Object,
        headers(("ETag" = String, description = "The permit's version, for `If-Match`"))
    ))
)]
pub(crate) async fn get_permit(State(api): State<Api>, Path(site): Path<String>) -> ApiResult<Response> {
    let site = checked(&site)?;
    let stored = api.store.permit(site).await?;
    Ok(([(header::ETAG, tag(stored.version))], Json(view(site, &stored))).into_response())
}

/// Puts a permit in force. All that is stored of the site is judged by it.
#[utoipa::path(
    put, path = "/api/permits/{site}", tag = "permits",
    params(
        ("site" = String, Path, description = "The site"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the permit that this one takes the place of"),
    ),
    request_body(content = Object, description = "`{\"limits\": [...]}` or the older `{\"limits_mgL\": {...}, \"rolling_window\": n, \"actions\": {...}}`"),
    responses(
        (
            status = 200, description = "The permit, with how many alerts it brought and withdrew", body = Object,
            headers(("ETag" = String, description = "The permit's version, for `If-Match`"))
        ),
        (
            status = 202, description = "In force; `pending` says how many series are still to be judged by it",
            body = Object, headers(("Location" = String, description = "Where the permit is found"))
        ),
        (status = 400, description = "Not JSON, or an `If-Match` that is no tag", body = ErrorEnvelope),
        (status = 409, description = "Another version is in force; `details` has it", body = ErrorEnvelope),
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
    let permit = permit_json::parse(&document).map_err(|errors| ApiError::invalid(&errors))?;
    let tags = Tags::of(&headers)?;
    let stored = api.store.permit(site).await?;
    if !tags.admit(stored.version) {
        return Err(conflict(site, &stored));
    }
    let adopted = match api.engine.adopt_permit(site, &permit, stored.version).await {
        Err(StoreError::Conflict) => return Err(conflict(site, &api.store.permit(site).await?)),
        adopted => adopted?,
    };
    let mut answer = view(site, &adopted.permit);
    answer["alerts"] = json!({ "new": adopted.alerts_new, "withdrawn": adopted.alerts_withdrawn });
    let etag = (header::ETAG, tag(adopted.permit.version));
    if adopted.left == 0 {
        return Ok(([etag], Json(answer)).into_response());
    }
    answer["pending"] = json!(adopted.left);
    let location = (header::LOCATION, format!("/api/permits/{}", percent_encoded(site)));
    Ok((StatusCode::ACCEPTED, [etag, location], Json(answer)).into_response())
}

/// The entity tag of a version of a permit.
fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The versions of a permit that a request may take the place of (RFC 9110, 13.1.1).
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<String>),
}

impl Tags {
    fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let mut tags = Vec::new();
        for value in headers.get_all(header::IF_MATCH) {
            let text = value.to_str().map_err(|_| malformed())?;
            if text.trim() == "*" {
                return Ok(Self::Any);
            }
            for tag in text.split(',').map(str::trim) {
                let opaque = tag.strip_prefix("W/").unwrap_or(tag);
                if opaque.len() < 2 || !opaque.starts_with('"') || !opaque.ends_with('"') {
                    return Err(malformed());
                }
                tags.push(tag.to_owned());
            }
        }
        Ok(if tags.is_empty() { Self::Any } else { Self::These(tags) })
    }

    /// A weak tag matches nothing: the comparison is the strong one.
    fn admit(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.contains(&tag(version)),
        }
    }
}

fn malformed() -> ApiError {
    ApiError::bad_request("If-Match: an ETag as the permit's GET gives it is expected, such as \"3\"")
}

fn conflict(site: &str, stored: &StoredPermit) -> ApiError {
    let since = stored.updated_at.map_or_else(String::new, |at| format!(" since {}", time::rfc3339(at)));
    let message = format!("Version {} of the permit is in force{since}: somebody else changed it.", stored.version);
    ApiError::new(StatusCode::CONFLICT, "conflict", message)
        .with_details(json!({ "version": stored.version, "permit": view(site, stored) }))
}

fn percent_encoded(site: &str) -> String {
    percent_encoding::utf8_percent_encode(site, percent_encoding::NON_ALPHANUMERIC).to_string()
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn admits(values: &[&'static str], version: u64) -> Option<bool> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_static(value));
        }
        Tags::of(&headers).ok().map(|tags| tags.admit(version))
    }

    #[test]
    fn tags_that_match_and_others() {
        assert_eq!(admits(&[], 3), Some(true));
        assert_eq!(admits(&["*"], 3), Some(true));
        assert_eq!(admits(&["\"3\""], 3), Some(true));
        assert_eq!(admits(&["\"2\", \"3\""], 3), Some(true));
        assert_eq!(admits(&["\"2\"", "\"3\""], 3), Some(true));
        assert_eq!(admits(&["\"2\""], 3), Some(false));
        assert_eq!(admits(&["W/\"3\""], 3), Some(false), "a weak tag");
        for malformed in ["3", "\"3", "", "\"2\", 3"] {
            assert_eq!(admits(&[malformed], 3), None, "{malformed}");
        }
    }
}

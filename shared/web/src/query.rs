//! Extractors whose errors are envelopes, and the paging of lists.

use super::{ApiError, ApiResult};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;

/// A reason: 1 to 600 bytes without control characters, not blank.
#[derive(Debug, utoipa::ToSchema)]
#[schema(min_length = 1, max_length = 600, format = "reason", pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$")]
pub struct Reason(#[expect(dead_code, reason = "the schema of texts that a function checks")] String);

/// The query; 400 if it is invalid.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

/// The parameters of the path; 400 if they are not UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

/// The body as JSON; 400 with line and column of an error, or 413. A body that is not declared as JSON is refused with
/// 415: a page of another origin may send one without a preflight.
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::unsupported_media_type("Content-Type: application/json is expected"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            let status = error.into_response().status();
            let code = if status == http::StatusCode::PAYLOAD_TOO_LARGE { "too_large" } else { "bad_body" };
            ApiError::new(status, code, "the body cannot be read, or is larger than 2 MB")
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| ApiError::bad_request(format!("the body: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json")
}

/// The longest reason, in bytes.
const MAX_REASON: usize = 600;

/// Why a person does something, for the record.
pub fn reason(text: &str) -> ApiResult<&str> {
    let is_plain = !text.chars().any(char::is_control);
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_REASON || !is_plain {
        return Err(ApiError::bad_request(format!("reason: 1 to {MAX_REASON} bytes without control characters")));
    }
    Ok(text)
}

/// The most entries of a list in one answer.
pub const MAX_PAGE: usize = 1000;
/// How many if the request does not say.
pub const DEFAULT_PAGE: usize = 100;

/// `limit` of a list.
pub fn page_limit(asked: Option<usize>) -> Result<usize, ApiError> {
    match asked.unwrap_or(DEFAULT_PAGE) {
        limit if (1..=MAX_PAGE).contains(&limit) => Ok(limit),
        _ => Err(ApiError::bad_request(format!("limit: a number from 1 to {MAX_PAGE} is expected"))),
    }
}

/// A cursor: opaque to the client, the key of the last entry to us.
pub fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// The key in a cursor.
pub fn read_cursor(cursor: Option<&str>) -> Result<Option<String>, ApiError> {
    let decode = |text: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok().filter(|key| !key.is_empty());
    cursor
        .map(|text| {
            decode(text).ok_or_else(|| ApiError::bad_request("cursor: pass `next` of the previous page, unchanged"))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_on_both_sides_of_their_bounds() {
        assert!(reason(" wrong site ").is_ok_and(|text| text == "wrong site"));
        assert!(reason(&"x".repeat(MAX_REASON)).is_ok());
        for bad in ["", "  ", "a\nb", &"x".repeat(MAX_REASON + 1)] {
            assert_eq!(reason(bad).unwrap_err().status(), 400);
        }
    }

    #[test]
    fn limits_on_both_sides() {
        assert!(page_limit(Some(0)).is_err() && page_limit(Some(MAX_PAGE + 1)).is_err());
        assert_eq!((page_limit(Some(1)).unwrap(), page_limit(Some(MAX_PAGE)).unwrap()), (1, MAX_PAGE));
        assert_eq!(page_limit(None).unwrap(), DEFAULT_PAGE);
    }

    #[test]
    fn only_json_is_json() {
        let is = |kind: &'static str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]));
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(is(json), "{json}");
        }
        // The three that a page of another origin may send without a preflight, and others.
        for other in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", ""] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn cursors_come_back() {
        assert_eq!(read_cursor(Some(&cursor("a#b"))).unwrap().as_deref(), Some("a#b"));
        assert!(read_cursor(Some("***")).is_err() && read_cursor(Some("")).is_err());
        assert_eq!(read_cursor(None).unwrap(), None);
    }
}

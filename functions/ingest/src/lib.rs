//! CSV ingest: `POST /api/ingest` and `GET /api/ingests/{id}`.

mod decisions;
pub mod trigger;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::name::SiteName;
use engine::Engine;
use engine::answer::Answer;
use engine::record::{FileProgress, IngestRecord, Ingestor, Taken, Underway, Upload};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use table::ingests::Stage;
use tokio_util::io::StreamReader;
use utoipa::{IntoParams, OpenApi, ToSchema};
use web::answer::Room;
use web::error::ErrorEnvelope;
use web::guard::{Guard, client_of};
use web::query::{Path, Query, cursor, page_limit, read_cursor};
use web::{ApiError, ApiResult};

/// The longest `source`.
const MAX_SOURCE: usize = 200;
/// The most records in one answer: each costs a read.
const MAX_RECORDS: usize = 100;

/// The documentation of these routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(post_file, get_records, get_record, decisions::delete_ingest, decisions::post_resolution))]
pub struct Docs;

/// The routes.
pub fn router(ingestor: Ingestor, engine: Engine, guard: &Guard) -> Router {
    // The ingestor enforces the limit on bytes: it counts them after decompression, and its error names the limit.
    let routes = Router::new()
        .route("/api/ingest", post(post_file).layer(DefaultBodyLimit::disable()))
        .route("/api/ingests", get(get_records))
        .route("/api/ingests/{id}", get(get_record))
        .with_state(ingestor)
        .merge(decisions::router(engine));
    guard.protect(routes)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Options {
    /// The site of rows that name none (`default` if absent); for an effluent chart, it replaces the permit number.
    site: Option<SiteName>,
    /// `true`: refuse the whole file if one row is bad.
    #[serde(default)]
    strict: bool,
    /// `true`: ingest the file even if the same bytes were ingested before.
    #[serde(default)]
    again: bool,
    /// The file's name, for the ledger.
    #[param(max_length = 200, format = "source", pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    source: Option<String>,
}

/// Ingests a CSV file: tidy, wide or an EPA ECHO effluent chart, plain or gzip.
#[utoipa::path(
    post, path = "/api/ingest", tag = "ingest", params(Options),
    request_body(
        content((String = "text/csv"), (String = "text/tab-separated-values"), (Vec<u8> = "application/gzip")),
        description = "The file, optionally with `Content-Encoding: gzip`"
    ),
    responses(
        (status = 200, description = "Taken in, or known already", body = Answer),
        (
            status = 202, description = "Verdicts are still being worked out", body = Underway,
            headers(("Location" = String, description = "Where the ingest's record says how far it is"))
        ),
        (status = 400, description = "Empty, or damaged gzip", body = ErrorEnvelope),
        (status = 413, description = "Too many bytes or rows", body = ErrorEnvelope),
        (status = 415, description = "Not CSV", body = ErrorEnvelope),
        (status = 422, description = "No usable header, no rows, or refused rows", body = ErrorEnvelope),
    )
)]
async fn post_file(
    State(ingestor): State<Ingestor>,
    Query(options): Query<Options>,
    request: Request,
) -> ApiResult<Response> {
    let upload = Upload {
        gzip: is_gzip(request.headers())?,
        site: options.site.map(String::from),
        strict: options.strict,
        again: options.again,
        source: source(options.source)?,
        who: client_of(request.extensions()).to_string(),
    };
    let body = Body::into_data_stream(request.into_body()).map_err(std::io::Error::other);
    Ok(match ingestor.run(StreamReader::new(body), upload).await? {
        Taken::Answered(answer) => Json(answer).into_response(),
        Taken::Underway(underway) => {
            let location = [(header::LOCATION, format!("/api/ingests/{}", underway.id))];
            (StatusCode::ACCEPTED, location, Json(underway)).into_response()
        }
    })
}

fn source(given: Option<String>) -> ApiResult<String> {
    let source = given.unwrap_or_default();
    if source.len() > MAX_SOURCE || source.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!("source: at most {MAX_SOURCE} bytes without control characters")));
    }
    Ok(source)
}

/// Whether the body is compressed; an error if it is not CSV at all.
fn is_gzip(headers: &HeaderMap) -> ApiResult<bool> {
    let refuse = |what: String| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", what);
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or("?"));
    let content_type = text(header::CONTENT_TYPE).unwrap_or("none").to_ascii_lowercase();
    let (kind, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    let gzip_file = match kind.trim() {
        "text/csv" | "application/csv" | "text/tab-separated-values" => false,
        "application/gzip" | "application/x-gzip" => true,
        other => return Err(refuse(format!("Content-Type {other}: text/csv is expected"))),
    };
    let charset = parameters.split(';').find_map(|part| part.trim().strip_prefix("charset="));
    if let Some(charset) = charset.filter(|charset| !["utf-8", "us-ascii"].contains(&charset.trim_matches('"'))) {
        return Err(refuse(format!("charset {charset}: UTF-8 is expected")));
    }
    match text(header::CONTENT_ENCODING).unwrap_or("identity").trim().to_ascii_lowercase().as_str() {
        "identity" => Ok(gzip_file),
        "gzip" | "x-gzip" if !gzip_file => Ok(true),
        other => Err(refuse(format!("Content-Encoding {other}: gzip or none is expected"))),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// The most entries of a page; 100 if absent. Some answers have no room for more than 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the previous page.
    #[param(min_length = 1, format = "cursor")]
    cursor: Option<String>,
}

/// A page of the ledger.
#[derive(Debug, Serialize, ToSchema)]
struct Ledger {
    /// Records of ingests, the latest first.
    ingests: Vec<IngestRecord>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// The ledger of ingests, the latest first.
#[utoipa::path(
    get, path = "/api/ingests", tag = "ingest", params(Paging),
    responses((status = 200, body = Ledger), (status = 400, body = ErrorEnvelope))
)]
async fn get_records(State(ingestor): State<Ingestor>, Query(paging): Query<Paging>) -> ApiResult<Json<Ledger>> {
    let limit = page_limit(paging.limit)?.min(MAX_RECORDS);
    let before = read_cursor(paging.cursor.as_deref())?;
    let records = ingestor.store().ingests(before.as_deref(), limit).await?;
    let is_last = records.len() < limit;
    let removals = ingestor.store().removals().await?;
    let (places, mut ingests): (Vec<_>, Vec<_>) =
        records.into_iter().map(|(place, ingest)| (place, IngestRecord::of(ingest, &removals))).unzip();
    ingests.truncate(Room::of(&ingests));
    let last = ingests.len().checked_sub(1).filter(|_| !is_last || ingests.len() < places.len());
    let next = last.map(|last| cursor(&places[last]));
    Ok(Json(Ledger { ingests, next }))
}

/// The record of an ingest: where readings came from, and their outcome.
#[utoipa::path(
    get, path = "/api/ingests/{id}", tag = "ingest", params(("id" = String, Path, description = "As in the answer to the ingest")),
    responses(
        (status = 200, description = "The record", body = IngestRecord),
        (status = 404, description = "No such ingest", body = ErrorEnvelope),
    )
)]
async fn get_record(State(ingestor): State<Ingestor>, Path(id): Path<String>) -> ApiResult<Json<IngestRecord>> {
    let Some(ingest) = ingestor.store().ingest(&id).await? else {
        return Err(ApiError::not_found("no ingest has this id"));
    };
    let accounts = ingestor.store().accounts_of(&id).await?;
    let left = accounts.iter().map(|(_, account)| account.left).sum();
    let reached = if ingest.state == Stage::Recording { ingestor.store().reached(&id).await? } else { None };
    let progress = reached.map(|reached| FileProgress { read: reached.read.0, of: reached.read.1 });
    let record = IngestRecord::of(ingest, &ingestor.store().removals().await?);
    Ok(Json(IngestRecord { series_left: Some(left), progress, ..record }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(list: &[(header::HeaderName, &'static str)]) -> Result<bool, StatusCode> {
        let headers = list.iter().map(|(n, v)| (n.clone(), axum::http::HeaderValue::from_static(v))).collect();
        is_gzip(&headers).map_err(|error| error.status())
    }

    #[test]
    fn content_types() {
        let refused = Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "text/csv")]), Ok(false));
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "Text/CSV; charset=UTF-8; header=present")]), Ok(false));
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "application/gzip")]), Ok(true));
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "text/csv"), (header::CONTENT_ENCODING, "gzip")]), Ok(true));
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "text/csv"), (header::CONTENT_ENCODING, "br")]), refused);
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "text/csv; charset=utf-16")]), refused);
        assert_eq!(gzip(&[(header::CONTENT_TYPE, "application/json")]), refused);
        assert_eq!(gzip(&[]), refused);
    }

    #[test]
    fn sources_on_both_sides_of_the_limit() {
        assert!(source(Some("x".repeat(MAX_SOURCE))).is_ok() && source(None).is_ok());
        assert!(source(Some("x".repeat(MAX_SOURCE + 1))).is_err());
        assert!(source(Some("a\nb".into())).is_err());
    }
}

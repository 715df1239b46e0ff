//! Uploads of files of any size, in parts: `/api/uploads`.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use domain::name::SiteName;
use engine::record::FileProgress;
use files::uploads::{Far, Missing, UploadError, Uploads};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use table::ingests::{Refusal, Stage};
use table::uploads::Upload;
use utoipa::{IntoParams, OpenApi, ToSchema};
use web::error::ErrorEnvelope;
use web::guard::Guard;
use web::query::{Path, Query};
use web::{ApiError, ApiResult};

/// Uploads; `None` if the host has no inbox.
type Inbox = Option<Arc<Uploads>>;

/// The documentation of these routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(post_upload, get_upload, put_part, post_complete, delete_upload))]
pub struct Docs;

/// The routes. Without an inbox, they answer 404.
pub fn router(uploads: Option<Uploads>, guard: &Guard) -> Router {
    let routes = Router::new()
        .route("/api/uploads", post(post_upload))
        .route("/api/uploads/{id}", get(get_upload).delete(delete_upload))
        .route("/api/uploads/{id}/complete", post(post_complete))
        .route("/api/uploads/{id}/parts/{part}", put(put_part))
        .with_state(uploads.map(Arc::new));
    guard.protect(routes)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The site of rows that name none, and of an effluent chart.
    #[param(value_type = Option<SiteName>)]
    site: Option<String>,
    /// The file's name.
    #[param(min_length = 1, max_length = 200, format = "file-name")]
    name: String,
    /// Its size as sent; it may be gzip.
    #[param(minimum = 1)]
    bytes: u64,
}

/// The progress of an upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
struct Document {
    id: String,
    site: Option<String>,
    name: String,
    bytes: u64,
    state: Doing,
    /// Bytes received.
    received: u64,
    /// Bytes of each part but the last one.
    part_bytes: u64,
    /// The next parts to put, at most 100: `PUT` the bytes from `from` to `to`, both included, to `url`. A URL that
    /// begins with a slash is on this host and needs the token; others need no headers.
    missing: Vec<Part>,
    /// The id of the ingest, once it is known; `GET /api/ingests/{id}` is its record.
    ingest: Option<String>,
    /// Why the file was refused.
    error: Option<Refusal>,
    /// How much of the file has been read, while it is recorded.
    progress: Option<FileProgress>,
}

/// The stage of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UploadState)]
#[serde(rename_all = "snake_case")]
enum Doing {
    /// Parts are being received.
    Receiving,
    /// The file waits in the inbox.
    Waiting,
    /// Its readings are being written.
    Recording,
    /// Readings are being judged.
    Judging,
    /// Everything is stored, judged and announced.
    Done,
    /// It was refused as a whole.
    Refused,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadPart)]
struct Part {
    part: u64,
    from: u64,
    to: u64,
    url: String,
}

impl From<Missing> for Part {
    fn from(Missing { part, range: (from, to), url }: Missing) -> Self {
        Self { part, from, to, url }
    }
}

impl From<Stage> for Doing {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Recording => Self::Recording,
            Stage::Judging => Self::Judging,
            Stage::Done => Self::Done,
            // The latter two occur only with sources, whose files are no uploads.
            Stage::Refused | Stage::Unchanged | Stage::Failed => Self::Refused,
        }
    }
}

impl Document {
    fn new(upload: Upload, far: Far) -> Self {
        let Upload { id, site, name, bytes, part_bytes, .. } = upload;
        let document = Self {
            id,
            site,
            name,
            bytes,
            state: Doing::Waiting,
            received: bytes,
            part_bytes,
            missing: Vec::new(),
            ingest: None,
            error: None,
            progress: None,
        };
        match far {
            Far::Receiving(received, missing) => {
                let missing = missing.into_iter().map(Part::from).collect();
                Self { state: Doing::Receiving, received, missing, ..document }
            }
            Far::Waiting => document,
            Far::Refused(error) => Self { state: Doing::Refused, error: Some(error), ..document },
            Far::Ingest(ingest, stage, progress) => {
                let progress = progress.map(|(read, of)| FileProgress { read, of });
                Self { state: stage.into(), ingest: Some(ingest), progress, ..document }
            }
        }
    }
}

/// Starts an upload.
#[utoipa::path(
    post, path = "/api/uploads", tag = "ingest", params(Wanted),
    responses(
        (status = 201, description = "Parts may come", body = Document, headers(("Location" = String, description = "The upload"))),
        (status = 404, description = "This host has no inbox", body = ErrorEnvelope),
        (status = 413, description = "The file is too large", body = ErrorEnvelope),
        (status = 422, description = "Not a name for a site or a file", body = ErrorEnvelope),
    )
)]
async fn post_upload(State(inbox): State<Inbox>, Query(wanted): Query<Wanted>) -> ApiResult<Response> {
    let uploads = open(&inbox)?;
    let upload = uploads.begin(wanted.site.as_deref(), &wanted.name, wanted.bytes).await.map_err(failed)?;
    let location = [(header::LOCATION, format!("/api/uploads/{}", upload.id))];
    Ok((StatusCode::CREATED, location, document(uploads, upload).await?).into_response())
}

/// The progress of an upload: which parts are missing, and the outcome of the file.
#[utoipa::path(
    get, path = "/api/uploads/{id}", tag = "ingest", params(("id" = String, Path, description = "As in the answer to the first request")),
    responses((status = 200, body = Document), (status = 404, description = "No such upload", body = ErrorEnvelope))
)]
async fn get_upload(State(inbox): State<Inbox>, Path(id): Path<String>) -> ApiResult<Response> {
    let uploads = open(&inbox)?;
    let upload = uploads.get(&id).await.map_err(failed)?;
    document(uploads, upload).await
}

/// Receives a part, if the document's `url` leads here.
#[utoipa::path(
    put, path = "/api/uploads/{id}/parts/{part}", tag = "ingest",
    params(("id" = String, Path, description = "The upload"), ("part" = u64, Path, minimum = 1, description = "The number of the part, from 1 on")),
    request_body(content_type = "application/octet-stream", content = Vec<u8>, description = "The bytes of the part"),
    responses(
        (status = 204, description = "It is there"),
        (status = 404, description = "No such upload", body = ErrorEnvelope),
        (status = 409, description = "Parts are put elsewhere", body = ErrorEnvelope),
        (status = 422, description = "Not a part, or of another length", body = ErrorEnvelope),
    )
)]
async fn put_part(
    State(inbox): State<Inbox>,
    Path((id, part)): Path<(String, u64)>,
    body: Body,
) -> ApiResult<StatusCode> {
    let uploads = open(&inbox)?;
    let upload = uploads.get(&id).await.map_err(failed)?;
    // The part is held in memory, so it may not exceed the agreed size.
    let most = usize::try_from(upload.part_bytes).unwrap_or(usize::MAX);
    let bytes = to_bytes(body, most).await.map_err(|error| {
        let message = format!("part {part} ended early, or is larger than the {most} bytes of a part: {error}");
        failed(UploadError::Part(message))
    })?;
    uploads.put(&upload, part, bytes).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the file into the inbox once all its parts are there.
#[utoipa::path(
    post, path = "/api/uploads/{id}/complete", tag = "ingest", params(("id" = String, Path, description = "The upload")),
    responses(
        (status = 202, description = "It is in the inbox", body = Document),
        (status = 404, description = "No such upload", body = ErrorEnvelope),
        (status = 409, description = "Parts are missing", body = ErrorEnvelope),
    )
)]
async fn post_complete(State(inbox): State<Inbox>, Path(id): Path<String>) -> ApiResult<Response> {
    let uploads = open(&inbox)?;
    let upload = uploads.get(&id).await.map_err(failed)?;
    let upload = uploads.complete(upload).await.map_err(failed)?;
    Ok((StatusCode::ACCEPTED, document(uploads, upload).await?).into_response())
}

/// Cancels an upload. A complete file is in the inbox already, and stays there.
#[utoipa::path(
    delete, path = "/api/uploads/{id}", tag = "ingest", params(("id" = String, Path, description = "The upload")),
    responses((status = 204, description = "It is gone"), (status = 404, description = "No such upload", body = ErrorEnvelope))
)]
async fn delete_upload(State(inbox): State<Inbox>, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let uploads = open(&inbox)?;
    let upload = uploads.get(&id).await.map_err(failed)?;
    uploads.give_up(&upload).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

fn open(inbox: &Inbox) -> ApiResult<&Uploads> {
    let none = || ApiError::new(StatusCode::NOT_FOUND, "no_inbox", "this host has no inbox for uploads");
    inbox.as_deref().ok_or_else(none)
}

async fn document(uploads: &Uploads, upload: Upload) -> ApiResult<Response> {
    let far = uploads.far(&upload).await.map_err(failed)?;
    // The document may change at any moment, and its URLs are as good as a token.
    let fresh = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((fresh, Json(Document::new(upload, far))).into_response())
}

fn failed(error: UploadError) -> ApiError {
    let (status, code) = match &error {
        UploadError::Store(_) | UploadError::Depot(_) => return unavailable(error),
        UploadError::Unknown => return ApiError::not_found("no upload has this id"),
        UploadError::Site(_) | UploadError::Place(_) | UploadError::Part(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
        }
        UploadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        UploadError::Incomplete => (StatusCode::CONFLICT, "incomplete"),
        UploadError::Elsewhere => (StatusCode::CONFLICT, "elsewhere"),
    };
    let answer = ApiError::new(status, code, error.to_string());
    match error {
        UploadError::TooLarge { limit } => answer.with_details(json!({ "max_bytes": limit })),
        _ => answer,
    }
}

fn unavailable(error: UploadError) -> ApiError {
    match error {
        UploadError::Store(error) => error.into(),
        error => ApiError::internal(error),
    }
}

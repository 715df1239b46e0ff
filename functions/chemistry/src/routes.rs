//! The routes.

use crate::asked::Wanted;
use crate::document::Document;
use crate::models::Models;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fits::points::{NoPoints, check};
use fits::queue::{NotTaken, Queue, begin, cancel};
use fits::task::PointsFrom;
use std::sync::Arc;
use table::Store;
use table::fits::{FitJob, MAX_OPEN};
use utoipa::OpenApi;
use web::error::ErrorEnvelope;
use web::guard::Guard;
use web::query::{JsonBody, Path};
use web::{ApiError, ApiResult};

/// The documentation of these routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(get_models, post_fit, get_fit, delete_fit))]
pub struct Docs;

/// Most fits are done after so many seconds.
const RETRY_AFTER: u64 = 5;

/// What the routes need.
#[derive(Clone)]
struct Fits {
    store: Store,
    queue: Arc<dyn Queue>,
}

/// The routes. Whoever takes fits from `queue` computes them.
pub fn router(store: Store, queue: Arc<dyn Queue>, guard: &Guard) -> Router {
    let routes = Router::new()
        .route("/api/chemistry/models", get(get_models))
        .route("/api/chemistry/fit", post(post_fit))
        .route("/api/chemistry/fit/{id}", get(get_fit).delete(delete_fit))
        .with_state(Fits { store, queue });
    guard.protect(routes)
}

/// The available models.
#[utoipa::path(get, path = "/api/chemistry/models", tag = "chemistry", responses((status = 200, body = Models)))]
async fn get_models() -> Json<Models> {
    Json(Models::all())
}

/// Requests a fit, which is computed in the background.
#[utoipa::path(
    post, path = "/api/chemistry/fit", tag = "chemistry", request_body = Wanted,
    responses(
        (status = 202, description = "Queued; `Location` shows its progress", body = Document, headers(("Location" = String, description = "The fit"))),
        (status = 404, description = "No such series", body = ErrorEnvelope),
        (status = 422, description = "No such model or parameter, or settings that do not go together", body = ErrorEnvelope),
        (status = 429, description = "Too many fits wait", body = ErrorEnvelope),
    )
)]
async fn post_fit(State(fits): State<Fits>, JsonBody(wanted): JsonBody<Wanted>) -> ApiResult<Response> {
    let (task, points) = wanted.task()?;
    if let PointsFrom::Series(series) = &task.from {
        check(&fits.store, series).await.map_err(no_points)?;
    }
    let job = begin(&fits.store, &*fits.queue, &task, points.as_ref()).await.map_err(not_taken)?;
    let location = [(header::LOCATION, format!("/api/chemistry/fit/{}", job.id))];
    Ok((StatusCode::ACCEPTED, location, document(job)?).into_response())
}

/// How far a fit is, and its result. It is kept for seven days.
#[utoipa::path(
    get, path = "/api/chemistry/fit/{id}", tag = "chemistry", params(("id" = String, Path, description = "The fit")),
    responses((status = 200, body = Document), (status = 404, description = "No such fit", body = ErrorEnvelope))
)]
async fn get_fit(State(fits): State<Fits>, Path(id): Path<String>) -> ApiResult<Response> {
    document(known(&fits, &id).await?)
}

/// Cancels a fit that is not finished.
#[utoipa::path(
    delete, path = "/api/chemistry/fit/{id}", tag = "chemistry", params(("id" = String, Path, description = "The fit")),
    responses((status = 200, description = "As it is now", body = Document), (status = 404, description = "No such fit", body = ErrorEnvelope))
)]
async fn delete_fit(State(fits): State<Fits>, Path(id): Path<String>) -> ApiResult<Response> {
    known(&fits, &id).await?;
    cancel(&fits.store, &id).await?;
    document(known(&fits, &id).await?)
}

async fn known(fits: &Fits, id: &str) -> ApiResult<FitJob> {
    fits.store.fit(id).await?.ok_or_else(|| ApiError::not_found("no fit has this id, or it is older than a week"))
}

fn document(job: FitJob) -> ApiResult<Response> {
    // The document may change at any moment.
    let fresh = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((fresh, Json(Document::new(job).map_err(ApiError::internal)?)).into_response())
}

fn no_points(error: NoPoints) -> ApiError {
    match error {
        NoPoints::Store(error) => error.into(),
        NoPoints::Range(error) => error.into(),
        NoPoints::NoSeries => ApiError::not_found(error.to_string()),
        NoPoints::Site(_) | NoPoints::Nothing | NoPoints::Units(..) | NoPoints::TooMany => {
            ApiError::bad_request(error.to_string())
        }
    }
}

fn not_taken(error: NotTaken) -> ApiError {
    match error {
        NotTaken::Store(error) => error.into(),
        NotTaken::TooMany => {
            let message = format!("{MAX_OPEN} fits are waiting already; try again when some are done");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_fits", message).with_retry_after(RETRY_AFTER)
        }
        NotTaken::NoWorker(_) => {
            tracing::error!(%error, "a fit could not be queued");
            let message = "fits cannot be computed now; try again";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).with_retry_after(RETRY_AFTER)
        }
    }
}

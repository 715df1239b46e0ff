//! Decisions people make about files: to withdraw one, or to mark its refused rows as dealt with.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use engine::Engine;
use engine::answer::AlertsChanged;
use engine::record::IngestRecord;
use engine::withdraw::{DecideError, Withdrawn};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::error::ErrorEnvelope;
use web::guard::Client;
use web::query::{JsonBody, Path, Query, Reason, reason};
use web::{ApiError, ApiResult};

/// The routes.
pub(super) fn router(engine: Engine) -> Router {
    Router::new()
        .route("/api/ingests/{id}", delete(delete_ingest))
        .route("/api/ingests/{id}/resolution", post(post_resolution))
        .with_state(engine)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Why {
    /// Why the file is withdrawn; kept in the ledger.
    #[param(value_type = Reason)]
    reason: String,
}

/// A file that was withdrawn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WithdrawnFile {
    /// Its record.
    ingest: IngestRecord,
    /// How the alerts have changed so far.
    alerts: AlertsChanged,
    /// Only with 202: how much is still to be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

/// Withdraws a file: its readings no longer count, the readings they had replaced count again, and verdicts follow. The
/// ledger keeps both. If the same bytes are sent again later, they are a new file.
#[utoipa::path(
    delete, path = "/api/ingests/{id}", tag = "ingest",
    params(("id" = String, Path, description = "As in the answer to the ingest"), Why),
    responses(
        (status = 200, description = "Withdrawn, now or before", body = WithdrawnFile),
        (
            status = 202, description = "Withdrawn; judging goes on by itself", body = WithdrawnFile,
            headers(("Location" = String, description = "Where to ask how far it is"))
        ),
        (status = 400, description = "No reason, or a longer one than 600 bytes", body = ErrorEnvelope),
        (status = 404, description = "No such ingest", body = ErrorEnvelope),
        (status = 409, description = "It is still being ingested (`unfinished`)", body = ErrorEnvelope),
    )
)]
async fn delete_ingest(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    Query(why): Query<Why>,
    client: Client,
) -> ApiResult<Response> {
    let reason = reason(&why.reason)?;
    let Withdrawn { ingest, alerts, left } = engine.withdraw(&id, reason, &client.0).await.map_err(refusal)?;
    let pending = (left > 0).then_some(left);
    let ingest = IngestRecord::of(ingest, &engine.store().removals().await?);
    let answer = Json(WithdrawnFile { ingest, alerts, pending });
    if pending.is_none() {
        return Ok(answer.into_response());
    }
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, "/api/status")], answer).into_response())
}

/// A person's note on refused rows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    /// Why they need not keep a certificate from being complete.
    #[schema(value_type = Reason)]
    reason: String,
}

/// Records that a person has dealt with the refused rows of a file: certificates no longer name them.
#[utoipa::path(
    post, path = "/api/ingests/{id}/resolution", tag = "ingest",
    params(("id" = String, Path, description = "As in the answer to the ingest")), request_body = Resolution,
    responses(
        (status = 200, description = "The record", body = IngestRecord),
        (status = 400, description = "No reason, or a longer one than 600 bytes", body = ErrorEnvelope),
        (status = 404, description = "No such ingest", body = ErrorEnvelope),
        (status = 409, description = "It is still being ingested (`unfinished`), or no row of it was refused (`nothing_refused`)", body = ErrorEnvelope),
    )
)]
async fn post_resolution(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    client: Client,
    JsonBody(resolution): JsonBody<Resolution>,
) -> ApiResult<Json<IngestRecord>> {
    let reason = reason(&resolution.reason)?;
    let ingest = engine.resolve(&id, reason, &client.0).await.map_err(refusal)?;
    Ok(Json(IngestRecord::of(ingest, &engine.store().removals().await?)))
}

fn refusal(error: DecideError) -> ApiError {
    match error {
        DecideError::Unknown => ApiError::not_found("no ingest has this id"),
        DecideError::Unfinished => ApiError::new(StatusCode::CONFLICT, "unfinished", error.to_string()),
        DecideError::NothingRefused => ApiError::new(StatusCode::CONFLICT, "nothing_refused", error.to_string()),
        DecideError::Store(error) => error.into(),
    }
}

//! Errors: one JSON envelope for clients, the cause for the log.
//!
//! `{"error": {"code": "...", "message": "...", "request_id": "...", "details": ...}}`

use super::request_id;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::permit_json::FieldError;
use domain::range::RangeError;
use engine::original::OriginalError;
use engine::record::IngestError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use table::StoreError;

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// A failure: what the client is told, and separately what is logged.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Boxed: otherwise every result of a handler would be larger than its usual contents.
    details: Option<Box<Value>>,
    cause: Option<String>,
    retry_after: Option<u64>,
}

/// The envelope, for the API documentation.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorEnvelope {
    /// The error.
    pub error: ErrorBody,
}

/// What is wrong.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// For programs: stable.
    pub code: String,
    /// For people.
    pub message: String,
    /// To be quoted in a support request: the log has the same id.
    pub request_id: String,
    /// More, depending on the code.
    #[schema(value_type = Option<ErrorDetails>)]
    pub details: Option<Value>,
}

/// Details for programs, depending on the code.
#[derive(Debug, utoipa::ToSchema)]
#[serde(untagged)]
pub enum ErrorDetails {
    /// `invalid`: the errors of the fields.
    Fields {
        /// The fields.
        fields: Vec<FieldError>,
    },
    /// `too_large`: the limit.
    Bytes {
        /// The most bytes.
        max_bytes: u64,
    },
    /// `too_many_rows`: the limit.
    Rows {
        /// The most data rows.
        max_rows: u64,
    },
    /// `conflict`: the permit in force.
    Permit {
        /// The version in force.
        version: u64,
        /// The permit in force, as `GET` answers it.
        #[schema(schema_with = site_permit)]
        permit: Value,
    },
    /// `rows_refused`: the account of the file.
    Report(formats::report::Report),
}

/// The schema is defined by the function that answers with it.
fn site_permit() -> utoipa::openapi::Ref {
    utoipa::openapi::Ref::from_schema_name("SitePermit")
}

/// The cause of a failure, carried to the access log.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) String);

impl ApiError {
    /// An error with a message that the client may see.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: None, cause: None, retry_after: None }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 415: the body has an unsupported type.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// 401: no token, or a wrong one.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "a valid token is required")
    }

    /// 422: invalid fields.
    pub fn invalid(errors: &[FieldError]) -> Self {
        let message = errors.first().map_or_else(String::new, |e| format!("{}: {}", e.field, e.reason));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message).with_details(json!({ "fields": errors }))
    }

    /// 429, with the time to wait.
    pub fn rate_limited(retry_after: u64) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests");
        Self { retry_after: Some(retry_after.max(1)), ..error }
    }

    /// 503: the table does not answer. The cause goes to the log only.
    pub fn unavailable(cause: impl ToString) -> Self {
        let error =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database does not answer; try again");
        Self { cause: Some(cause.to_string()), retry_after: Some(1), ..error }
    }

    /// 500. The cause goes to the log only.
    pub fn internal(cause: impl ToString) -> Self {
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side");
        Self { cause: Some(cause.to_string()), ..error }
    }

    /// Sets the number of seconds after which to retry.
    pub fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Adds details for programs.
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(Box::new(details)), ..self }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The envelope that goes to the client.
    pub fn envelope(&self) -> ErrorEnvelope {
        let (code, message) = (self.code.to_owned(), self.message.clone());
        let details = self.details.as_deref().cloned();
        ErrorEnvelope { error: ErrorBody { code, message, request_id: request_id::current(), details } }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.envelope())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

impl From<RangeError> for ApiError {
    fn from(error: RangeError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { .. } => Self::internal(error),
            StoreError::BeingRemoved => Self::new(StatusCode::CONFLICT, "being_removed", error.to_string()),
            StoreError::NoNewSite(why) => Self::new(StatusCode::CONFLICT, why.code(), why.to_string()),
            StoreError::Conflict | StoreError::Busy(_) | StoreError::Service(_) => Self::unavailable(error),
        }
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        let status = match &error {
            IngestError::Original(OriginalError::TooLarge { .. }) | IngestError::TooManyRows { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            IngestError::Original(OriginalError::Io(io)) if io.kind() == std::io::ErrorKind::StorageFull => {
                return Self::internal(io);
            }
            IngestError::Io(io) => return Self::internal(io),
            IngestError::Store(_) | IngestError::Paused => StatusCode::SERVICE_UNAVAILABLE,
            IngestError::Original(_) | IngestError::Site(_) | IngestError::Header(formats::HeaderError::Empty) => {
                StatusCode::BAD_REQUEST
            }
            IngestError::Header(_) | IngestError::NoRows | IngestError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        if let IngestError::Store(store) = error {
            return store.into();
        }
        let refused = Self::new(status, error.code(), error.to_string());
        let refused = if matches!(error, IngestError::Paused) { refused.with_retry_after(1) } else { refused };
        match error.details() {
            Some(details) => refused.with_details(details),
            None => refused,
        }
    }
}

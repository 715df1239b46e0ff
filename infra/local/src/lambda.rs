//! Lambda's Invoke API: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.

use crate::asynchronous::{Asynchronous, Refused};
use crate::http::{self, decoded, read_up_to};
use crate::permissions::{Permissions, Wish};
use crate::runtime::{InvokeError, MAX_EVENT, Pool};
use crate::signature::Signature;
use crate::template::Function;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;
use std::collections::HashMap;

const BEFORE: &str = "/2015-03-31/functions/";
const AFTER: &str = "/invocations";
/// The most bytes of an asynchronous event.
const MAX_ASYNCHRONOUS: usize = 1024 * 1024;

/// The functions, ready to be invoked.
pub(crate) struct Lambda {
    pub(crate) functions: Vec<Function>,
    pub(crate) pools: HashMap<String, Pool>,
    pub(crate) asynchronous: Asynchronous,
}

/// An error in Lambda's format.
struct Failure(StatusCode, &'static str, String);

/// The name or ARN of the function in a path.
pub(crate) fn invoked(path: &str) -> Option<String> {
    let name = path.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
    Some(decoded(name)).filter(|name| !name.is_empty() && !name.contains('/'))
}

impl Lambda {
    /// Answers an invocation request.
    pub(crate) async fn answer(
        &self,
        name: &str,
        request: Request,
        signature: &Signature,
        permissions: Option<&Permissions>,
    ) -> Response {
        self.invoke(name, request, signature, permissions).await.unwrap_or_else(Failure::into_response)
    }

    async fn invoke(
        &self,
        name: &str,
        request: Request,
        signature: &Signature,
        permissions: Option<&Permissions>,
    ) -> Result<Response, Failure> {
        let (parts, body) = request.into_parts();
        let body = read_up_to(body, MAX_EVENT).await;
        let function = self.functions.iter().find(|function| is(function, name));
        let function = function.ok_or_else(|| {
            Failure(StatusCode::NOT_FOUND, "ResourceNotFoundException", format!("Function not found: {name}"))
        })?;
        let wish = Wish::new("lambda:InvokeFunction", function.arn.clone());
        let allowed = Permissions::check_unless_off(permissions, &signature.access_key, &wish);
        allowed.map_err(|message| Failure(StatusCode::FORBIDDEN, "AccessDeniedException", message))?;
        let body = body.map_err(|why| match why {
            http::Refused::TooLarge => too_large(),
            http::Refused::Broken => {
                Failure(StatusCode::BAD_REQUEST, "InvalidRequestContentException", why.to_string())
            }
        })?;
        let event = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&event) {
            let message = format!("Could not parse request body into json: {error}");
            return Err(Failure(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message));
        }
        let kind = parts.headers.get("x-amz-invocation-type").and_then(|kind| kind.to_str().ok());
        match kind.unwrap_or("RequestResponse") {
            "RequestResponse" => self.wait(function, event).await,
            "Event" if event.len() > MAX_ASYNCHRONOUS => Err(too_large()),
            "Event" => match self.asynchronous.send(&function.id, event) {
                Ok(id) => Ok(answer(StatusCode::ACCEPTED, &id, Body::empty())),
                Err(error @ (Refused::Full | Refused::NoFunction(_))) => Err(busy(error.to_string())),
            },
            "DryRun" => Ok(answer(StatusCode::NO_CONTENT, &uuid::Uuid::new_v4().to_string(), Body::empty())),
            other => {
                let message = format!("unknown invocation type {other}; use RequestResponse, Event or DryRun");
                Err(Failure(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message))
            }
        }
    }

    async fn wait(&self, function: &Function, event: Bytes) -> Result<Response, Failure> {
        let id = uuid::Uuid::new_v4().to_string();
        let pool = self.pools.get(&function.id).ok_or_else(|| busy("the function has no environments".to_owned()))?;
        let mut response = match pool.invoke_as(&id, event, None).await {
            Ok(payload) => answer(StatusCode::OK, &id, Body::from(payload)),
            Err(InvokeError::Function { payload, .. }) => {
                let mut response = answer(StatusCode::OK, &id, Body::from(payload));
                response.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
                response
            }
            Err(InvokeError::EventTooLarge(_)) => return Err(too_large()),
            Err(error) => return Err(busy(error.to_string())),
        };
        response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
        Ok(response)
    }
}

/// By logical id, name, or full or partial ARN, optionally with `$LATEST` or an alias.
fn is(function: &Function, name: &str) -> bool {
    let account = crate::template::ACCOUNT;
    let partial = name.strip_prefix(account).and_then(|rest| rest.strip_prefix(":function:"));
    let bare = name.split(':').next().unwrap_or_default();
    bare == function.id || function.is_named_by(name) || partial.is_some_and(|name| function.is_named_by(name))
}

fn answer(status: StatusCode, id: &str, body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amzn-requestid", id);
    }
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn too_large() -> Failure {
    let message =
        format!("Request must be smaller than {MAX_EVENT} bytes, or {MAX_ASYNCHRONOUS} for asynchronous invocations");
    Failure(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
}

fn busy(message: String) -> Failure {
    Failure(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", message)
}

impl Failure {
    fn into_response(self) -> Response {
        let Self(status, kind, message) = self;
        let body = json!({"Type": "User", "Message": message}).to_string();
        let mut response = answer(status, &uuid::Uuid::new_v4().to_string(), Body::from(body));
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
        response
    }
}

//! S3: the buckets of a template, as folders behind S3's interface.
//!
//! The `s3s` library implements the protocol. This module implements the storage: a folder for each bucket, with a file
//! for the bytes of each version and a journal (`bucket`, `index`), so that a reader always gets one complete version,
//! and a killed gateway loses nothing that it has confirmed. Signatures identify the caller and are not verified; a
//! function may do what its role allows.

mod bucket;
mod chunked;
mod conditions;
mod copies;
mod index;
mod listing;
mod notice;
mod operations;
mod parts;
mod receive;
mod service;
mod uploads;

pub(crate) use notice::Listener;

use crate::http::{pairs, patient, read_away};
use crate::permissions::Permissions;
use crate::signature::Signature;
use crate::template::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use s3s::service::{S3Service, S3ServiceBuilder};
use service::{Caller, Service};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Headers of a signature, and those that only describe how a body was sent.
const SIGNED: [&str; 5] =
    ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-trailer"];
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

/// The buckets, ready for requests.
#[derive(Clone)]
pub(crate) struct Buckets {
    service: S3Service,
    names: Arc<[String]>,
}

impl Buckets {
    /// The buckets of a template, in a folder; `None` if it has none.
    pub(crate) fn open(
        folder: &Path,
        template: &Template,
        permissions: Option<Arc<Permissions>>,
        listener: Listener,
    ) -> anyhow::Result<Option<Self>> {
        if template.buckets.is_empty() {
            return Ok(None);
        }
        let service = Service::open(folder, &template.buckets, permissions, listener)?;
        let names = template.buckets.iter().map(|bucket| bucket.name.clone()).collect();
        Ok(Some(Self { service: S3ServiceBuilder::new(service).build(), names }))
    }

    /// Answers a request that is signed for S3.
    pub(crate) async fn answer(&self, mut request: Request, signature: &Signature, peer: SocketAddr) -> Response {
        let request_id = request_id();
        let mut response = match refused(&request, signature) {
            Some(response) => {
                read_away(request.into_body());
                response
            }
            None => {
                self.unsign(&mut request);
                let access_key = signature.access_key.clone();
                let (address, request_id) = (peer.ip().to_string(), request_id.clone());
                request.extensions_mut().insert(Caller { access_key, address, request_id });
                self.call(request).await
            }
        };
        if let Ok(id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert("x-amz-request-id", id);
        }
        response
    }

    async fn call(&self, request: Request) -> Response {
        let request = decoded(request.map(patient));
        match self.service.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(error = %s3s::StdError::from(error), "a request to a bucket failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// Removes the signature, which was checked already, and moves a bucket name from the host into the path.
    fn unsign(&self, request: &mut Request) {
        for name in SIGNED {
            request.headers_mut().remove(name);
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let inside = self.names.iter().find(|name| host.strip_prefix(name.as_str()).is_some_and(is_local));
        let prefix = inside.map(|name| format!("/{name}")).unwrap_or_default();
        let uri = request.uri();
        let kept: Vec<_> = uri.query().unwrap_or_default().split('&').filter(|pair| !is_of_signature(pair)).collect();
        let query = kept.join("&");
        let text = if query.is_empty() {
            format!("{prefix}{}", uri.path())
        } else {
            format!("{prefix}{}?{query}", uri.path())
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(text).ok().or(parts.path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

/// The suffix after a bucket's name in a host, for SDKs configured with `http://localhost:PORT`.
fn is_local(rest: &str) -> bool {
    rest == ".localhost" || rest.starts_with(".localhost:")
}

fn is_of_signature(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let signed = ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token"];
    let second = ["AWSAccessKeyId", "Signature", "Expires"];
    second.contains(&name) || name.strip_prefix("X-Amz-").is_some_and(|rest| signed.contains(&rest))
}

/// The request with its body decoded from signed chunks.
fn decoded(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let Some(length) = parts.headers.remove(DECODED_LENGTH) else { return Request::from_parts(parts, body) };
    parts.headers.insert(header::CONTENT_LENGTH, length);
    let encodings = parts.headers.get_all(header::CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let own = encodings.flat_map(|value| value.split(',')).map(str::trim).filter(|name| *name != "aws-chunked");
    let own = own.collect::<Vec<_>>().join(",");
    parts.headers.remove(header::CONTENT_ENCODING);
    if let Some(own) = Some(own).filter(|own| !own.is_empty()).and_then(|own| HeaderValue::try_from(own).ok()) {
        parts.headers.insert(header::CONTENT_ENCODING, own);
    }
    Request::from_parts(parts, chunked::decoded(body))
}

/// The answer to requests that are refused unseen.
fn refused(request: &Request, signature: &Signature) -> Option<Response> {
    if signature.has_expired() {
        return Some(error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"));
    }
    if request.method() != Method::POST {
        return None;
    }
    // The library reads a whole form, with its file, into memory before it checks permissions.
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("multipart/form-data") {
        let message = "Forms are not supported here; an address for PUT can be signed in advance";
        return Some(error(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message));
    }
    // Any web page can send a form to an address, and signatures are not verified.
    let deletes = pairs(request.uri().query().unwrap_or_default()).any(|(name, _)| name == "delete");
    let message = "Objects are deleted with a signature in the Authorization header";
    (deletes && !signature.in_header).then(|| error(StatusCode::FORBIDDEN, "AccessDenied", message))
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let kind: (HeaderName, &str) = (header::CONTENT_TYPE, "application/xml");
    (status, [kind], text).into_response()
}

/// Sixteen digits, as in AWS.
fn request_id() -> String {
    let mut id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    id.truncate(16);
    id
}

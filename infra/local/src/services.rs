//! AWS's services on the gateway's own port: the signature of a request names its service.

use crate::asynchronous::Asynchronous;
use crate::cli::Options;
use crate::events::Buses;
use crate::http::{plain, read_away};
use crate::lambda::{self, Lambda};
use crate::permissions::Permissions;
use crate::queues::Queues;
use crate::runtime::Pool;
use crate::s3::{Buckets, Listener};
use crate::schedules::Schedules;
use crate::signature::Signature;
use crate::template::{DEFAULT_BUS, Template};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The path of the gateway's own commands.
pub(crate) const FIRE: &str = "/.local-gateway/fire/";
/// A web page cannot send this header without permission.
pub(crate) const ASKED: &str = "x-local-gateway";

/// The services that a template needs.
pub struct Services {
    pub(crate) buckets: Option<Buckets>,
    pub(crate) queues: Queues,
    pub(crate) buses: Buses,
    pub(crate) lambda: Lambda,
    pub(crate) schedules: Schedules,
    pub(crate) permissions: Option<Arc<Permissions>>,
}

impl Services {
    /// Opens the template's services. Schedules do not run yet.
    pub(crate) fn open(
        options: &Options,
        template: &Template,
        pools: &HashMap<String, Pool>,
        permissions: Option<Arc<Permissions>>,
        stopping: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let queues = Queues::open(&options.data_dir.join("queues"), template)?;
        let asynchronous = Asynchronous::new(template, pools, queues.clone(), options.minute, stopping);
        let buses = Buses::new(template, asynchronous.clone());
        let listening = buses.clone();
        let listener: Listener = Arc::new(move |event| listening.publish(DEFAULT_BUS, &event));
        let buckets = Buckets::open(&options.data_dir.join("s3"), template, permissions.clone(), listener)?;
        let schedules = Schedules::new(template, &asynchronous, options.minute, stopping);
        let lambda = Lambda { functions: template.functions.clone(), pools: pools.clone(), asynchronous };
        Ok(Self { buckets, queues, buses, lambda, schedules, permissions })
    }

    /// Answers a request for one of the services; otherwise returns it.
    pub(crate) async fn answer(&self, request: Request, peer: SocketAddr) -> Result<Response, Request> {
        let permissions = self.permissions.as_deref();
        let signature = Signature::of(&request);
        let is_post = request.method() == Method::POST;
        if let Some(name) = lambda::invoked(request.uri().path()).filter(|_| is_post) {
            return Ok(match signature.filter(|signature| signature.in_header) {
                Some(signature) => self.lambda.answer(&name, request, &signature, permissions).await,
                None => unsigned(request),
            });
        }
        if let Some(name) = request.uri().path().strip_prefix(FIRE).map(crate::http::decoded).filter(|_| is_post) {
            return Ok(self.fire(&name, request));
        }
        let Some(signature) = signature else { return Err(request) };
        match (signature.service.as_str(), &self.buckets) {
            ("s3", Some(buckets)) => Ok(buckets.answer(request, &signature, peer).await),
            ("sqs" | "events", _) if !signature.in_header => Ok(unsigned(request)),
            ("sqs", _) => Ok(self.queues.answer(request, &signature, permissions).await),
            ("events", _) => Ok(self.buses.answer(request, &signature, permissions).await),
            _ => Err(request),
        }
    }

    fn fire(&self, name: &str, request: Request) -> Response {
        let is_asked = request.headers().contains_key(ASKED);
        read_away(request.into_body());
        if !is_asked {
            return plain(StatusCode::FORBIDDEN, "Forbidden");
        }
        match self.schedules.fire(name) {
            Ok(()) => plain(StatusCode::ACCEPTED, "fired"),
            Err(message) => plain(StatusCode::NOT_FOUND, &message),
        }
    }
}

/// Refuses what any web page could send. Signatures are not verified, but a page cannot send one in a header without
/// permission, which it never gets.
fn unsigned(request: Request) -> Response {
    read_away(request.into_body());
    let mut response = plain(StatusCode::FORBIDDEN, "Missing Authentication Token");
    let kind = HeaderValue::from_static("MissingAuthenticationTokenException");
    response.headers_mut().insert("x-amzn-errortype", kind);
    response
}

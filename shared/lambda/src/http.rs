//! Answers the HTTP API's events with routers.

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, LambdaEvent, Service};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};

/// A router that answers events of the HTTP API (payload format 2.0).
#[derive(Clone)]
pub struct Http(Router);

impl Http {
    pub(super) fn new(router: Router) -> Self {
        Self(router.layer(middleware::from_fn(with_client)))
    }

    /// The answer to one event.
    pub async fn answer(&self, mut event: LambdaEvent<LambdaRequest>) -> impl Serialize + use<> {
        encode_path(&mut event.payload);
        match Adapter::from(self.0.clone()).call(event).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Characters that a path may contain unencoded (RFC 3986, 3.3).
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// HTTP APIs pass decoded paths; a `?` or a space in a site's name would end the path.
fn encode_path(request: &mut LambdaRequest) {
    if let LambdaRequest::ApiGatewayV2(request) = request
        && let Some(path) = &mut request.raw_path
    {
        *path = utf8_percent_encode(path, IN_PATHS).to_string();
    }
}

/// Tells the router the client's address, which a server takes from the connection.
async fn with_client(mut request: Request, next: Next) -> Response {
    if let Some(RequestContext::ApiGatewayV2(context)) = request.extensions().get::<RequestContext>()
        && let Some(client) = context.http.source_ip.as_deref().and_then(|text| text.parse::<IpAddr>().ok())
    {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    }
    next.run(request).await
}

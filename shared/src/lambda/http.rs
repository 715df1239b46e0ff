//! The HTTP API's events, for routers.

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, LambdaEvent, Service};
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
    pub async fn answer(&self, event: LambdaEvent<LambdaRequest>) -> impl Serialize + use<> {
        match Adapter::from(self.0.clone()).call(event).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Tells the router who asks, as a server does that has the connection itself.
async fn with_client(mut request: Request, next: Next) -> Response {
    if let Some(RequestContext::ApiGatewayV2(context)) = request.extensions().get::<RequestContext>()
        && let Some(client) = context.http.source_ip.as_deref().and_then(|text| text.parse::<IpAddr>().ok())
    {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    }
    next.run(request).await
}

//! Who may call `/api/*`, and how often.

use super::limiter::Limiter;
use super::{ApiError, ApiResult};
use crate::auth;
use crate::config::{Config, Secret};
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use table::Store;

/// The rate limit and the token of the API.
#[derive(Debug, Clone)]
pub struct Guard {
    token: Option<Secret>,
    limiter: Limiter,
    origins: Arc<[HeaderValue]>,
}

impl Guard {
    /// As configured, for a process that all clients of a server come to.
    pub fn new(config: &Config) -> Self {
        Self::with(config, Limiter::own(config.requests_per_second))
    }

    /// As configured, for one of many processes that share a table.
    pub fn shared(config: &Config, store: Store) -> Self {
        Self::with(config, Limiter::shared(config.requests_per_second, store))
    }

    fn with(config: &Config, limiter: Limiter) -> Self {
        Self { token: config.api_token.clone(), limiter, origins: config.cors_origins.clone().into() }
    }

    /// Puts the guard before all routes of a router. Paths that are no routes are not counted.
    pub fn protect(&self, router: Router) -> Router {
        router.route_layer(middleware::from_fn_with_state(self.clone(), check))
    }

    /// Whether a WebSocket client may connect. Right tokens cost nothing, so that a whole control room can connect
    /// from one address; wrong ones are counted like requests, and who sent too many is not compared for a while.
    pub async fn admit_websocket(
        &self,
        client: IpAddr,
        path: &str,
        headers: &HeaderMap,
        query_token: Option<&str>,
    ) -> ApiResult<()> {
        let Some(token) = &self.token else { return self.admit_origin(headers) };
        self.limiter.hears(client, path).await?;
        let sent = auth::websocket_token(headers, query_token);
        if sent.is_some_and(|sent| auth::matches(token, sent)) {
            return Ok(());
        }
        self.limiter.guessed(client, path).await?;
        Err(ApiError::unauthorized())
    }

    /// Browsers let any page open a WebSocket to any server, and only say which page it is. Where no token keeps
    /// strangers' pages out, that is what does.
    fn admit_origin(&self, headers: &HeaderMap) -> ApiResult<()> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
        if self.origins.contains(origin) || own.is_some() && own == host {
            return Ok(());
        }
        let detail = "pages from this origin may not connect; OW_SC_CORS_ORIGINS lists those that may";
        Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", detail))
    }
}

/// The address that a request came from.
pub fn client_of(extensions: &http::Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// Who asks, as ledgers name it: the address that the request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(client_of(&parts.extensions).to_string()))
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // The limit comes first, so that guessing tokens is limited too.
    if let Err(refusal) = guard.limiter.check(client_of(request.extensions()), route).await {
        return refusal.into_response();
    }
    let allowed = guard
        .token
        .as_ref()
        .is_none_or(|token| auth::bearer(request.headers()).is_some_and(|sent| auth::matches(token, sent)));
    if allowed { next.run(request).await } else { ApiError::unauthorized().into_response() }
}

/// Whether `/metrics` may be read with these headers.
pub fn admit_metrics(config: &Config, headers: &HeaderMap) -> Result<(), ApiError> {
    match config.metrics_guard() {
        Ok(None) => Ok(()),
        Ok(Some(token)) if auth::bearer(headers).is_some_and(|sent| auth::matches(token, sent)) => Ok(()),
        Ok(Some(_)) => Err(ApiError::unauthorized()),
        Err(()) => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", "metrics are protected and no token is configured"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/ws/effluent";

    fn with_token() -> Guard {
        Guard::new(&Config { api_token: Some("right".into()), ..Config::defaults() })
    }

    #[tokio::test]
    async fn guessing_is_limited_and_a_control_room_is_not() {
        let guard = with_token();
        let (room, guesser): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let admit = async |client, token| guard.admit_websocket(client, PATH, &HeaderMap::new(), token).await;
        for _ in 0..500 {
            assert!(admit(room, Some("right")).await.is_ok());
        }
        let mut compared = 0;
        for _ in 0..500 {
            compared +=
                u32::from(admit(guesser, Some("wrong")).await.unwrap_err().status() == StatusCode::UNAUTHORIZED);
        }
        assert!((10..=12).contains(&compared), "{compared}");
        // Even the right token is not looked at now.
        assert!(admit(guesser, Some("right")).await.is_err());
        assert!(admit(room, None).await.is_err());
    }

    #[tokio::test]
    async fn without_a_token_everybody_but_strangers_pages_may_connect() {
        let allowed = HeaderValue::from_static("https://plant.example");
        let guard = Guard::new(&Config { cors_origins: vec![allowed], ..Config::defaults() });
        let admit = async |origin: Option<&'static str>| {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost:8000"))]);
            headers.extend(origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin))));
            guard.admit_websocket([10, 0, 0, 1].into(), PATH, &headers, None).await.is_ok()
        };
        for friend in [None, Some("http://localhost:8000"), Some("https://plant.example")] {
            assert!(admit(friend).await, "{friend:?}");
        }
        for stranger in ["https://evil.example", "null", "http://localhost:80"] {
            assert!(!admit(Some(stranger)).await, "{stranger}");
        }
    }
}

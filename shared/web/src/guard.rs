//! Who may call `/api/*`, and how often.

use super::limiter::Limiter;
use super::{ApiError, ApiResult};
use crate::auth;
use crate::config::{Config, Secret};
use crate::hosts::Origins;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use table::Store;

/// The rate limit and the token of the API.
#[derive(Debug, Clone)]
pub struct Guard {
    token: Option<Secret>,
    limiter: Limiter,
    origins: Origins,
}

impl Guard {
    /// As configured, for a single process that serves all clients.
    pub fn new(config: &Config) -> Self {
        Self::with(config, Limiter::own(config.requests_per_second))
    }

    /// As configured, for one of many processes that share a table.
    pub fn shared(config: &Config, store: Store) -> Self {
        Self::with(config, Limiter::shared(config.requests_per_second, store))
    }

    fn with(config: &Config, limiter: Limiter) -> Self {
        Self { token: config.api_token.clone(), limiter, origins: Origins::new(config) }
    }

    /// Puts the guard in front of all routes of a router. Unknown paths are not counted.
    pub fn protect(&self, router: Router) -> Router {
        router.route_layer(middleware::from_fn_with_state(self.clone(), check))
    }

    /// Whether a WebSocket client may connect.
    pub async fn admit_websocket(
        &self,
        client: IpAddr,
        path: &str,
        headers: &HeaderMap,
        query_token: Option<&str>,
    ) -> ApiResult<()> {
        // Browsers let any page open a WebSocket to any server, and only say which page it is.
        let Some(token) = &self.token else { return self.origins.admit(headers) };
        self.compare(token, auth::websocket_token(headers, query_token).as_deref(), client, path).await
    }

    /// Compares the client's token with the configured one. Without a token, nothing is guessed. Wrong ones are
    /// counted, and a client that sent too many is refused for a while without a comparison.
    async fn compare(&self, token: &Secret, sent: Option<&str>, client: IpAddr, path: &str) -> ApiResult<()> {
        let Some(sent) = sent else { return Err(ApiError::unauthorized()) };
        self.limiter.hears(client)?;
        if auth::matches(token, sent) {
            return Ok(());
        }
        self.limiter.guessed(client, path).await?;
        Err(ApiError::unauthorized())
    }

    /// Whether a request may be answered.
    async fn admit(&self, client: IpAddr, route: &str, headers: &HeaderMap) -> ApiResult<()> {
        let Some(token) = &self.token else { return self.limiter.check(client, route).await };
        self.compare(token, auth::bearer(headers), client, route).await?;
        self.limiter.check_token(route)
    }
}

/// The client's address of a request.
pub fn client_of(extensions: &http::Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// The caller, as ledgers name it: its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(client_of(&parts.extensions).to_string()))
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (client, path) = (client_of(request.extensions()), route.as_ref().map_or("", MatchedPath::as_str));
    match guard.admit(client, path, request.headers()).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
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
        // Even the right token is not compared now.
        assert!(admit(guesser, Some("right")).await.is_err());
        // A client without a token has guessed nothing.
        for _ in 0..100 {
            assert_eq!(admit(room, None).await.unwrap_err().status(), StatusCode::UNAUTHORIZED);
        }
        assert!(admit(room, Some("right")).await.is_ok());
    }
}

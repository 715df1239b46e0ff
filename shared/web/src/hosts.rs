//! Decides which hosts are served, and whose pages may do more than read.
//!
//! A browser lets every page send requests to every address. A token keeps foreign pages out. Without one, a page is
//! recognised by its `Origin`; and a page whose own name was made to resolve to this machine (DNS rebinding), by its
//! foreign `Host`.

use super::{ApiError, ApiResult};
use crate::config::Config;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Without a token, serves only this machine's names and those of `OW_SC_HOSTS`.
pub fn known_alone(router: Router, config: &Config) -> Router {
    if config.api_token.is_some() || config.hosts.iter().any(|name| name == "*") {
        return router;
    }
    router.layer(middleware::from_fn_with_state(Arc::from(config.hosts.as_slice()), check_host))
}

/// Without a token, keeps pages of other origins from sending anything.
pub(crate) fn own_pages_alone(router: Router, config: &Config) -> Router {
    if config.api_token.is_some() {
        return router;
    }
    router.layer(middleware::from_fn_with_state(Origins::new(config), check_origin))
}

async fn check_host(State(known): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let host = request.uri().authority().cloned().or_else(|| host(request.headers()));
    // HTTP/1.0 needs none, but browsers always send one.
    if request.headers().contains_key(header::HOST) && !host.is_some_and(|host| is_known(host.host(), &known)) {
        let detail = "this host is not served; without OW_SC_API_TOKEN, it must be in OW_SC_HOSTS";
        return ApiError::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", detail).into_response();
    }
    next.run(request).await
}

/// Nobody can make an address resolve elsewhere.
fn is_known(host: &str, known: &[String]) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    let is_address = name.parse::<IpAddr>().is_ok() || name != literal && literal.parse::<Ipv6Addr>().is_ok();
    is_address || name == "localhost" || name.ends_with(".localhost") || known.contains(&name)
}

async fn check_origin(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    match origins.admit(request.headers()) {
        Err(refusal) if !reads => refusal.into_response(),
        _ => next.run(request).await,
    }
}

/// The pages that may send something without a token.
#[derive(Debug, Clone)]
pub(crate) struct Origins(Arc<[HeaderValue]>);

impl Origins {
    pub(crate) fn new(config: &Config) -> Self {
        Self(config.cors_origins.as_slice().into())
    }

    /// Whether the page, if there is one, is our own or a listed one.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> ApiResult<()> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        if self.0.contains(origin) || is_own(origin, headers) {
            return Ok(());
        }
        let detail = "pages from this origin may only read; OW_SC_CORS_ORIGINS lists those that may do more";
        Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", detail))
    }
}

/// Whether a page comes from the host of its request. Many proxies pass the host on without its port, but the page's
/// origin has it.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Some(own) = host(headers) else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")?.1.parse::<Authority>().ok());
    authority.is_some_and(|page| {
        let is_port =
            own.port_u16().is_none_or(|port| page.port_u16() == Some(port) || is_default(origin, port, &page));
        page.host().eq_ignore_ascii_case(own.host()) && is_port
    })
}

/// Whether the host's port is the default of the origin's scheme.
fn is_default(origin: &HeaderValue, port: u16, page: &Authority) -> bool {
    let implied = if origin.as_bytes().starts_with(b"https:") { 443 } else { 80 };
    page.port_u16().is_none() && port == implied
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn asked(config: &Config, method: Method, headers: &[(header::HeaderName, &str)]) -> StatusCode {
        let router = Router::new().route("/", get(async || "fine").post(async || "fine"));
        let router = own_pages_alone(known_alone(router, config), config);
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_name_that_points_here_is_not_enough() {
        let config = Config { hosts: vec!["plant.example".into()], ..Config::defaults() };
        let ask = async |config: &Config, host: &str| asked(config, Method::GET, &[(header::HOST, host)]).await;
        let own = [
            "localhost",
            "LOCALHOST.:8000",
            "a.localhost:1",
            "127.0.0.1:8000",
            "[::1]:8000",
            "192.168.3.4",
            "Plant.example:81",
        ];
        for host in own {
            assert_eq!(ask(&config, host).await, StatusCode::OK, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "a b",
            "plant.example.evil.example",
        ] {
            assert_eq!(ask(&config, host).await, StatusCode::MISDIRECTED_REQUEST, "{host}");
        }
        assert_eq!(asked(&config, Method::GET, &[]).await, StatusCode::OK);
        let any = Config { hosts: vec!["*".into()], ..Config::defaults() };
        let with_token = Config { api_token: Some("right".into()), ..Config::defaults() };
        for config in [any, with_token] {
            assert_eq!(ask(&config, "evil.example").await, StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn strangers_pages_may_read_what_cors_lets_them_and_send_nothing() {
        let listed = HeaderValue::from_static("https://plant.example");
        let config = Config { cors_origins: vec![listed], ..Config::defaults() };
        let ask = async |method: Method, host: &str, origin: &str| {
            asked(&config, method, &[(header::HOST, host), (header::ORIGIN, origin)]).await
        };
        let friends = [
            ("localhost:8000", "http://localhost:8000"),
            ("localhost:8000", "https://plant.example"),
            // Behind a proxy that passes the host on without its port, or with the default one.
            ("localhost", "https://localhost:8443"),
            ("localhost:443", "https://localhost"),
        ];
        for (host, origin) in friends {
            assert_eq!(ask(Method::POST, host, origin).await, StatusCode::OK, "{origin}");
        }
        for (host, origin) in [
            ("localhost:8000", "https://evil.example"),
            ("localhost:8000", "null"),
            ("localhost:8000", "http://localhost:80"),
            ("localhost:8000", "http://localhost"),
            ("localhost", "https://evil.example:8443"),
        ] {
            assert_eq!(ask(Method::POST, host, origin).await, StatusCode::FORBIDDEN, "{origin}");
            assert_eq!(ask(Method::GET, host, origin).await, StatusCode::OK, "{origin}");
        }
        let with_token = Config { api_token: Some("right".into()), ..Config::defaults() };
        let stranger = [(header::HOST, "localhost"), (header::ORIGIN, "https://evil.example")];
        assert_eq!(asked(&with_token, Method::POST, &stranger).await, StatusCode::OK);
    }
}

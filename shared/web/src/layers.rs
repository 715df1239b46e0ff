//! The layers around every router: request ids, access logs, metrics, security headers, CORS, and errors as JSON.

use super::drain::drain;
use super::error::Cause;
use super::pace::{PATIENCE, pace};
use super::{ApiError, hosts, request_id};
use crate::config::Config;
use crate::guard::client_of;
use crate::metrics;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;

/// Headers of every response, besides [`content_security_policy`] and `Strict-Transport-Security`.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// The policy allows what our own pages load from their own origin, connections to `others`, and nothing else.
pub fn content_security_policy<'a>(others: impl IntoIterator<Item = &'a Uri>) -> HeaderValue {
    let origin = |uri: &Uri| Some(format!(" {}://{}", uri.scheme_str()?, uri.authority()?));
    let others: String = others.into_iter().filter_map(origin).collect();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'{others}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    // Schemes and authorities are visible ASCII; if one ever was not, the page may load nothing at all.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The longest logged path of an unknown route.
const MAX_LOGGED_PATH: usize = 200;

/// Wraps a complete router in the layers.
pub fn wrap(router: Router, config: &Config) -> Router {
    let router = router
        .fallback(|| async { ApiError::not_found("unknown path; GET /docs lists the API") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not support this method",
            )
        })
        .layer(middleware::from_fn(drain))
        .layer(middleware::from_fn_with_state(PATIENCE, pace))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new());
    let router = if config.cors_origins.is_empty() { router } else { router.layer(cors(config)) };
    let router = hosts::own_pages_alone(router, config);
    router.layer(middleware::from_fn_with_state(config.hsts.clone(), observe))
}

fn cors(config: &Config) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(config.cors_origins.clone())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::IF_MATCH,
            request_id::HEADER,
        ])
        .expose_headers([request_id::HEADER, header::RETRY_AFTER, header::ETAG, header::LOCATION])
}

fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    ApiError::internal(format!("panic: {text}")).into_response()
}

async fn observe(State(hsts): State<Option<HeaderValue>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id::accept(request.headers().get(request_id::HEADER));
    let seen = Seen::of(&request);
    let mut response = request_id::scope(id.clone(), next.run(request)).await;
    finish(response.headers_mut(), &id);
    if let Some(hsts) = hsts {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    seen.account(&response, &id, started);
    response
}

fn finish(headers: &mut HeaderMap, id: &str) {
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| content_security_policy([]));
    // Accepted and generated ids are visible ASCII.
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(request_id::HEADER, id);
    }
}

/// What the log line needs of a request. Not the query, which may contain a token.
struct Seen {
    method: Method,
    /// The matched route for metrics, so that invented paths do not create series.
    route: Option<MatchedPath>,
    path: String,
    client: std::net::IpAddr,
}

impl Seen {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            path: request.uri().path().chars().take(MAX_LOGGED_PATH).collect(),
            client: client_of(request.extensions()),
        }
    }

    fn account(&self, response: &Response, id: &str, started: Instant) {
        let (took, status) = (started.elapsed(), response.status());
        let route = self.route.as_ref().map_or("unknown", MatchedPath::as_str).to_owned();
        let labels = [("route", route), ("method", label(&self.method)), ("status", status.as_str().to_owned())];
        metrics::answered(labels, took);
        let (method, path, client, status) = (&self.method, &self.path, self.client, status.as_u16());
        let ms = took.as_secs_f64() * 1000.0;
        match response.extensions().get::<Cause>() {
            Some(Cause(cause)) => {
                tracing::error!(%method, path, status, ms, %client, request_id = id, cause, "request");
            }
            None => tracing::info!(%method, path, status, ms, %client, request_id = id, "request"),
        }
    }
}

/// Methods can be invented too.
fn label(method: &Method) -> String {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH];
    if known.contains(method) { method.as_str().to_owned() } else { "other".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tower::ServiceExt;

    async fn ask(config: &Config, request: http::request::Builder) -> (StatusCode, HeaderMap, String) {
        async fn broken() -> Response {
            panic!("secret detail")
        }
        let router = Router::new().route("/", get(|| async { "fine" })).route("/broken", get(broken));
        let response = wrap(router, config).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }

    #[tokio::test]
    async fn every_response_has_the_headers() {
        for path in ["/", "/broken", "/nowhere"] {
            let request = Request::get(path).header("x-request-id", "mine-1");
            let (_, headers, _) = ask(&Config::defaults(), request).await;
            assert_eq!(headers["x-request-id"], "mine-1", "{path}");
            for (name, value) in SECURITY_HEADERS {
                assert_eq!(headers[&name], value, "{path}");
            }
            assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("connect-src 'self';"));
        }
    }

    #[tokio::test]
    async fn whether_browsers_keep_to_tls_is_a_setting() {
        let ask = async |config: &Config| {
            let (_, headers, _) = ask(config, Request::get("/")).await;
            headers.get(header::STRICT_TRANSPORT_SECURITY).map(|value| value.to_str().unwrap().to_owned())
        };
        // Not for other hosts of the plant's domain.
        assert_eq!(ask(&Config::defaults()).await.as_deref(), Some("max-age=31536000"));
        assert_eq!(ask(&Config { hsts: None, ..Config::defaults() }).await, None);
    }

    #[test]
    fn live_events_and_uploads_may_have_places_of_their_own() {
        let live = Uri::from_static("wss://live.example:8443/ws?events=alerts");
        let bucket = Uri::from_static("https://plant.s3.eu-central-1.amazonaws.com");
        let policy = content_security_policy([&live, &bucket]);
        let expected = "connect-src 'self' wss://live.example:8443 https://plant.s3.eu-central-1.amazonaws.com;";
        assert!(policy.to_str().unwrap().contains(expected));
    }

    #[tokio::test]
    async fn failures_are_envelopes_without_internals() {
        for (method, path, status, code) in [
            (Method::GET, "/broken", 500, "internal"),
            (Method::GET, "/nowhere", 404, "not_found"),
            (Method::POST, "/", 405, "method_not_allowed"),
        ] {
            let request = http::Request::builder().method(method).uri(path);
            let (got, headers, text) = ask(&Config::defaults(), request).await;
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!((got.as_u16(), body["error"]["code"].as_str()), (status, Some(code)));
            assert_eq!(body["error"]["request_id"], headers["x-request-id"].to_str().unwrap());
            assert!(!text.contains("secret"));
        }
    }

    #[tokio::test]
    async fn only_listed_origins_may_call() {
        let config = Config { cors_origins: vec![HeaderValue::from_static("https://a.example")], ..Config::defaults() };
        let preflight =
            |origin| Request::options("/").header("origin", origin).header("access-control-request-method", "GET");
        let allowed = "access-control-allow-origin";
        let (status, headers, _) = ask(&config, preflight("https://a.example")).await;
        assert_eq!((status, headers[allowed].to_str().unwrap()), (StatusCode::OK, "https://a.example"));
        let (_, headers, _) = ask(&config, preflight("https://b.example")).await;
        assert!(!headers.contains_key(allowed));
        let (_, headers, _) = ask(&Config::defaults(), preflight("https://a.example")).await;
        assert!(!headers.contains_key(allowed));
    }
}

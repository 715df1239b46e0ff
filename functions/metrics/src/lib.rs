//! `GET /metrics`, in Prometheus' text format.

pub mod sums;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use utoipa::OpenApi;
use web::ApiError;
use web::config::Config;
use web::error::ErrorEnvelope;
use web::guard::admit_metrics;

/// The documentation of this route.
#[derive(Debug, OpenApi)]
#[openapi(paths(metrics))]
pub struct Docs;

/// Renders all metrics as text.
pub type Render = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, ApiError>> + Send>> + Send + Sync>;

#[derive(Clone)]
struct Page {
    config: Arc<Config>,
    render: Render,
}

/// The route.
pub fn router(config: Arc<Config>, render: Render) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(Page { config, render })
}

/// All metrics, in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "health", security((), ("token" = [])),
    responses(
        (status = 200, content_type = "text/plain", body = String),
        (status = 401, description = "Protected, and no valid token", body = ErrorEnvelope),
        (status = 403, description = "Protected, and the server has no token to compare with", body = ErrorEnvelope),
    )
)]
async fn metrics(State(page): State<Page>, headers: HeaderMap) -> Result<Response, ApiError> {
    admit_metrics(&page.config, &headers)?;
    let text = (page.render)().await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt;

    async fn status(vars: &[(&str, &str)], token: Option<&str>) -> StatusCode {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (config, _) = Config::from_vars(vars).unwrap();
        let mut request = Request::get("/metrics");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let render: Render = Arc::new(|| Box::pin(async { Ok("up 1\n".to_owned()) }));
        let request = request.body(Body::empty()).unwrap();
        router(Arc::new(config), render).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn every_kind_of_protection() {
        let (protect, open) = (("OW_SC_METRICS_PROTECT", "1"), ("OW_SC_METRICS_PROTECT", "0"));
        let (api, own) = (("OW_SC_API_TOKEN", "api"), ("OW_SC_METRICS_TOKEN", "own"));
        assert_eq!(status(&[], None).await, StatusCode::OK);
        assert_eq!(status(&[api], None).await, StatusCode::UNAUTHORIZED);
        assert_eq!(status(&[api, open], None).await, StatusCode::OK);
        assert_eq!(status(&[protect], None).await, StatusCode::FORBIDDEN);
        assert_eq!(status(&[protect], Some("")).await, StatusCode::FORBIDDEN);
        for (vars, right, wrong) in [(vec![protect, api], "api", "own"), (vec![protect, api, own], "own", "api")] {
            assert_eq!(status(&vars, None).await, StatusCode::UNAUTHORIZED);
            assert_eq!(status(&vars, Some(wrong)).await, StatusCode::UNAUTHORIZED);
            assert_eq!(status(&vars, Some(right)).await, StatusCode::OK);
        }
    }
}

//! `GET /`: where to go from here.

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;

/// The routes.
pub fn router() -> Router {
    let style = || async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css")) };
    Router::new().route("/", get(|| async { Html(include_str!("index.html")) })).route("/style.css", get(style))
}

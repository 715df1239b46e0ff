//! `GET /`: the dashboard, and `GET /docs`: the API's documentation with a form to try requests. Both pages are built
//! from `web/` and embedded.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use web::{ApiError, layers};

/// The page, with a placeholder for the address of live events.
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/web/index.html"));
const LIVE_PLACE: &str = r#"<meta name="live" content="">"#;
/// The API's documentation.
const DOCS: &str = include_str!(concat!(env!("OUT_DIR"), "/web/docs.html"));
/// The files that the pages load, named by digests of their contents.
const ASSETS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The routes. `live` is where pages connect for live events, and `bucket` where they put files, if not to their own
/// host.
pub fn router(live: Option<&Uri>, bucket: Option<&Uri>) -> Router {
    let page = live.map_or_else(|| PAGE.into(), |live| with_live(PAGE, live));
    let policy = layers::content_security_policy(live.into_iter().chain(bucket));
    let page = move || async move {
        // The files that it names may have changed since it was last loaded.
        (
            [(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")), (header::CONTENT_SECURITY_POLICY, policy)],
            Html(page),
        )
    };
    let docs = async || ([(header::CACHE_CONTROL, "no-cache")], Html(DOCS));
    let style = || async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css")) };
    Router::new()
        .route("/", get(page))
        .route("/docs", get(docs))
        .route("/assets/{name}", get(asset))
        .route("/style.css", get(style))
}

fn with_live(page: &str, live: &Uri) -> String {
    // The setting was validated: it contains nothing that would end the attribute.
    page.replace(LIVE_PLACE, &format!(r#"<meta name="live" content="{live}">"#))
}

async fn asset(Path(name): Path<String>) -> Response {
    let Some((name, bytes)) = ASSETS.iter().find(|(known, _)| *known == name) else {
        return ApiError::not_found("the page has no such file; it may be of another version: load it again")
            .into_response();
    };
    let headers = [(header::CONTENT_TYPE, kind(name)), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, *bytes).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_the_address_and_no_inline_script() {
        let live = Uri::from_static("wss://live.example/ws");
        assert!(with_live(PAGE, &live).contains(r#"content="wss://live.example/ws""#));
        for page in [PAGE, DOCS] {
            let scripts = page.matches("<script").count();
            assert!(scripts > 0 && scripts == page.matches("src=\"/assets/").count(), "{page}");
            assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("http"), "{page}");
        }
    }

    #[test]
    fn everything_that_the_pages_name_is_embedded() {
        let named =
            |page: &'static str| page.split("\"/assets/").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
        for rest in named(PAGE).chain(named(DOCS)) {
            assert!(ASSETS.iter().any(|(name, bytes)| *name == rest && !bytes.is_empty()), "{rest}");
            assert_ne!(kind(rest), "application/octet-stream", "{rest}");
        }
    }
}

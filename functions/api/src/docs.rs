//! `GET /docs/openapi.json` and `/docs/list`: the OpenAPI document of all routes, and the same as a page to read.

mod complete;
mod list;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as _};

/// The documentation of this function's routes, and everything that all functions share.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    info(title = "OpenWorld effluent monitor", description = "Readings of a plant's effluent in, verdicts against its discharge permit out, live to everyone connected. Failures are answered with one envelope: `{\"error\": {\"code\", \"message\", \"request_id\", \"details\"}}`."),
    paths(
        crate::readings::get_readings, crate::series::get_series, crate::alerts::get_alerts,
        crate::permits::get_permit, crate::permits::put_permit, crate::permits::post_preview, crate::overview::get_overview, crate::streams::get_streams,
        crate::status::get_status, crate::statistics::get_statistics, crate::advise::post_advise, crate::certificate::get_certificate,
        crate::sources::get_sources, crate::sources::get_source, crate::sources::put_source, crate::sources::post_ask,
        crate::sources::delete_source, crate::sites::delete_site, crate::sites::get_removals,
    ),
    components(schemas(
        domain::name::Name, domain::name::SiteName, web::moment::Moment, web::error::ErrorEnvelope,
        domain::permit_json::document::AnyPermit,
    )),
    tags(
        (name = "readings", description = "What was measured"),
        (name = "alerts", description = "What exceeds, what to do about it, and what is certified"),
        (name = "permits", description = "What is allowed"),
        (name = "ingest", description = "Files of readings"),
        (name = "sites", description = "Removing a site with everything stored for it"),
        (name = "sources", description = "Files that are asked for on a schedule"),
        (name = "chemistry", description = "Fits of models to readings"),
        (name = "live"),
        (name = "health", description = "Whether it runs, and how it fares"),
    ),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Docs;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut OpenApi) {
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        scheme.description = Some("`OW_SC_API_TOKEN`, if the server has one".into());
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The documentation of each function. This function comes first, because it has the parts that all share.
fn parts() -> [OpenApi; 6] {
    [
        Docs::openapi(),
        ingest::Docs::openapi(),
        upload::Docs::openapi(),
        chemistry_function::Docs::openapi(),
        health::Docs::openapi(),
        metrics_function::Docs::openapi(),
    ]
}

fn openapi() -> OpenApi {
    let [first, others @ ..] = parts();
    others.into_iter().fold(first, OpenApi::merge_from)
}

/// The routes that serve the document. `wants_token`: whether the API requires a token on this host.
pub fn router(wants_token: bool) -> Router {
    // Rendered on first use, so that a function's start does not wait for it.
    let rendered = Arc::new(LazyLock::new(move || render(&openapi(), wants_token)));
    let document = rendered.clone();
    Router::new()
        .route("/docs/list", get(async move || axum::response::Html(rendered.1.clone())))
        .route("/docs/openapi.json", get(async move || Json(document.0.clone())))
}

fn render(document: &OpenApi, wants_token: bool) -> (Value, String) {
    // Our own types always serialise to JSON; if they ever did not, the page would be empty.
    let mut json = serde_json::to_value(document).unwrap_or_default();
    complete::complete(&mut json, wants_token);
    let page = list::page(&json).into_string();
    (json, page)
}

#[cfg(test)]
mod tests {
    use super::list::{entries, page, prose};
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_and_names_every_route() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        for path in [
            "/api/readings",
            "/api/series",
            "/api/statistics",
            "/api/alerts",
            "/api/permits/{site}",
            "/api/streams",
            "/api/status",
            "/api/certificate",
        ] {
            assert!(document["paths"][path]["get"]["summary"].is_string(), "{path}");
        }
        assert!(document["paths"]["/api/advise"]["post"].is_object());
    }

    #[test]
    fn no_two_objects_have_one_name() {
        let mut known = serde_json::Map::new();
        for part in parts() {
            let part = serde_json::to_value(part).unwrap();
            for (name, schema) in part["components"]["schemas"].as_object().into_iter().flatten() {
                let first = known.entry(name).or_insert_with(|| schema.clone());
                assert_eq!(first, schema, "{name}");
            }
        }
        assert!(known.len() > 50, "{}", known.len());
    }

    #[test]
    fn the_page_shows_every_operation_and_loads_nothing_from_elsewhere() {
        let document = serde_json::to_value(openapi()).unwrap();
        let page = page(&document).into_string();
        for (path, methods) in entries(&document["paths"]) {
            assert!(page.contains(path), "{path}");
            for (_, operation) in entries(methods) {
                assert!(page.contains(&prose(&operation["summary"]).into_string()), "{path}");
            }
        }
        for foreign in ["<script", "http://", "https://", "style="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}

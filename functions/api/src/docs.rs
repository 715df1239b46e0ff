//! `GET /docs` and `/docs/openapi.json`: the OpenAPI document of all routes, and the same for reading.

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};

/// The documentation of this function's routes, and what all functions share.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    info(title = "OpenWorld effluent monitor", description = "Readings of a plant's effluent in, verdicts against its discharge permit out, live to everyone connected. Failures are answered with one envelope: `{\"error\": {\"code\", \"message\", \"request_id\", \"details\"}}`."),
    paths(
        crate::readings::get_readings, crate::series::get_series, crate::alerts::get_alerts,
        crate::permits::get_permit, crate::permits::put_permit, crate::permits::post_preview, crate::overview::get_overview, crate::streams::get_streams,
        crate::status::get_status, crate::statistics::get_statistics, crate::advise::post_advise, crate::certificate::get_certificate,
        crate::sources::get_sources, crate::sources::get_source, crate::sources::put_source, crate::sources::post_ask,
        crate::sources::delete_source,
    ),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Docs;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut OpenApi) {
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        scheme.description = Some("`OW_SC_API_TOKEN`, where the server has one set".into());
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        // Without a token on the server, none is needed.
        openapi.security.get_or_insert_default().push(SecurityRequirement::default());
    }
}

/// What each function says of its routes, this one first: it tells what all have in common.
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

/// The document as JSON and as a page, made when first asked for: a function's start does not wait for it.
static RENDERED: LazyLock<(Value, String)> = LazyLock::new(|| render(&openapi()));

/// The routes that show the document.
pub fn router() -> Router {
    Router::new()
        .route("/docs", get(async || axum::response::Html(RENDERED.1.as_str())))
        .route("/docs/openapi.json", get(async || Json(&RENDERED.0)))
}

fn render(document: &OpenApi) -> (Value, String) {
    // A document of our own types is always JSON; should it not be, the page says so by being empty.
    let mut json = serde_json::to_value(document).unwrap_or_default();
    describe_responses(&mut json);
    let page = page(&json).into_string();
    (json, page)
}

/// OpenAPI 3.1 demands a description of every response; where the body says it all, it is the status' own name.
fn describe_responses(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.flat_map(|(_, methods)| methods.as_object_mut().into_iter().flatten());
    let responses = operations.flat_map(|(_, operation)| operation["responses"].as_object_mut().into_iter().flatten());
    for (status, response) in responses.filter(|(_, response)| response["description"].is_null()) {
        let status = StatusCode::from_bytes(status.as_bytes()).ok();
        response["description"] = status.and_then(|status| status.canonical_reason()).unwrap_or_default().into();
    }
}

fn page(document: &Value) -> Markup {
    let info = &document["info"];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "API · " (text(&info["title"])) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
            }
            body {
                main {
                    h1 { (text(&info["title"])) " API" }
                    p { (prose(&info["description"])) }
                    p { "Version " (text(&info["version"])) ". For programs: " a href="/docs/openapi.json" { "openapi.json" } "." }
                    @for (path, methods) in entries(&document["paths"]) {
                        @for (method, operation) in entries(methods) { (operation_section(path, method, operation)) }
                    }
                    h2 id="live" { "Live events" }
                    (live_section())
                    h2 id="schemas" { "Objects" }
                    @for (name, schema) in entries(&document["components"]["schemas"]) { (schema_section(name, schema)) }
                }
            }
        }
    }
}

fn operation_section(path: &str, method: &str, operation: &Value) -> Markup {
    html! {
        section {
            h2 { span.method { (method.to_uppercase()) } " " code { (path) } }
            p { (prose(&operation["summary"])) }
            @if operation["description"].is_string() { p { (prose(&operation["description"])) } }
            @let parameters = operation["parameters"].as_array();
            @if let Some(parameters) = parameters.filter(|list| !list.is_empty()) {
                table {
                    thead { tr { th { "Parameter" } th { "In" } th { "Type" } th { "Meaning" } } }
                    tbody {
                        @for parameter in parameters {
                            tr {
                                td { code { (text(&parameter["name"])) } @if parameter["required"] == true { " (required)" } }
                                td { (text(&parameter["in"])) }
                                td { (type_of(&parameter["schema"])) }
                                td { (prose(&parameter["description"])) }
                            }
                        }
                    }
                }
            }
            @let body = &operation["requestBody"];
            @if body.is_object() {
                p { "Body: " @for (kind, content) in entries(&body["content"]) { code { (kind) } " " (type_of(&content["schema"])) } ". " (prose(&body["description"])) }
            }
            table {
                thead { tr { th { "Status" } th { "Meaning" } th { "Body" } } }
                tbody {
                    @for (status, response) in entries(&operation["responses"]) {
                        tr {
                            td { code { (status) } }
                            td { (prose(&response["description"])) }
                            td { @for (_, content) in entries(&response["content"]) { (type_of(&content["schema"])) } }
                        }
                    }
                }
            }
        }
    }
}

fn schema_section(name: &str, schema: &Value) -> Markup {
    html! {
        section {
            h3 id=(format!("schema-{name}")) { code { (name) } }
            p { (prose(&schema["description"])) }
            @if let Some(values) = schema["enum"].as_array() {
                p { "One of " @for value in values { code { (value) } " " } }
            }
            @let parts = schema["allOf"].as_array().map_or(std::slice::from_ref(schema), |all| all);
            @for part in parts {
                @if part["$ref"].is_string() { p { "All of " (type_of(part)) ", and:" } }
                @if part["properties"].is_object() {
                    table {
                        tbody {
                            @for (field, property) in entries(&part["properties"]) {
                                tr {
                                    td { code { (field) } }
                                    td { (type_of(property)) }
                                    td { (prose(&property["description"])) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The WebSocket protocol, which OpenAPI has no words for.
fn live_section() -> Markup {
    html! {
        p {
            "WebSocket at " code { "/ws/effluent" } " (everything) and " code { "/ws/alerts" } " (alerts only). Messages are JSON texts. "
            "A connection gets the events of the site that it names with " code { "?site=" } " (" code { "default" } " if it names none) from the moment it is open. "
            "A client that comes back connects with " code { "?wait=true" } ", so that no event is sent before its " code { "subscribe" } ". "
            "Through API Gateway both have the one address of the WebSocket API, where " code { "?events=alerts" } " asks for alerts only, and a message may be a JSON array of several events."
        }
        table {
            thead { tr { th { "Sent" } th { "Effect" } } }
            tbody {
                @for (message, effect) in live::protocol::MESSAGES { tr { td { code { (message) } } td { (effect) } } }
            }
        }
        p { "A message that is not taken is answered: " code { r#"{"type":"error","code":"…","detail":"…"}"# } "." }
        table {
            thead { tr { th { "Code" } th { "When" } } }
            tbody {
                @for code in live::protocol::Code::ALL { tr { td { code { (code.as_str()) } } td { (code.meaning()) } } }
            }
        }
    }
}

fn type_of(schema: &Value) -> Markup {
    let reference = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let any = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|key| schema[key].as_array());
    html! {
        @if let Some(name) = reference {
            a href=(format!("#schema-{name}")) { (name) }
        } @else if let Some(any) = any {
            @for (index, each) in any.iter().enumerate() { @if index > 0 { " or " } (type_of(each)) }
        } @else if schema["type"] == "array" {
            "list of " (type_of(&schema["items"]))
        } @else if let Some(kinds) = schema["type"].as_array() {
            @for (index, kind) in kinds.iter().enumerate() { @if index > 0 { " or " } (text(kind)) }
        } @else {
            (text(&schema["type"]))
        }
    }
}

/// A description, with what stands between backticks as code.
fn prose(value: &Value) -> Markup {
    html! {
        @for (index, part) in text(value).split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

#[cfg(test)]
mod tests {
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

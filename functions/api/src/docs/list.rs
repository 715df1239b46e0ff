//! The document as a plain page without scripts.

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

pub(super) fn page(document: &Value) -> Markup {
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
                    p { "Version " (text(&info["version"])) ". " a href="/docs" { "Try requests" } ", or read it by a program: " a href="/docs/openapi.json" { "openapi.json" } "." }
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

/// The WebSocket protocol, which OpenAPI cannot describe.
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
pub(super) fn prose(value: &Value) -> Markup {
    html! {
        @for (index, part) in text(value).split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

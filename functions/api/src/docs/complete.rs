//! Adds what all operations share: the refusals of the guard and the extractors, and the headers of answers. Stated
//! here rather than at each route, so that none is forgotten.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Completes the document with everything that follows from how the routes are served.
pub(super) fn complete(document: &mut Value, wants_token: bool) {
    if !wants_token {
        document["security"] = json!([{}]);
    }
    for tag in document["tags"].as_array_mut().into_iter().flatten().filter(|tag| tag["name"] == "live") {
        tag["description"] = live().into();
    }
    for (path, methods) in objects(&mut document["paths"]) {
        let is_guarded = path.starts_with("/api/");
        for (method, operation) in objects(methods) {
            no_nulls(operation);
            let can_change = method != "get";
            add_responses(operation, is_guarded, Strangers { wants_token, can_change });
            describe_responses(operation);
            add_headers(operation);
        }
    }
}

/// Parameters are present or absent, but never null.
fn no_nulls(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let kind = parameter["schema"]["type"].as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null"));
        if let Some(kind) = kind.cloned() {
            parameter["schema"]["type"] = kind;
        }
    }
}

/// How strangers are kept out.
struct Strangers {
    /// A token; without one, the checks of host and origin.
    wants_token: bool,
    can_change: bool,
}

fn add_responses(operation: &mut Value, is_guarded: bool, strangers: Strangers) {
    let has_body = operation["requestBody"].is_object();
    let wants_json = operation["requestBody"]["content"].get("application/json").is_some();
    let has_parameters = operation["parameters"].as_array().is_some_and(|list| !list.is_empty());
    let names_site =
        operation["parameters"].as_array().is_some_and(|list| list.iter().any(|one| one["name"] == "site"));
    let mut add = |status: &str, description: &str| {
        if operation["responses"][status].is_null() {
            operation["responses"][status] = json!({
                "description": description,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}},
            });
        }
    };
    if has_parameters || wants_json {
        add("400", "A parameter, a header or the body does not match its description");
    }
    if names_site {
        add(
            "409",
            "The site is being removed (`being_removed`), or it would be a new site and cannot be created (`too_many_sites`, `site_looks_like_another`)",
        );
    }
    if wants_json {
        add("413", "The body is larger than 2 MB");
        add("415", "The body is not declared as JSON");
    }
    if has_body {
        add("408", "The body arrived too slowly");
    }
    if is_guarded && strangers.wants_token {
        add("401", "No valid token");
    }
    if !strangers.wants_token {
        add("421", "A server without a token answers only for its own hosts (`OW_SC_HOSTS`)");
        if strangers.can_change {
            add("403", "Without a token, pages of other origins may only read (`OW_SC_CORS_ORIGINS`)");
        }
    }
    if is_guarded {
        add("429", "Too many requests from this address");
        add("500", "A fault of the server; its log has the request's id");
        add("503", "The database does not answer; try again");
    }
    // Sorted by status.
    if let Some(responses) = operation["responses"].as_object_mut() {
        let mut sorted: Vec<_> = std::mem::take(responses).into_iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        *responses = Map::from_iter(sorted);
    }
}

/// OpenAPI 3.1 requires a description of every response; where the body says it all, the status' own name will do.
fn describe_responses(operation: &mut Value) {
    for (status, response) in objects(&mut operation["responses"]) {
        if response["description"].as_str().is_none_or(str::is_empty) {
            let status = StatusCode::from_bytes(status.as_bytes()).ok();
            response["description"] = status.and_then(|status| status.canonical_reason()).unwrap_or_default().into();
        }
    }
}

fn add_headers(operation: &mut Value) {
    let text = json!({"type": "string"});
    for (status, response) in objects(&mut operation["responses"]) {
        let mut headers = vec![("X-Request-ID", "The request's id, as in the log", text.clone())];
        match status {
            "401" => headers.push(("WWW-Authenticate", "`Bearer`", text.clone())),
            "429" | "503" => headers.push((
                "Retry-After",
                "After how many seconds to try again",
                json!({"type": "integer", "minimum": 1}),
            )),
            _ => {}
        }
        for (name, description, schema) in headers {
            if response["headers"][name].is_null() {
                response["headers"][name] = json!({"description": description, "schema": schema, "required": true});
            }
        }
    }
}

/// The WebSocket protocol, which OpenAPI cannot describe.
fn live() -> String {
    let mut text = String::from(
        "What happens, as it happens. A WebSocket at `/ws/effluent` gets everything, one at `/ws/alerts` alerts only. Messages \
         are JSON texts. A connection gets the events of the site that it names with `?site=` (`default` if it names none) \
         from the moment it is open. A client that comes back connects with `?wait=true`, so that no event is sent before its \
         `subscribe`. The token is sent in the header `Authorization`, or as a WebSocket subprotocol `bearer.TOKEN` beside \
         the subprotocol `owsc`. Through API Gateway both have the one address of the WebSocket API, where `?events=alerts` \
         asks for alerts only, and a message may be a JSON array of several events.\n\n| Sent | Effect |\n|---|---|\n",
    );
    text.extend(live::protocol::MESSAGES.iter().map(|(message, effect)| format!("| `{message}` | {effect} |\n")));
    text += "\nA message that is not taken is answered with `{\"type\":\"error\",\"code\":\"...\",\"detail\":\"...\"}`.\n\n\
             | Code | When |\n|---|---|\n";
    text.extend(live::protocol::Code::ALL.iter().map(|code| format!("| `{}` | {} |\n", code.as_str(), code.meaning())));
    text
}

fn objects(value: &mut Value) -> impl Iterator<Item = (&str, &mut Value)> {
    value.as_object_mut().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

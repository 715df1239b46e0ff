//! The documentation: the server's own, and the make targets that it names.

use crate::support::served;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tests::Api;

/// Pages and live connections, which are not operations of the API.
const UNDOCUMENTED: [&str; 8] =
    ["/", "/assets/{name}", "/style.css", "/docs", "/docs/list", "/docs/openapi.json", "/ws/effluent", "/ws/alerts"];
/// The only URL in a script from which nothing is loaded: the name of a vocabulary.
const SVG: &str = "http://www.w3.org/2000/svg";

async fn document(api: &Api) -> anyhow::Result<Value> {
    let response = api.get("/docs/openapi.json").await?;
    assert_eq!(response.headers()["content-type"], "application/json");
    Ok(response.json().await?)
}

/// All operations with path, method and content.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (path.clone(), method.clone(), operation))
        })
        .collect()
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_sound() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let document = document(&api).await?;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", document["openapi"]);
    for field in ["title", "version"] {
        assert!(document["info"][field].as_str().is_some_and(|text| !text.is_empty()), "info.{field}");
    }
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(["get", "post", "put", "delete"].contains(&method.as_str()), "{name}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} has no summary");
        assert!(ids.insert(operation["operationId"].to_string()), "{name} repeats an operationId");
        let responses = operation["responses"].as_object().cloned().unwrap_or_default();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        for (status, response) in &responses {
            assert!(status.parse::<u16>().is_ok() && response["description"].is_string(), "{name} {status}");
        }
        let declared: BTreeSet<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{name}");
                parameter["name"].as_str().unwrap_or("?").to_owned()
            })
            .collect();
        let used = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned);
        assert_eq!(declared, used.collect(), "{name}");
    }
    let mut all = BTreeSet::new();
    references(&document, &mut all);
    assert!(!all.is_empty());
    for reference in all {
        let target = document.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some_and(Value::is_object), "{reference} leads nowhere");
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    Ok(())
}

/// The sources of the routers.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The paths of all `.route("...")` in the sources.
fn routed() -> anyhow::Result<BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for directory in ["functions", "infra/server/src"] {
        sources(&root.join(directory), &mut files)?;
    }
    let mut paths = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        let calls = product.split(".route(").skip(1);
        paths.extend(calls.filter_map(|rest| Some(rest.trim_start().strip_prefix('"')?.split('"').next()?.to_owned())));
    }
    Ok(paths)
}

/// The places where a schema allows anything.
fn free_forms(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let says =
                ["properties", "additionalProperties", "propertyNames"].iter().any(|key| object.contains_key(*key));
            if object.get("type").is_some_and(|kind| kind == "object") && !says {
                found.push(at.to_owned());
            }
            object.iter().for_each(|(key, value)| free_forms(value, &format!("{at}/{key}"), found));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| free_forms(value, &format!("{at}/{i}"), found))
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_body_is_typed_and_every_refusal_is_named() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let document = document(&api).await?;
    let mut free = Vec::new();
    free_forms(&document["paths"], "paths", &mut free);
    free_forms(&document["components"], "components", &mut free);
    assert_eq!(free, Vec::<String>::new());
    for (path, method, operation) in operations(&document).into_iter().filter(|(path, ..)| path.starts_with("/api/")) {
        let statuses = operation["responses"].as_object().cloned().unwrap_or_default();
        // This host needs no token: there are no wrong ones, but strangers.
        for status in ["421", "429", "500", "503"] {
            assert!(statuses.contains_key(status), "{method} {path}: {status}");
        }
        assert!(!statuses.contains_key("401"), "{method} {path}");
        assert_eq!(statuses.contains_key("403"), method != "get", "{method} {path}");
        assert_eq!(statuses["429"]["headers"]["Retry-After"]["required"], true, "{method} {path}");
        if !operation["requestBody"]["content"]["application/json"].is_null() {
            assert!(["400", "413", "415"].iter().all(|status| statuses.contains_key(*status)), "{method} {path}");
        }
    }
    for time in [
        "/Alert/properties/time",
        "/SiteStatus/properties/latest/oneOf/0",
        "/SeriesStanding/allOf/1/properties/last_exceedance/oneOf/0",
    ] {
        let found = document["components"]["schemas"].pointer(time);
        assert!(found.is_some_and(|schema| schema["$ref"] == "#/components/schemas/Time"), "{time}: {found:?}");
    }
    Ok(())
}

/// Within one function, a second schema would silently replace the first.
#[test]
fn no_two_schemas_have_one_name() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for directory in ["functions", "shared"] {
        sources(&root.join(directory), &mut files)?;
    }
    let mut known = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        for derived in text.split("#[derive(").skip(1) {
            let (derives, rest) = derived.split_once(")]").unwrap_or_default();
            let Some(item) = rest.split_once('{').map(|(item, _)| item).filter(|_| derives.contains("ToSchema")) else {
                continue;
            };
            let named = item.split("as = ").nth(1).map(|rest| rest.split([',', ')', ' ']).next().unwrap_or_default());
            let item = item.rsplit([']', '\n']).next().unwrap_or_default();
            let own = item.split("struct ").nth(1).or_else(|| item.split("enum ").nth(1)).unwrap_or_default();
            let own = own.split([' ', '(', '<', ';']).next().unwrap_or_default();
            let name = named.unwrap_or(own).to_owned();
            assert!(!name.is_empty() && known.insert(name.clone()), "{name:?} once more in {}", file.display());
        }
    }
    assert!(known.len() > 80, "{}", known.len());
    Ok(())
}

#[tokio::test]
async fn every_route_is_documented_and_every_documented_route_is_served() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let document = document(&api).await?;
    let documented: BTreeSet<_> = operations(&document).into_iter().map(|(path, ..)| path).collect();
    let routed: BTreeSet<_> = routed()?.into_iter().filter(|path| !UNDOCUMENTED.contains(&path.as_str())).collect();
    assert!(routed.len() >= 13, "{routed:?}");
    assert_eq!(documented, routed);
    for (path, method, _) in operations(&document) {
        let asked =
            path.replace("{site}", "default").replace("{id}", "none").replace("{name}", "none").replace("{part}", "1");
        let response = api.request(method.to_uppercase().parse()?, &asked).send().await?;
        let (status, body) = (response.status(), response.text().await?);
        // A route answers for itself; if the table is not embedded, there is an inbox only if one is named.
        let said = ["has this id", "has this name", "\"no_inbox\""];
        let is_served = status != 405 && (status != 404 || said.iter().any(|known| body.contains(known)));
        assert!(is_served, "{method} {path}: {status} {body}");
    }
    Ok(())
}

/// What a page loads: the targets of `src`, and of `href` in `link`.
fn loaded(page: &str) -> Vec<String> {
    let value = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    let tags = page.split('<').skip(1);
    tags.flat_map(|tag| {
        let attribute = if tag.starts_with("link") { "href=\"" } else { "src=\"" };
        tag.split('>').next().unwrap_or_default().split(attribute).skip(1).map(value).collect::<Vec<_>>()
    })
    .collect()
}

#[tokio::test]
async fn fault_22_pages_are_there_and_load_only_what_their_policy_allows() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for path in ["/", "/docs", "/docs/list"] {
        let response = api.get(path).await?;
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()["content-security-policy"].to_str()?.to_owned();
        assert!(response.headers()["content-type"].to_str()?.starts_with("text/html"));
        let page = response.text().await?;
        for inline in ["<script>", "style=", "<style", "onclick=", "onload=", "javascript:", "@import"] {
            assert!(!page.contains(inline), "{inline} in {path}, which the policy forbids");
        }
        let files = loaded(&page);
        assert!(files.iter().any(|file| file.ends_with(".css")), "{files:?}");
        for file in files {
            if file.starts_with("data:") {
                // An empty icon in the page itself, so that browsers do not request one.
                assert!(policy.contains("img-src 'self' data:"), "{policy}");
                continue;
            }
            assert!(file.starts_with('/') && !file.starts_with("//"), "{path} loads {file}");
            let response = api.get(&file).await?;
            assert_eq!(response.status(), 200, "{file}");
            let kind = response.headers()["content-type"].to_str()?.to_owned();
            let directive = if kind.starts_with("text/css") { "style-src 'self'" } else { "script-src 'self'" };
            assert!(policy.contains(directive), "{file} is {kind}; {policy}");
            // The library that shows the documentation contains URLs of vocabularies and specifications; the policy
            // applies to it as well.
            if path == "/docs" {
                continue;
            }
            let text = response.text().await?.replace(SVG, "");
            assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("@import"), "{file}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_page_shows_every_operation_and_the_live_protocol() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let document = document(&api).await?;
    let page = api.get("/docs/list").await?.text().await?;
    for (path, method, _) in operations(&document) {
        assert!(page.contains(&path) && page.contains(&method.to_uppercase()), "{method} {path}");
    }
    for word in ["/ws/effluent", "/ws/alerts", "subscribe", "rate_limited", "too_large", "bad_message"] {
        assert!(page.contains(word), "{word}");
    }
    // Links within the page have a target.
    for target in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("id=\"{target}\"")), "#{target}");
    }
    for link in page.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(api.get(&format!("/{link}")).await?.status(), 200, "/{link}");
    }
    Ok(())
}

/// The contents of a repository folder's files whose names end like this.
fn texts(folder: &str, end: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(folder))? {
        let path = file?.path();
        if path.to_string_lossy().ends_with(end) && path.is_file() {
            found.push(fs::read_to_string(path)?);
        }
    }
    Ok(found)
}

/// make does nothing for a phony target without a rule, and succeeds.
#[test]
fn every_target_of_make_that_is_named_has_a_rule() -> anyhow::Result<()> {
    let mut makefile = texts("make", ".mk")?.join("\n");
    makefile.extend(["\n", include_str!("../../../Makefile")]);
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let rules: BTreeSet<_> =
        makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).filter(is_name).collect();
    let phony = makefile.lines().filter_map(|line| line.strip_prefix(".PHONY: ")).flat_map(|names| names.split(' '));
    assert_eq!(phony.collect::<BTreeSet<_>>(), rules);
    let pages = [texts("", ".md")?, texts("docs", ".md")?].concat();
    assert!(pages.len() > 10, "{} pages", pages.len());
    let quoted = pages.iter().flat_map(|text| text.split("`make ").skip(1));
    let typed = include_str!("../../../.ci/run").lines().filter_map(|line| line.trim().strip_prefix("make "));
    for text in quoted.chain(typed) {
        let name = text.split(|other: char| !other.is_ascii_lowercase() && other != '-').next().unwrap_or_default();
        assert!(rules.contains(name), "make {name}");
    }
    Ok(())
}

//! `AWS::Serverless::HttpApi` and `AWS::Serverless::WebSocketApi`.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::scope::Scope;
use std::time::Duration;

type Result<T> = std::result::Result<T, TemplateError>;

/// The throttling of a stage or route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Requests per second in the long run.
    pub rate: f64,
    /// Requests at once.
    pub burst: u32,
}

/// An HTTP API.
#[derive(Debug, Clone)]
pub struct HttpApi {
    /// The id in addresses and events.
    pub api_id: String,
    /// The stage; `$default` has no path of its own.
    pub stage: String,
    /// The throttling of routes that have none of their own.
    pub throttle: Option<Throttle>,
    /// The throttling of single routes, by route key.
    pub route_throttles: Vec<(String, Throttle)>,
    /// The routes, as the functions' events name them.
    pub routes: Vec<HttpRoute>,
    /// The line it begins on.
    pub line: usize,
}

/// A route of an HTTP API.
#[derive(Debug, Clone)]
pub struct HttpRoute {
    /// The method; `None` for any.
    pub method: Option<String>,
    /// The path with its parameters, or `$default`.
    pub path: String,
    /// The function's logical id.
    pub function: String,
    /// How long the function may take, if less than the maximum.
    pub timeout: Option<Duration>,
    /// The line it is on.
    pub line: usize,
}

impl HttpRoute {
    /// Refuses what API Gateway refuses: parameters that are not a whole segment or have no name, and greedy parameters
    /// that are not the last.
    pub fn check_path(path: &str) -> std::result::Result<(), &'static str> {
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if !part.contains(['{', '}']) {
                continue;
            }
            let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let (name, is_greedy) = match name.map(|name| (name, name.strip_suffix('+'))) {
                Some((_, Some(name))) => (name, true),
                Some((name, None)) => (name, false),
                None => return Err("a parameter must be everything between two slashes"),
            };
            if name.is_empty() || name.contains(['{', '}', '+']) {
                return Err("a parameter must have a name");
            }
            if is_greedy && parts.peek().is_some() {
                return Err("a greedy parameter must be the last");
            }
        }
        Ok(())
    }

    /// The route key, such as `GET /items/{id}` or `$default`.
    pub fn key(&self) -> String {
        if self.path == "$default" {
            return self.path.clone();
        }
        format!("{} {}", self.method.as_deref().unwrap_or("ANY"), self.path)
    }
}

/// A WebSocket API.
#[derive(Debug, Clone)]
pub struct WebSocketApi {
    /// The id in addresses and events.
    pub api_id: String,
    /// The stage, which is its path.
    pub stage: String,
    /// The expression that finds a message's route key, such as `$request.body.action`.
    pub selection: String,
    /// The throttling of routes that have none of their own.
    pub throttle: Option<Throttle>,
    /// The throttling of single routes, by route key.
    pub route_throttles: Vec<(String, Throttle)>,
    /// The routes.
    pub routes: Vec<WebSocketRoute>,
    /// The line it begins on.
    pub line: usize,
}

/// A route of a WebSocket API.
#[derive(Debug, Clone)]
pub struct WebSocketRoute {
    /// `$connect`, `$disconnect`, `$default` or a custom route key.
    pub key: String,
    /// The function's logical id.
    pub function: String,
    /// How long the function may take, if less than the maximum.
    pub timeout: Option<Duration>,
    /// Whether the function's result is sent to the client.
    pub answers: bool,
    /// The line it is on.
    pub line: usize,
}

pub(super) fn http(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<HttpApi> {
    let mut api = HttpApi {
        api_id: names::api_id(id),
        stage: "$default".to_owned(),
        throttle: None,
        route_throttles: Vec::new(),
        routes: Vec::new(),
        line,
    };
    for (name, line, value) in resource.properties() {
        match name.as_str() {
            "StageName" => api.stage = text(scope, value)?.unwrap_or(api.stage),
            "DefaultRouteSettings" => api.throttle = throttle(scope, value)?,
            "RouteSettings" => api.route_throttles = route_throttles(scope, value)?,
            "AccessLogSettings"
            | "Description"
            | "Domain"
            | "Name"
            | "PropagateTags"
            | "Tags"
            | "FailOnWarnings"
            | "DisableExecuteApiEndpoint" => {}
            "CorsConfiguration" => {
                let message = "CorsConfiguration is not supported here; let the function answer preflight requests";
                return Err(TemplateError::new(*line, message));
            }
            other => return Err(unsupported(other, *line, "StageName, DefaultRouteSettings and RouteSettings")),
        }
    }
    Ok(api)
}

/// The API that SAM creates when events name none.
pub(super) fn implicit(scope: &Scope<'_>, line: usize) -> Result<HttpApi> {
    let globals = scope.section("Globals").and_then(|globals| globals.get("HttpApi"));
    let properties = globals.map(|globals| ("Properties".to_owned(), line, globals.clone()));
    let resource = Node { line, kind: super::Kind::Map(properties.into_iter().collect()) };
    http(scope, names::IMPLICIT_API, line, &resource)
}

pub(super) fn web_socket(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<WebSocketApi> {
    let mut api = WebSocketApi {
        api_id: names::api_id(id),
        stage: "default".to_owned(),
        selection: "$request.body.action".to_owned(),
        throttle: None,
        route_throttles: Vec::new(),
        routes: Vec::new(),
        line,
    };
    for (name, line, value) in resource.properties() {
        match name.as_str() {
            "StageName" => api.stage = text(scope, value)?.unwrap_or(api.stage),
            "RouteSelectionExpression" => api.selection = selection(scope, *line, value)?.unwrap_or(api.selection),
            "DefaultRouteSettings" => api.throttle = throttle(scope, value)?,
            "RouteSettings" => api.route_throttles = route_throttles(scope, value)?,
            "Routes" => {
                for (key, line, spec) in value.expect_map("Routes")? {
                    api.routes.push(route(scope, key, *line, spec)?);
                }
            }
            "AccessLogSettings"
            | "Description"
            | "Domain"
            | "Name"
            | "PropagateTags"
            | "Tags"
            | "IpAddressType"
            | "DisableExecuteApiEndpoint"
            | "DisableSchemaValidation" => {}
            other => {
                let supported = "StageName, Routes, RouteSelectionExpression, DefaultRouteSettings and RouteSettings";
                return Err(unsupported(other, *line, supported));
            }
        }
    }
    if api.stage == "$default" || api.stage.contains('/') {
        return Err(TemplateError::new(line, format!("a WebSocket API cannot have the stage {}", api.stage)));
    }
    Ok(api)
}

fn route(scope: &Scope<'_>, key: &str, line: usize, spec: &Node) -> Result<WebSocketRoute> {
    let spec = scope.resolve(spec)?.unwrap_or_else(|| Node::empty(line));
    let mut route =
        WebSocketRoute { key: key.to_owned(), function: String::new(), timeout: None, answers: false, line };
    for (name, line, value) in spec.expect_map("a route")? {
        match name.as_str() {
            "FunctionArn" => value.expect_text("FunctionArn")?.clone_into(&mut route.function),
            "IntegrationTimeout" => {
                let millis = value.expect_number("IntegrationTimeout")?.unsigned_abs();
                route.timeout = Some(Duration::from_millis(millis));
            }
            "RouteResponseSelectionExpression" => route.answers = true,
            "OperationName" => {}
            other => {
                let supported = "FunctionArn, IntegrationTimeout and RouteResponseSelectionExpression";
                return Err(unsupported(other, *line, supported));
            }
        }
    }
    if route.function.is_empty() {
        return Err(TemplateError::new(line, format!("the route {key} has no FunctionArn")));
    }
    Ok(route)
}

/// The expression for the route key: only members of the body are supported.
fn selection(scope: &Scope<'_>, line: usize, node: &Node) -> Result<Option<String>> {
    let Some(expression) = text(scope, node)? else { return Ok(None) };
    let inner = expression.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let plain = inner.map_or_else(|| expression.clone(), |inner| format!("${inner}"));
    if plain.starts_with("$request.body.") {
        return Ok(Some(plain));
    }
    let message = format!("the expression {expression} is not supported here; $request.body.<name> is");
    Err(TemplateError::new(line, message))
}

fn throttle(scope: &Scope<'_>, settings: &Node) -> Result<Option<Throttle>> {
    let Some(settings) = scope.resolve(settings)? else { return Ok(None) };
    let rate = settings.get("ThrottlingRateLimit").map(|node| node.expect_decimal("ThrottlingRateLimit"));
    let burst = settings.get("ThrottlingBurstLimit").map(|node| node.expect_number("ThrottlingBurstLimit"));
    Ok(match (rate.transpose()?, burst.transpose()?) {
        (None, None) => None,
        // The account's own limits, which apply to a stage without any.
        (rate, burst) => Some(Throttle {
            rate: rate.unwrap_or(10_000.0),
            burst: burst.map_or(5000, |burst| u32::try_from(burst).unwrap_or(0)),
        }),
    })
}

fn route_throttles(scope: &Scope<'_>, settings: &Node) -> Result<Vec<(String, Throttle)>> {
    let mut result = Vec::new();
    for (key, _, settings) in settings.expect_map("RouteSettings")? {
        result.extend(throttle(scope, settings)?.map(|throttle| (key.clone(), throttle)));
    }
    Ok(result)
}

fn text(scope: &Scope<'_>, node: &Node) -> Result<Option<String>> {
    scope.resolve(node)?.map(|node| node.expect_text("this").map(str::to_owned)).transpose()
}

fn unsupported(name: &str, line: usize, supported: &str) -> TemplateError {
    TemplateError::new(line, format!("{name} is not supported here; {supported} are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_parameters_as_in_aws() {
        for path in ["$default", "/", "/a/{b}/c", "/{a}/{proxy+}", "/a+b"] {
            assert_eq!(HttpRoute::check_path(path), Ok(()), "{path}");
        }
        for path in ["/{proxy+}/more", "/a{b}", "/{b}c", "/{}", "/{+}", "/{a", "/a}", "/{a}{b}", "/{a++}"] {
            assert!(HttpRoute::check_path(path).is_err(), "{path}");
        }
    }
}

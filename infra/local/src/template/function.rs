//! `AWS::Serverless::Function`.

use super::error::TemplateError;
use super::invoke::InvokeConfig;
use super::names;
use super::node::Node;
use super::schedule::{At, Scheduler};
use super::source::StreamSource;
use super::target::between;
use super::{HttpRoute, Reader, policies, rule, schedule, source};
use std::time::Duration;

type Result<T> = std::result::Result<T, TemplateError>;

/// Lambda's defaults.
const DEFAULT_MEMORY: i64 = 128;
const DEFAULT_TIMEOUT: u64 = 3;
/// Lambda's longest timeout of an invocation, in seconds.
const LONGEST_TIMEOUT: u64 = 900;

/// Properties that must not be ignored, because the function would not be what the template says.
const REFUSED: [(&str, &str); 5] = [
    ("FileSystemConfigs", "there is no file system to mount"),
    ("InlineCode", "a binary of --binaries is run"),
    ("ImageUri", "a binary of --binaries is run"),
    ("Layers", "a binary of --binaries is run as it is"),
    ("FunctionUrlConfig", "use an HttpApi event"),
];

/// Supported properties.
const UNDERSTOOD: [&str; 14] = [
    "DeadLetterQueue",
    "Environment",
    "EventInvokeConfig",
    "Events",
    "FunctionName",
    "Handler",
    "MemorySize",
    "PackageType",
    "Policies",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "Timeout",
    "CodeUri",
];

/// Properties that make no difference on a laptop.
const WITHOUT_MEANING: [&str; 20] = [
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeSigningConfigArn",
    "Description",
    "EphemeralStorage",
    "KmsKeyArn",
    "LoggingConfig",
    "PermissionsBoundary",
    "PropagateTags",
    "RecursiveLoop",
    "RolePath",
    "RuntimeManagementConfig",
    "SnapStart",
    "SourceKmsKeyArn",
    "Tags",
    "Tracing",
    "VersionDescription",
    "VpcConfig",
];

/// A function of the template.
#[derive(Debug, Clone)]
pub struct Function {
    /// The logical id.
    pub id: String,
    /// Its name in AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The file name of the binary in the binaries' folder.
    pub binary: String,
    /// The handler, which a runtime may read.
    pub handler: String,
    /// Memory, in MB.
    pub memory: i64,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// The most environments, if the template sets it.
    pub reserved: Option<usize>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// The streams that feed it.
    pub streams: Vec<StreamSource>,
    /// How asynchronous events, such as a schedule's, are handled.
    pub invoke: InvokeConfig,
    /// The ARN of its role, if the template gives it one.
    pub role: Option<String>,
    /// The line it begins on.
    pub line: usize,
}

impl Function {
    /// Whether an ARN or name is this function's, with or without an alias or version.
    pub fn is_named_by(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.arn).or_else(|| name.strip_prefix(&self.name));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }
}

impl Reader<'_> {
    /// Unsupported and unknown properties are errors.
    fn check_properties(&mut self, id: &str, resource: &Node) -> Result<()> {
        for (name, line, _) in resource.properties() {
            if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| refused == name) {
                return Err(TemplateError::new(*line, format!("{name} is not supported here; {instead}")));
            }
            match name.as_str() {
                name if UNDERSTOOD.contains(&name) || WITHOUT_MEANING.contains(&name) => {}
                "AutoPublishAlias" | "DeploymentPreference" | "ProvisionedConcurrencyConfig" => {
                    let reason = "there are no versions and aliases here";
                    self.template.warnings.push(format!("{name} of {id} (line {line}) is left out: {reason}"));
                }
                name => return Err(TemplateError::unknown(*line, name, id)),
            }
        }
        Ok(())
    }

    pub(super) fn function(&mut self, id: &str, line: usize, resource: &Node) -> Result<Function> {
        self.check_properties(id, resource)?;
        let name = names::name(self.scope, Some(resource), id)?;
        let number = |property: &str, default| match self.scope.property(resource, property)? {
            Some(node) => node.expect_number(property),
            None => Ok(default),
        };
        let memory = number("MemorySize", DEFAULT_MEMORY)?;
        let timeout = self.scope.property(resource, "Timeout")?;
        let timeout = timeout.map(|node| between(&node, &format!("the Timeout of {id}"), 1, LONGEST_TIMEOUT));
        let timeout = timeout.transpose()?.unwrap_or(DEFAULT_TIMEOUT);
        let reserved = number("ReservedConcurrentExecutions", -1)?;
        let text = |property: &str| {
            Ok(self.scope.property(resource, property)?.as_ref().and_then(Node::as_text).map(str::to_owned))
        };
        let handler = text("Handler")?.unwrap_or_default();
        if let Some(runtime) = text("Runtime")?.filter(|runtime| !runtime.starts_with("provided")) {
            let at = resource.property("Runtime").map_or(line, |node| node.line);
            let message = format!("the runtime {runtime} is not supported here; provided.al2023 and provided.al2 are");
            return Err(TemplateError::new(at, message));
        }
        let mut function = Function {
            id: id.to_owned(),
            arn: names::function_arn(&name),
            name,
            binary: binary(resource, id, &handler),
            handler,
            memory,
            timeout: Duration::from_secs(timeout),
            reserved: usize::try_from(reserved).ok(),
            environment: self.environment(resource)?,
            streams: Vec::new(),
            invoke: self.invoke_config(id, resource)?,
            role: text("Role")?,
            line,
        };
        // As in SAM, if a role is given, only the role counts.
        let policies = resource
            .property("Policies")
            .filter(|_| function.role.is_none())
            .map(|all| self.scope.resolve_shallow(all));
        if let Some(policies) = policies.transpose()?.flatten() {
            let role = policies::role(self.scope, id, &policies)?;
            function.role = Some(role.arn.clone());
            self.template.roles.push(role);
        }
        self.events(&mut function, resource)?;
        Ok(function)
    }

    fn environment(&mut self, resource: &Node) -> Result<Vec<(String, String)>> {
        let Some(environment) = self.scope.property(resource, "Environment")? else { return Ok(Vec::new()) };
        let Some(variables) = environment.get("Variables") else { return Ok(Vec::new()) };
        let mut result = Vec::new();
        for (name, line, value) in variables.expect_map("Variables")? {
            let value = value.expect_text(&format!("the variable {name}"))?;
            result.push((name.clone(), self.secrets.fill_in(*line, value)?));
        }
        Ok(result)
    }

    fn events(&mut self, function: &mut Function, resource: &Node) -> Result<()> {
        let events = resource.property("Events");
        for (name, line, event) in events.map_or(Ok(&[][..]), |events| events.expect_map("Events"))? {
            let kind =
                event.get("Type").ok_or_else(|| TemplateError::new(*line, format!("the event {name} has no Type")))?;
            let properties = event.get("Properties").cloned().unwrap_or_else(|| Node::empty(*line));
            match kind.expect_text("Type")? {
                "HttpApi" => {
                    let route = self.http_event(&function.id, *line, &properties)?;
                    self.routes.push(route);
                }
                "DynamoDB" => {
                    let source = source::read(self.scope, *line, &properties)?;
                    function.streams.extend(source);
                }
                "EventBridgeRule" | "CloudWatchEvent" => {
                    let function = (function.id.as_str(), function.arn.as_str());
                    self.template.rules.extend(rule::event(self.scope, function, (name.as_str(), *line), &properties)?);
                }
                other => {
                    let supported = "HttpApi, DynamoDB, EventBridgeRule, CloudWatchEvent, Schedule and ScheduleV2 are";
                    let message = || format!("event type {other} is not supported here; {supported}");
                    let scheduler = Scheduler::of(other).ok_or_else(|| TemplateError::new(kind.line, message()))?;
                    let at = At { function: &function.id, arn: &function.arn, event: name, line: *line };
                    self.template.schedules.push(schedule::event(self.scope, scheduler, &at, &properties)?);
                }
            }
        }
        Ok(())
    }

    /// The API's id and the route.
    fn http_event(&self, function: &str, line: usize, properties: &Node) -> Result<(String, HttpRoute)> {
        let properties = self.scope.resolve(properties)?.unwrap_or_else(|| Node::empty(line));
        let (mut api, mut method, mut path, mut timeout) = (names::api_id(names::IMPLICIT_API), None, None, None);
        for (key, line, value) in properties.expect_map("Properties")? {
            match key.as_str() {
                "ApiId" => api = value.expect_text("ApiId")?.to_owned(),
                "Path" => path = Some(value.expect_text("Path")?.to_owned()),
                "Method" => method = Some(value.expect_text("Method")?.to_uppercase()),
                "TimeoutInMillis" => timeout = Some(value.expect_number("TimeoutInMillis")?.unsigned_abs()),
                "PayloadFormatVersion" if value.as_text() == Some("2.0") => {}
                "PayloadFormatVersion" => {
                    return Err(TemplateError::new(*line, "this payload format is not supported here; 2.0 is"));
                }
                "Auth" if is_no_auth(value) => {}
                other => {
                    let supported = "Path, Method, ApiId, TimeoutInMillis and PayloadFormatVersion are";
                    let message = format!("{other} of an HttpApi event is not supported here; {supported}");
                    return Err(TemplateError::new(*line, message));
                }
            }
        }
        let method = method.filter(|method| method != "ANY" && method != "X-AMAZON-APIGATEWAY-ANY-METHOD");
        let path = path.unwrap_or_else(|| "$default".to_owned());
        if path != "$default" && !path.starts_with('/') {
            return Err(TemplateError::new(line, format!("the path {path} does not begin with /")));
        }
        HttpRoute::check_path(&path).map_err(|error| TemplateError::new(line, format!("the path {path}: {error}")))?;
        let timeout = timeout.map(Duration::from_millis);
        Ok((api, HttpRoute { method, path, function: function.to_owned(), timeout, line }))
    }
}

/// Explicitly public; all routes are public here.
fn is_no_auth(auth: &Node) -> bool {
    auth.entries().iter().all(|(key, _, value)| key == "Authorizer" && value.as_text() == Some("NONE"))
}

/// The binary that cargo-lambda would build: by the metadata, otherwise by handler, otherwise by the logical id.
fn binary(resource: &Node, id: &str, handler: &str) -> String {
    let named = resource.get("Metadata").and_then(|metadata| metadata.get("BuildProperties")?.get("Binary")?.as_text());
    let by_handler = Some(handler).filter(|handler| !handler.is_empty() && *handler != "bootstrap");
    named.or(by_handler).unwrap_or(id).to_owned()
}

//! The SAM template, as far as it means something on this machine.
//!
//! The file is read twice: into a tree that knows its lines (`node`), and from there into the types below, with
//! intrinsic functions resolved only where a value is needed. A resource that does nothing locally (alarms, log groups) is
//! passed over. What would have to be honoured and cannot be is refused, with its line.

mod api;
mod error;
mod function;
mod globals;
mod names;
mod node;
mod resolve;
mod role;
mod schedule;
mod scope;
mod secrets;
mod source;
mod table;

pub use api::{HttpApi, HttpRoute, Throttle, WebSocketApi, WebSocketRoute};
pub use error::TemplateError;
pub use function::Function;
pub use names::{ACCOUNT, api_host, region};
pub use node::{Kind, Node};
pub use role::{Role, Statement};
pub use schedule::{Rate, Schedule, Scheduler};
pub use source::StreamSource;
pub use table::Table;

use anyhow::Context;
use scope::Scope;
use secrets::Secrets;
use std::path::Path;

/// What a template says must run.
#[derive(Debug)]
pub struct Template {
    /// The functions.
    pub functions: Vec<Function>,
    /// The HTTP APIs.
    pub http_apis: Vec<HttpApi>,
    /// The WebSocket APIs.
    pub web_socket_apis: Vec<WebSocketApi>,
    /// The roles.
    pub roles: Vec<Role>,
    /// The tables.
    pub tables: Vec<Table>,
    /// What is left out and should be known.
    pub warnings: Vec<String>,
}

/// What the command line adds to a template.
#[derive(Debug, Default)]
pub struct Given {
    /// Values of parameters.
    pub parameters: Vec<(String, String)>,
    /// Values of secrets: name or logical id, JSON key, value.
    pub secrets: Vec<(String, String, String)>,
}

/// Types that do nothing here: what starts with one of these is passed over.
const PASSED_OVER: [&str; 26] = [
    "AWS::ApiGateway::Account",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApplicationAutoScaling::",
    "AWS::Backup::",
    "AWS::Budgets::",
    "AWS::CertificateManager::",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFront::",
    "AWS::CloudWatch::",
    "AWS::EC2::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::ResourceGroups::",
    "AWS::Route53::",
    "AWS::S3::",
    "AWS::SNS::",
    "AWS::SQS::",
    "AWS::SSM::",
    "AWS::SecretsManager::",
    "AWS::Synthetics::",
    "AWS::WAFv2::",
    "AWS::XRay::",
];

impl Template {
    /// Reads a template.
    pub fn load(file: &Path, given: &Given) -> anyhow::Result<Self> {
        let source = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&source, given).map_err(|error| error.in_file(file).into())
    }

    /// Reads a template's text.
    pub fn parse(source: &str, given: &Given) -> Result<Self, TemplateError> {
        let root = node::parse(source)?;
        let root = globals::merged(root)?;
        let scope = Scope::new(&root, &given.parameters)?;
        let mut reader = Reader::new(&scope, given);
        let resources = root.get("Resources").ok_or_else(|| TemplateError::new(1, "there are no Resources"))?;
        for (id, line, resource) in resources.expect_map("Resources")? {
            if scope.exists(resource)? {
                reader.resource(id, *line, resource)?;
            }
        }
        reader.finish()
    }

    /// The function with a logical id.
    pub fn function(&self, id: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.id == id)
    }
}

/// Collects resources.
struct Reader<'a> {
    scope: &'a Scope<'a>,
    secrets: Secrets<'a>,
    template: Template,
    /// Routes of `HttpApi` events, with the API that they belong to.
    routes: Vec<(String, HttpRoute)>,
}

impl<'a> Reader<'a> {
    fn new(scope: &'a Scope<'a>, given: &'a Given) -> Self {
        let template = Template {
            functions: Vec::new(),
            http_apis: Vec::new(),
            web_socket_apis: Vec::new(),
            roles: Vec::new(),
            tables: Vec::new(),
            warnings: Vec::new(),
        };
        Self { scope, secrets: Secrets::new(scope, &given.secrets), template, routes: Vec::new() }
    }

    fn resource(&mut self, id: &str, line: usize, resource: &Node) -> Result<(), TemplateError> {
        let kind = resource.get("Type").ok_or_else(|| TemplateError::new(line, format!("{id} has no Type")))?;
        match kind.expect_text("Type")? {
            "AWS::Serverless::Function" => {
                let function = self.function(id, line, resource)?;
                self.template.functions.push(function);
            }
            "AWS::Serverless::HttpApi" => {
                let api = api::http(self.scope, id, line, resource)?;
                self.template.http_apis.push(api);
            }
            "AWS::Serverless::WebSocketApi" => {
                let api = api::web_socket(self.scope, id, line, resource)?;
                self.template.web_socket_apis.push(api);
            }
            "AWS::DynamoDB::Table" => {
                let table = table::read(self.scope, id, line, resource, &mut self.template.warnings)?;
                self.template.tables.push(table);
            }
            "AWS::IAM::Role" => self.template.roles.push(role::read(self.scope, id, line, resource)?),
            name if PASSED_OVER.iter().any(|prefix| name.starts_with(prefix)) => {}
            name => {
                let supported = "Function, HttpApi and WebSocketApi of AWS::Serverless and AWS::DynamoDB::Table are";
                let message = format!("the resource type {name} is not supported here; {supported}");
                return Err(TemplateError::new(kind.line, message));
            }
        }
        Ok(())
    }

    /// Puts the parts together that refer to each other.
    fn finish(mut self) -> Result<Template, TemplateError> {
        let routes = std::mem::take(&mut self.routes);
        for (api_id, route) in routes {
            self.route(&api_id, route)?;
        }
        self.check_streams()?;
        self.check_web_socket_functions()?;
        self.template.warnings.append(&mut self.secrets.warnings());
        self.check_paths()?;
        Ok(self.template)
    }

    fn route(&mut self, api_id: &str, route: HttpRoute) -> Result<(), TemplateError> {
        let apis = &mut self.template.http_apis;
        if !apis.iter().any(|api| api.api_id == api_id) {
            if api_id != names::api_id(names::IMPLICIT_API) {
                let message = format!("there is no AWS::Serverless::HttpApi with the id {api_id} in the template");
                return Err(TemplateError::new(route.line, message));
            }
            apis.push(api::implicit(self.scope, route.line)?);
        }
        let Some(api) = apis.iter_mut().find(|api| api.api_id == api_id) else { return Ok(()) };
        if let Some(other) = api.routes.iter().find(|other| other.key() == route.key()) {
            let message = format!("the route {} is already on line {}", route.key(), other.line);
            return Err(TemplateError::new(route.line, message));
        }
        api.routes.push(route);
        Ok(())
    }

    fn check_streams(&self) -> Result<(), TemplateError> {
        for function in &self.template.functions {
            for (position, source) in function.streams.iter().enumerate() {
                let table = self.template.tables.iter().find(|table| table.stream_arn == source.stream_arn);
                let message = match table {
                    None => "this stream is of no AWS::DynamoDB::Table in the template",
                    Some(table) if table.stream_view.is_none() => "the table has no StreamSpecification",
                    Some(_) if fed_before(&function.streams[..position], source) => {
                        "the function is fed from this stream already, which AWS allows once; give its event more filters"
                    }
                    Some(_) => continue,
                };
                return Err(TemplateError::new(source.line, message));
            }
        }
        Ok(())
    }

    /// Routes name functions by their ARN, which may be of functions that come later in the file.
    fn check_web_socket_functions(&mut self) -> Result<(), TemplateError> {
        let Template { functions, web_socket_apis, .. } = &mut self.template;
        for route in web_socket_apis.iter_mut().flat_map(|api| &mut api.routes) {
            let function = functions.iter().find(|function| function.is_named_by(&route.function));
            let function = function.ok_or_else(|| {
                TemplateError::new(route.line, format!("{} is no function of the template", route.function))
            })?;
            route.function.clone_from(&function.id);
        }
        Ok(())
    }

    /// All APIs share one port, and are told apart by their stage.
    fn check_paths(&self) -> Result<(), TemplateError> {
        let Template { http_apis, web_socket_apis, .. } = &self.template;
        let http = http_apis.iter().map(|api| (api.stage.as_str(), api.line));
        let mut seen: Vec<(&str, usize)> = Vec::new();
        for (stage, line) in http.chain(web_socket_apis.iter().map(|api| (api.stage.as_str(), api.line))) {
            if let Some((_, other)) = seen.iter().find(|(name, _)| *name == stage) {
                let message =
                    format!("the stage {stage} is also that of the API on line {other}; here they share a port");
                return Err(TemplateError::new(line, message));
            }
            seen.push((stage, line));
        }
        Ok(())
    }
}

fn fed_before(others: &[StreamSource], source: &StreamSource) -> bool {
    others.iter().any(|other| other.stream_arn == source.stream_arn)
}

#[cfg(test)]
mod tests;

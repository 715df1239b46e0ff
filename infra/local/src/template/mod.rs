//! The SAM template, as far as it matters on this machine.
//!
//! The file is read twice: into a tree that keeps line numbers (`node`), and from there into the types below, with
//! intrinsic functions resolved only where a value is needed. A resource that does nothing locally (alarms, log groups)
//! is ignored. A resource that would matter and is not supported is refused, with its line.

mod api;
mod bucket;
mod error;
mod function;
mod globals;
mod invoke;
mod names;
mod node;
mod policies;
mod queue;
mod resolve;
mod role;
mod rule;
mod schedule;
mod scope;
mod secrets;
mod source;
mod table;
mod target;
mod timing;

pub use api::{HttpApi, HttpRoute, Throttle, WebSocketApi, WebSocketRoute};
pub use bucket::Bucket;
pub use error::TemplateError;
pub use function::Function;
pub use invoke::InvokeConfig;
pub use names::{ACCOUNT, DEFAULT_BUS, api_host, arn, bucket_arn, bus_name, region};
pub use node::{Kind, Node};
pub use queue::Queue;
pub use role::{Prefixes, Role, Statement};
pub use rule::Rule;
pub use schedule::{Schedule, Scheduler};
pub use source::StreamSource;
pub use table::Table;
pub use target::{Delivery, Input, Receiver, Target};
pub use timing::{Timing, When};

use anyhow::Context;
use scope::Scope;
use secrets::Secrets;
use std::collections::BTreeMap;
use std::path::Path;

/// What a template declares.
#[derive(Debug)]
pub struct Template {
    /// The functions.
    pub functions: Vec<Function>,
    /// The HTTP APIs.
    pub http_apis: Vec<HttpApi>,
    /// The WebSocket APIs.
    pub web_socket_apis: Vec<WebSocketApi>,
    /// The buckets.
    pub buckets: Vec<Bucket>,
    /// The buses, by name, including the default one, which always exists.
    pub buses: Vec<String>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The roles.
    pub roles: Vec<Role>,
    /// The enabled rules of EventBridge.
    pub rules: Vec<Rule>,
    /// The schedules.
    pub schedules: Vec<Schedule>,
    /// The tables.
    pub tables: Vec<Table>,
    /// Types of resources that do nothing here, with the number of each.
    pub passed_over: BTreeMap<String, usize>,
    /// Warnings about what is left out.
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

/// Types that do nothing here: any type with one of these prefixes is ignored.
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
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::ResourceGroups::",
    "AWS::Route53::",
    "AWS::S3::",
    "AWS::SNS::",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::SecretsManager::",
    "AWS::Synthetics::",
    "AWS::WAFv2::",
    "AWS::XRay::",
];

/// The known properties of a bus. Only its name matters here.
const OF_A_BUS: [&str; 8] =
    ["DeadLetterConfig", "Description", "EventSourceName", "KmsKeyIdentifier", "LogConfig", "Name", "Policy", "Tags"];

impl Template {
    /// Reads a template file.
    pub fn load(file: &Path, given: &Given) -> anyhow::Result<Self> {
        let source = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&source, given).map_err(|error| error.in_file(file).into())
    }

    /// Parses a template.
    pub fn parse(source: &str, given: &Given) -> Result<Self, TemplateError> {
        let root = node::parse(source)?;
        let root = globals::merged(root)?;
        let scope = Scope::new(&root, &given.parameters)?;
        let mut reader = Reader::new(&scope, given);
        let resources = root.get("Resources").ok_or_else(|| TemplateError::new(1, "there are no Resources"))?;
        for (id, line, resource) in resources.expect_map("Resources")? {
            check_id(id, *line)?;
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
    /// Routes of `HttpApi` events, with their API.
    routes: Vec<(String, HttpRoute)>,
}

impl<'a> Reader<'a> {
    fn new(scope: &'a Scope<'a>, given: &'a Given) -> Self {
        let template = Template {
            functions: Vec::new(),
            http_apis: Vec::new(),
            web_socket_apis: Vec::new(),
            buckets: Vec::new(),
            buses: vec![DEFAULT_BUS.to_owned()],
            queues: Vec::new(),
            roles: Vec::new(),
            rules: Vec::new(),
            schedules: Vec::new(),
            tables: Vec::new(),
            passed_over: BTreeMap::new(),
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
                let table = table::read(self.scope, id, line, resource)?;
                self.template.tables.push(table);
            }
            "AWS::S3::Bucket" => {
                let bucket = bucket::read(self.scope, id, line, resource, &mut self.template.warnings)?;
                self.template.buckets.push(bucket);
            }
            "AWS::SQS::Queue" => {
                let queue = queue::read(self.scope, id, line, resource)?;
                self.template.queues.push(queue);
            }
            "AWS::Events::Rule" => self.rule(id, line, resource)?,
            "AWS::Scheduler::Schedule" => {
                self.template.schedules.push(schedule::resource(self.scope, id, line, resource)?);
            }
            "AWS::Lambda::EventInvokeConfig" => {
                self.leave_out(id, line, "give the function itself an EventInvokeConfig")
            }
            // Without them, a function may be denied something that AWS allows, which would be hard to explain.
            "AWS::IAM::ManagedPolicy" | "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" => {
                self.leave_out(id, line, "give the role itself what it allows, among its Policies");
            }
            "AWS::IAM::Role" => self.template.roles.push(role::read(self.scope, id, line, resource)?),
            // Events can be put on a bus that is not declared here.
            "AWS::Events::EventBus" => {
                resource.expect_properties(id, &OF_A_BUS)?;
                self.template.buses.push(names::name(self.scope, Some(resource), id)?);
            }
            name if PASSED_OVER.iter().any(|prefix| name.starts_with(prefix)) => {
                *self.template.passed_over.entry(name.to_owned()).or_default() += 1;
            }
            name => {
                let supported = "Function, HttpApi and WebSocketApi of AWS::Serverless, tables, buckets, queues, rules and \
                    schedules are";
                let message = format!("the resource type {name} is not supported here; {supported}");
                return Err(TemplateError::new(kind.line, message));
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, id: &str, line: usize, instead: &str) {
        self.template.warnings.push(format!("{id} (line {line}) is left out; {instead}"));
    }

    /// A rule may have a pattern, an expression, or both.
    fn rule(&mut self, id: &str, line: usize, resource: &Node) -> Result<(), TemplateError> {
        let rule = rule::resource(self.scope, id, line, resource)?;
        if let Some(expression) = &rule.expression {
            let (scheduler, name) = (Scheduler::Rule, rule.name.clone());
            let timing = timing::read(expression, jiff::tz::TimeZone::UTC, false)?;
            let (arn, targets) = (scheduler.arn("", &name), rule.targets.clone());
            let enabled = rule.enabled;
            self.template.schedules.push(Schedule {
                id: id.to_owned(),
                name,
                scheduler,
                arn,
                timing,
                enabled,
                targets,
            });
        }
        if let Some(pattern) = rule.pattern.filter(|_| rule.enabled) {
            self.template.rules.push(Rule { id: id.to_owned(), bus: rule.bus, pattern, targets: rule.targets });
        }
        Ok(())
    }

    /// Finds the functions and queues that receive events; they may come later in the file.
    fn find_receivers(&mut self) {
        let Template { functions, queues, rules, schedules, warnings, .. } = &mut self.template;
        let known = functions.clone();
        let mut find = |receiver: &mut Receiver, line: usize| {
            let Receiver::Elsewhere(arn) = receiver else { return };
            let function = known.iter().find(|function| function.is_named_by(arn));
            let queue = queues.iter().find(|queue| queue.arn == *arn);
            match (function, queue) {
                (Some(function), _) => *receiver = Receiver::Function(function.id.clone()),
                (None, Some(queue)) => *receiver = Receiver::Queue(queue.name.clone()),
                (None, None) => {
                    let kinds = "functions and queues of the template are";
                    warnings.push(format!("line {line}: nothing is sent to {arn}, which is not here; {kinds}"));
                }
            }
        };
        let targets = rules.iter_mut().flat_map(|rule| &mut rule.targets);
        for target in targets.chain(schedules.iter_mut().flat_map(|schedule| &mut schedule.targets)) {
            find(&mut target.receiver, target.line);
            if let Some(queue) = &mut target.delivery.dead_letters {
                find(queue, target.line);
            }
        }
        for function in functions {
            for source in &mut function.streams {
                if let Some(receiver) = &mut source.on_failure {
                    find(receiver, source.line);
                }
            }
            let line = function.line;
            let InvokeConfig { on_success, on_failure, dead_letters, .. } = &mut function.invoke;
            for receiver in [on_success, on_failure, dead_letters].into_iter().flatten() {
                find(receiver, line);
            }
        }
    }

    /// Warns of functions that may do everything, because their policies are not known here.
    fn find_unknown_policies(&mut self) {
        let Template { functions, roles, warnings, .. } = &mut self.template;
        for function in functions {
            let role = roles.iter().find(|role| Some(&role.arn) == function.role.as_ref());
            for line in role.map_or(&[][..], |role| role.unknown.as_slice()) {
                let (what, who) = ("what this policy allows is not known here", &function.id);
                warnings.push(format!("line {line}: {what}, so that {who} may do everything"));
            }
        }
    }

    /// Connects the parts that refer to each other.
    fn finish(mut self) -> Result<Template, TemplateError> {
        let routes = std::mem::take(&mut self.routes);
        for (api_id, route) in routes {
            self.route(&api_id, route)?;
        }
        self.check_streams()?;
        self.check_web_socket_functions()?;
        self.find_receivers();
        self.find_unknown_policies();
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

    /// Routes name functions by ARN, which may belong to functions later in the file.
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

/// CloudFormation's own rule. Here, ids also become part of file names and addresses.
fn check_id(id: &str, line: usize) -> Result<(), TemplateError> {
    if !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(TemplateError::new(
        line,
        format!("{id:?} is not a valid name for a resource: AWS allows only letters and digits"),
    ))
}

fn fed_before(others: &[StreamSource], source: &StreamSource) -> bool {
    others.iter().any(|other| other.stream_arn == source.stream_arn)
}

#[cfg(test)]
mod tests;

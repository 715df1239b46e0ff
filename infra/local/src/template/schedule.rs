//! Schedules: `Schedule` and `ScheduleV2` events, rules with an expression, and `AWS::Scheduler::Schedule`.

use super::error::TemplateError;
use super::names::{self, STACK};
use super::node::Node;
use super::rule::{self, state};
use super::scope::Scope;
use super::target::Target;
use super::timing::{self, Timing};
use jiff::tz::TimeZone;

type Result<T> = std::result::Result<T, TemplateError>;

/// The service that runs a schedule in AWS. Their events differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A rule of EventBridge: `Schedule` and `AWS::Events::Rule`.
    Rule,
    /// EventBridge Scheduler: `ScheduleV2` and `AWS::Scheduler::Schedule`.
    Scheduler,
}

/// A schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The logical id; for a function's event, prefixed with the function's, as in SAM.
    pub id: String,
    /// Its name in AWS.
    pub name: String,
    /// The service that runs it.
    pub scheduler: Scheduler,
    /// Its ARN, which events carry.
    pub arn: String,
    /// When it is due.
    pub timing: Timing,
    /// Whether it is enabled. A disabled one can still be fired by hand.
    pub enabled: bool,
    /// Where its events go.
    pub targets: Vec<Target>,
}

impl Scheduler {
    /// The scheduler for an event's type.
    pub(super) fn of(kind: &str) -> Option<Self> {
        match kind {
            "Schedule" => Some(Self::Rule),
            "ScheduleV2" => Some(Self::Scheduler),
            _ => None,
        }
    }

    /// The type of event, as templates name it.
    fn kind(self) -> &'static str {
        match self {
            Self::Rule => "Schedule",
            Self::Scheduler => "ScheduleV2",
        }
    }

    fn expression(self) -> &'static str {
        match self {
            Self::Rule => "Schedule",
            Self::Scheduler => "ScheduleExpression",
        }
    }

    pub(super) fn arn(self, group: &str, name: &str) -> String {
        match self {
            Self::Rule => names::arn("events", &format!("rule/{name}")),
            Self::Scheduler => names::arn("scheduler", &format!("schedule/{group}/{name}")),
        }
    }

    /// The name that SAM gives it; for a rule, prefixed with the stack's.
    fn default_name(self, function: &str, event: &str) -> String {
        match self {
            Self::Rule => format!("{STACK}-{function}{event}"),
            Self::Scheduler => format!("{function}{event}"),
        }
    }
}

/// Where an event is in the template.
pub(super) struct At<'a> {
    pub(super) function: &'a str,
    pub(super) arn: &'a str,
    pub(super) event: &'a str,
    pub(super) line: usize,
}

/// The parts that all kinds of schedules share.
struct Parts {
    name: String,
    group: String,
    expression: Option<Node>,
    zone: TimeZone,
    /// The settings that enable or disable it, with their lines.
    switches: Vec<(usize, bool)>,
}

/// Properties about when and how AWS delivers an event; a laptop delivers it at once.
const WITHOUT_MEANING: [&str; 6] =
    ["Description", "FlexibleTimeWindow", "KmsKeyArn", "OmitName", "PermissionsBoundary", "RoleArn"];

/// Reads an event's properties.
pub(super) fn event(scope: &Scope<'_>, scheduler: Scheduler, at: &At<'_>, properties: &Node) -> Result<Schedule> {
    let properties = scope.resolve(properties)?.unwrap_or_else(|| Node::empty(at.line));
    let mut parts = Parts::new(scheduler.default_name(at.function, at.event));
    let mut target = Target::new(at.arn, at.line);
    for (property, line, value) in properties.expect_map("Properties")? {
        let taken = match (property.as_str(), scheduler) {
            (expression, _) if expression == scheduler.expression() => {
                parts.expression = Some(value.clone());
                true
            }
            ("Enabled", Scheduler::Rule) => {
                parts.switches.push((*line, value.expect_bool("Enabled")?));
                true
            }
            ("Description", Scheduler::Rule) => true,
            ("Name" | "State", Scheduler::Rule) | (_, Scheduler::Scheduler) => parts.set(property, *line, value)?,
            _ => false,
        };
        if !taken && !target.set(property, *line, value)? {
            let message = format!("{property} of a {} event is not supported here", scheduler.kind());
            return Err(TemplateError::new(*line, message));
        }
    }
    let missing = format!("the event {} has no {}", at.event, scheduler.expression());
    let id = format!("{}{}", at.function, at.event);
    parts.schedule(id, scheduler, vec![target], || TemplateError::new(at.line, missing))
}

/// Reads an `AWS::Scheduler::Schedule`.
pub(super) fn resource(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Schedule> {
    let mut parts = Parts::new(names::name(scope, Some(resource), id)?);
    let mut targets = Vec::new();
    for (property, line, value) in resource.properties() {
        let Some(value) = scope.resolve(value)? else { continue };
        match property.as_str() {
            "ScheduleExpression" => parts.expression = Some(value),
            "Target" => targets.push(rule::target(&value)?),
            other if parts.set(other, *line, &value)? => {}
            other => {
                let message = format!("{other} of an AWS::Scheduler::Schedule is not supported here");
                return Err(TemplateError::new(*line, message));
            }
        }
    }
    let missing = format!("the schedule {id} has no ScheduleExpression");
    parts.schedule(id.to_owned(), Scheduler::Scheduler, targets, || TemplateError::new(line, missing))
}

impl Parts {
    fn new(name: String) -> Self {
        Self { name, group: "default".to_owned(), expression: None, zone: TimeZone::UTC, switches: Vec::new() }
    }

    /// Reads a property that schedules of EventBridge Scheduler share; `false` if it is not one of them.
    fn set(&mut self, name: &str, line: usize, value: &Node) -> Result<bool> {
        match name {
            "Name" => value.expect_text("Name")?.clone_into(&mut self.name),
            "GroupName" => value.expect_text("GroupName")?.clone_into(&mut self.group),
            "State" => self.switches.push((line, state(value)?)),
            "ScheduleExpressionTimezone" => self.zone = timing::zone(value)?,
            name => return Ok(WITHOUT_MEANING.contains(&name)),
        }
        Ok(true)
    }

    fn schedule(
        self,
        id: String,
        scheduler: Scheduler,
        targets: Vec<Target>,
        missing: impl FnOnce() -> TemplateError,
    ) -> Result<Schedule> {
        if let [_, (line, _)] = self.switches[..] {
            return Err(TemplateError::new(line, "State and Enabled say the same; a schedule has one of them"));
        }
        let expression = self.expression.ok_or_else(missing)?;
        let timing = timing::read(&expression, self.zone, scheduler == Scheduler::Scheduler)?;
        let enabled = self.switches.iter().all(|(_, enabled)| *enabled);
        let arn = scheduler.arn(&self.group, &self.name);
        Ok(Schedule { id, name: self.name, scheduler, arn, timing, enabled, targets })
    }
}

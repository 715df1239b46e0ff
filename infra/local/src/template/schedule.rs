//! `Schedule` and `ScheduleV2` events: what sets a function off again and again.

use super::error::TemplateError;
use super::names::{self, STACK};
use super::node::Node;
use super::scope::Scope;

type Result<T> = std::result::Result<T, TemplateError>;

/// What runs a schedule in AWS. Their events differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// A rule of EventBridge: `Schedule`.
    Rule,
    /// EventBridge Scheduler: `ScheduleV2`.
    Scheduler,
}

/// How often, in words and in minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// As written, such as `rate(5 minutes)`.
    pub expression: String,
    /// The same in minutes.
    pub minutes: u32,
}

/// A schedule that a function is set off by.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// What runs it.
    pub scheduler: Scheduler,
    /// Its ARN, which events carry.
    pub arn: String,
    /// How often.
    pub rate: Rate,
    /// The event, JSON, in place of the one that tells of the schedule.
    pub input: Option<String>,
}

impl Scheduler {
    /// Of an event's type.
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

    fn arn(self, group: &str, name: &str) -> String {
        match self {
            Self::Rule => names::arn("events", &format!("rule/{name}")),
            Self::Scheduler => names::arn("scheduler", &format!("schedule/{group}/{name}")),
        }
    }

    /// The name that SAM gives it: of a rule, with the stack's before it.
    fn default_name(self, function: &str, event: &str) -> String {
        match self {
            Self::Rule => format!("{STACK}-{function}{event}"),
            Self::Scheduler => format!("{function}{event}"),
        }
    }
}

/// Where an event stands in the template.
pub(super) struct At<'a> {
    pub(super) function: &'a str,
    pub(super) event: &'a str,
    pub(super) line: usize,
}

/// Reads an event's properties; nothing if it is switched off.
pub(super) fn read(
    scope: &Scope<'_>,
    scheduler: Scheduler,
    at: &At<'_>,
    properties: &Node,
) -> Result<Option<Schedule>> {
    let properties = scope.resolve(properties)?.unwrap_or_else(|| Node::empty(at.line));
    let (mut rate, mut input, mut switches) = (None, None, Vec::new());
    let (mut name, mut group) = (scheduler.default_name(at.function, at.event), "default".to_owned());
    for (property, line, value) in properties.expect_map("Properties")? {
        match (property.as_str(), scheduler) {
            (expression, _) if expression == scheduler.expression() => rate = Some(self::rate(value)?),
            ("Input", _) => input = Some(json(value)?),
            ("Name", _) => value.expect_text("Name")?.clone_into(&mut name),
            ("State", _) => switches.push((*line, state(value)?)),
            ("Enabled", Scheduler::Rule) => switches.push((*line, value.expect_bool("Enabled")?)),
            ("GroupName", Scheduler::Scheduler) => value.expect_text("GroupName")?.clone_into(&mut group),
            // They are about bringing the event to the function, which cannot fail here, or about when a rate begins.
            ("Description" | "DeadLetterConfig" | "RetryPolicy", _)
            | (
                "FlexibleTimeWindow"
                | "KmsKeyArn"
                | "OmitName"
                | "PermissionsBoundary"
                | "RoleArn"
                | "ScheduleExpressionTimezone",
                Scheduler::Scheduler,
            ) => {}
            (other, _) => {
                let message = format!("{other} of a {} event is not supported here", scheduler.kind());
                return Err(TemplateError::new(*line, message));
            }
        }
    }
    if let [_, (line, _)] = switches[..] {
        return Err(TemplateError::new(line, "State and Enabled say the same; a schedule has one of them"));
    }
    let rate = rate.ok_or_else(|| {
        TemplateError::new(at.line, format!("the event {} has no {}", at.event, scheduler.expression()))
    })?;
    let enabled = switches.iter().all(|(_, enabled)| *enabled);
    Ok(enabled.then(|| Schedule { scheduler, arn: scheduler.arn(&group, &name), rate, input }))
}

fn state(value: &Node) -> Result<bool> {
    match value.expect_text("State")? {
        "ENABLED" => Ok(true),
        "DISABLED" => Ok(false),
        other => {
            let message = format!("the state {other} is not supported here; ENABLED and DISABLED are");
            Err(TemplateError::new(value.line, message))
        }
    }
}

/// A function takes JSON: AWS refuses a schedule whose input is something else.
fn json(value: &Node) -> Result<String> {
    let text = value.expect_text("Input")?;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(TemplateError::new(value.line, format!("the Input is not JSON: {error}"))),
    }
}

/// AWS takes the singular for one and the plural for more, and nothing else.
fn rate(value: &Node) -> Result<Rate> {
    let expression = value.expect_text("the schedule")?;
    let wrong = |message: String| TemplateError::new(value.line, message);
    let inner = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.ok_or_else(|| wrong(format!("the schedule {expression} is not run here; only rate(...) is")))?;
    let malformed = || wrong(format!("{expression} is no rate; rate(1 minute), rate(5 minutes) and the like are"));
    let (number, unit) = inner.split_once(' ').ok_or_else(malformed)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0).ok_or_else(malformed)?;
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    let minutes: u32 = match singular {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => return Err(malformed()),
    };
    let right = if number == 1 { singular.to_owned() } else { format!("{singular}s") };
    if unit != right {
        return Err(wrong(format!("AWS refuses {expression}; it must be rate({number} {right})")));
    }
    let minutes = number.checked_mul(minutes).ok_or_else(malformed)?;
    Ok(Rate { expression: expression.to_owned(), minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_aws_takes() {
        let read = |text: &str| rate(&Node::text(7, text)).map(|rate| rate.minutes).map_err(|error| error.to_string());
        for (text, minutes) in
            [("rate(1 minute)", 1), ("rate(5 minutes)", 5), ("rate(1 hour)", 60), ("rate(2 days)", 2880)]
        {
            assert_eq!(read(text), Ok(minutes), "{text}");
        }
        for (text, message) in [
            ("rate(5 minute)", "7: AWS refuses rate(5 minute); it must be rate(5 minutes)"),
            ("rate(1 hours)", "7: AWS refuses rate(1 hours); it must be rate(1 hour)"),
            ("rate(0 minutes)", "7: rate(0 minutes) is no rate"),
            ("rate(-1 minutes)", "7: rate(-1 minutes) is no rate"),
            ("rate(1.5 hours)", "7: rate(1.5 hours) is no rate"),
            ("rate(5 seconds)", "7: rate(5 seconds) is no rate"),
            ("rate(5  minutes)", "7: rate(5  minutes) is no rate"),
            ("rate(4294967295 days)", "7: rate(4294967295 days) is no rate"),
            ("rate(minute)", "7: rate(minute) is no rate"),
            ("5 minutes", "7: the schedule 5 minutes is not run here; only rate(...) is"),
            ("cron(0 12 * * ? *)", "7: the schedule cron(0 12 * * ? *) is not run here; only rate(...) is"),
            ("at(2026-11-26T12:00:00)", "7: the schedule at(2026-11-26T12:00:00) is not run here"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }
}

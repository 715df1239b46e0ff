//! Where events go: a function or a queue of the template.

use super::error::TemplateError;
use super::node::{Kind, Node};
use std::time::Duration;

type Result<T> = std::result::Result<T, TemplateError>;

/// The receiver of an event, a message or a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// A function, by its logical id.
    Function(String),
    /// A queue, by its name.
    Queue(String),
    /// A receiver that does not exist here, by its ARN.
    Elsewhere(String),
}

/// What a receiver gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The event.
    Event,
    /// Always the same JSON.
    Constant(String),
    /// A part of the event: the names on the way to it.
    Part(Vec<String>),
}

/// How often delivery is retried, and where an undelivered event goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The number of retries.
    pub retries: u32,
    /// How long it is retried.
    pub max_age: Duration,
    /// The queue for events that could not be delivered.
    pub dead_letters: Option<Receiver>,
}

/// A target of a rule or schedule.
#[derive(Debug, Clone)]
pub struct Target {
    /// The receiver.
    pub receiver: Receiver,
    /// Its input.
    pub input: Input,
    /// How it is delivered.
    pub delivery: Delivery,
    /// The line it is on.
    pub line: usize,
}

/// EventBridge's default.
const RETRIES: u32 = 185;
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

impl Target {
    /// A target that receives the whole event.
    pub(super) fn new(arn: &str, line: usize) -> Self {
        let delivery = Delivery { retries: RETRIES, max_age: MAX_AGE, dead_letters: None };
        Self { receiver: Receiver::Elsewhere(arn.to_owned()), input: Input::Event, delivery, line }
    }

    /// Reads a property that all targets share; `false` if it is not one of them.
    pub(super) fn set(&mut self, name: &str, line: usize, value: &Node) -> Result<bool> {
        match name {
            "Input" => self.input = Input::Constant(json(value)?),
            "InputPath" => self.input = path(value)?,
            "RetryPolicy" => self.delivery.retry(value)?,
            "DeadLetterConfig" => self.delivery.dead_letters = Some(dead_letters(line, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Delivery {
    fn retry(&mut self, policy: &Node) -> Result<()> {
        for (name, line, value) in policy.expect_map("RetryPolicy")? {
            match name.as_str() {
                "MaximumRetryAttempts" => self.retries = between(value, name, 0, 185)? as u32,
                "MaximumEventAgeInSeconds" => self.max_age = Duration::from_secs(between(value, name, 60, 86_400)?),
                other => {
                    let message = format!("{other} of a RetryPolicy is not supported here");
                    return Err(TemplateError::new(*line, message));
                }
            }
        }
        Ok(())
    }
}

/// The queue of a `DeadLetterConfig`, which must be named here: otherwise SAM would create one.
fn dead_letters(line: usize, config: &Node) -> Result<Receiver> {
    let arn = config.get("Arn");
    let arn = arn.ok_or_else(|| TemplateError::new(line, "the DeadLetterConfig has no Arn, which is required here"))?;
    Ok(Receiver::Elsewhere(arn.expect_text("Arn")?.to_owned()))
}

/// A function's input is JSON: AWS refuses anything else.
pub(super) fn json(value: &Node) -> Result<String> {
    let text = match &value.kind {
        Kind::Scalar { text, .. } => text.clone(),
        _ => value.to_json().to_string(),
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(TemplateError::new(value.line, format!("the Input is not JSON: {error}"))),
    }
}

fn path(value: &Node) -> Result<Input> {
    let text = value.expect_text("InputPath")?;
    let names = text.strip_prefix('$').filter(|rest| rest.is_empty() || rest.starts_with('.'));
    let names = names.filter(|names| !names.contains(['[', '*']));
    let names = names.ok_or_else(|| {
        TemplateError::new(value.line, format!("the InputPath {text} is not supported here; $ and $.name.name are"))
    })?;
    let names: Vec<_> = names.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(if names.is_empty() { Input::Event } else { Input::Part(names) })
}

/// A whole number within bounds.
pub(super) fn between(value: &Node, name: &str, least: u64, most: u64) -> Result<u64> {
    let number = value.expect_number(name)?.try_into().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| TemplateError::new(value.line, format!("{name} must be from {least} to {most}")))
}

//! How asynchronous events are handled: `EventInvokeConfig` and `DeadLetterQueue`.

use super::error::TemplateError;
use super::node::Node;
use super::target::{Receiver, between};
use super::{Queue, Reader};
use std::time::Duration;

type Result<T> = std::result::Result<T, TemplateError>;

/// Lambda's default number of retries, which is also the maximum.
const RETRIES: u32 = 2;
const MAX_AGE: Duration = Duration::from_secs(6 * 3600);

/// How asynchronous events are handled.
#[derive(Debug, Clone)]
pub struct InvokeConfig {
    /// How often a failed event is retried.
    pub retries: u32,
    /// How long an event may wait to be handled.
    pub max_age: Duration,
    /// The receiver of a record when an event was handled.
    pub on_success: Option<Receiver>,
    /// The receiver of a record when an event is given up.
    pub on_failure: Option<Receiver>,
    /// The receiver of the event itself when it is given up.
    pub dead_letters: Option<Receiver>,
}

impl Default for InvokeConfig {
    fn default() -> Self {
        Self { retries: RETRIES, max_age: MAX_AGE, on_success: None, on_failure: None, dead_letters: None }
    }
}

impl Reader<'_> {
    pub(super) fn invoke_config(&mut self, id: &str, resource: &Node) -> Result<InvokeConfig> {
        let mut config = InvokeConfig::default();
        let given = self.scope.property(resource, "EventInvokeConfig")?;
        for (name, line, value) in given.as_ref().map_or(&[][..], Node::entries) {
            match name.as_str() {
                "MaximumRetryAttempts" => config.retries = between(value, name, 0, u64::from(RETRIES))? as u32,
                "MaximumEventAgeInSeconds" => {
                    config.max_age = Duration::from_secs(between(value, name, 60, MAX_AGE.as_secs())?);
                }
                "DestinationConfig" => {
                    config.on_success = self.destination(id, value, "OnSuccess")?;
                    config.on_failure = self.destination(id, value, "OnFailure")?;
                }
                other => {
                    let message = format!("{other} of an EventInvokeConfig is not supported here");
                    return Err(TemplateError::new(*line, message));
                }
            }
        }
        if let Some(queue) = self.scope.property(resource, "DeadLetterQueue")? {
            let arn = queue.get("TargetArn");
            let arn = arn.ok_or_else(|| TemplateError::new(queue.line, "the DeadLetterQueue has no TargetArn"))?;
            config.dead_letters = Some(Receiver::Elsewhere(arn.expect_text("TargetArn")?.to_owned()));
        }
        Ok(config)
    }

    fn destination(&mut self, id: &str, config: &Node, name: &str) -> Result<Option<Receiver>> {
        let Some(given) = config.get(name) else { return Ok(None) };
        if let Some(arn) = given.get("Destination") {
            return Ok(Some(Receiver::Elsewhere(arn.expect_text("Destination")?.to_owned())));
        }
        if given.get("Type").and_then(Node::as_text) != Some("SQS") {
            let line = given.line;
            self.template.warnings.push(format!("line {line}: {name} has no Destination and is left out"));
            return Ok(None);
        }
        // SAM creates a queue if none is named.
        let queue = Queue::named(&format!("{id}EventInvokeConfig{name}Queue"));
        let receiver = Receiver::Queue(queue.name.clone());
        self.template.queues.push(queue);
        Ok(Some(receiver))
    }
}

//! `AWS::SQS::Queue`.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::scope::Scope;
use super::target::between;
use std::time::Duration;

/// Properties that make no difference here: messages stay until somebody takes them.
const WITHOUT_MEANING: [&str; 8] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "QueueName",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "Tags",
];

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// The address, as `Ref` returns it.
    pub url: String,
    /// How long a received message is hidden from others.
    pub visibility: Duration,
    /// How long a message waits before it can be received.
    pub delay: Duration,
    /// How long a receiver waits for a message, unless it says otherwise.
    pub wait: Duration,
}

/// Properties that would change how the queue works.
const REFUSED: [&str; 5] =
    ["ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit", "RedrivePolicy"];
/// The maximum length of a name.
const LONGEST: usize = 80;

impl Queue {
    /// A queue with the name that CloudFormation would give it.
    pub(super) fn named(id: &str) -> Self {
        let name = format!("{}-{id}", names::STACK);
        let (arn, url) = (names::arn("sqs", &name), names::queue_url(&name));
        let (visibility, delay, wait) = (Duration::from_secs(30), Duration::ZERO, Duration::ZERO);
        Self { name, arn, url, visibility, delay, wait }
    }
}

pub(super) fn read(scope: &Scope<'_>, id: &str, line: usize, resource: &Node) -> Result<Queue, TemplateError> {
    let mut queue = Queue::named(id);
    queue.name = names::name(scope, Some(resource), id)?;
    queue.arn = names::attribute(scope, line, id, "Arn")?;
    queue.url = names::reference(scope, line, id)?;
    check_name(&queue.name).map_err(|message| TemplateError::new(line, message))?;
    for (property, at, value) in resource.properties() {
        if WITHOUT_MEANING.contains(&property.as_str()) {
            continue;
        }
        let Some(value) = scope.resolve(value)? else { continue };
        match property.as_str() {
            name if REFUSED.contains(&name) && value.as_text() != Some("false") => {
                return Err(TemplateError::new(*at, format!("{name} of a queue is not supported here")));
            }
            "ContentBasedDeduplication" | "FifoQueue" => {}
            "VisibilityTimeout" => queue.visibility = Duration::from_secs(between(&value, property, 0, 43_200)?),
            "DelaySeconds" => queue.delay = Duration::from_secs(between(&value, property, 0, 900)?),
            "ReceiveMessageWaitTimeSeconds" => queue.wait = Duration::from_secs(between(&value, property, 0, 20)?),
            name => return Err(TemplateError::unknown(*at, name, id)),
        }
    }
    Ok(queue)
}

/// The name becomes that of a folder.
fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if (1..=LONGEST).contains(&name.len()) && name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(format!("{name} is not a valid name for a queue: use 1 to {LONGEST} letters, digits, hyphens and underscores"))
}

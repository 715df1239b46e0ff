//! SQS' interface, in JSON: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/>.

use super::{Attribute, Queue, QueueError, Queues};
use crate::digest::md5;
use crate::http::read_up_to;
use crate::permissions::{Permissions, Wish};
use crate::signature::Signature;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::Instant;

/// A message may have 1 MB.
const LARGEST: usize = 1024 * 1024;
/// Allows for escapes and the envelope.
const MAX_BODY: usize = 8 * LARGEST;
const MOST_AT_ONCE: u64 = 10;
/// All in seconds.
const LONGEST_WAIT: u64 = 20;
const LONGEST_DELAY: u64 = 900;
const LONGEST_HIDDEN: u64 = 43_200;

/// An error in SQS's format.
struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        let kind = match error {
            QueueError::None(_) => "QueueDoesNotExist",
            QueueError::Disk(_) => "InternalError",
        };
        Self::new(kind, error.to_string())
    }
}

pub(super) async fn answer(
    queues: &Queues,
    request: Request,
    signature: &Signature,
    permissions: Option<&Permissions>,
) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let body = match read_up_to(body, MAX_BODY).await {
        Ok(body) => serde_json::from_slice::<Value>(&body),
        Err(why) => return refused(&Failure::new("InvalidParameterValue", why.to_string())),
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            let failure = Failure::new("SerializationException", format!("the body is not JSON: {error}"));
            return refused(&failure);
        }
    };
    let call = Call { queues, body, host: host(&parts.headers), signature, permissions };
    match call.answer(operation).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer.to_string()).into_response(),
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &Failure) -> Response {
    let status = match failure.kind {
        "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
        "AccessDeniedException" => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = json!({"__type": format!("com.amazonaws.sqs#{}", failure.kind), "message": failure.message});
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}

fn host(headers: &HeaderMap) -> String {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1").to_owned()
}

struct Call<'a> {
    queues: &'a Queues,
    body: Value,
    host: String,
    signature: &'a Signature,
    permissions: Option<&'a Permissions>,
}

impl Call<'_> {
    async fn answer(&self, operation: &str) -> Result<Value, Failure> {
        Ok(match operation {
            "ListQueues" => {
                // This concerns all queues of the account, not a single one.
                self.permit("sqs:ListQueues", "*")?;
                let mut urls: Vec<_> = self.queues.0.values().map(|queue| self.url(queue)).collect();
                urls.sort();
                json!({"QueueUrls": urls})
            }
            "GetQueueUrl" => {
                let name = self.body["QueueName"].as_str().unwrap_or_default();
                let queue = self.queues.queue(name)?;
                self.permit("sqs:GetQueueUrl", &queue.about.arn)?;
                json!({"QueueUrl": self.url(queue)})
            }
            "SendMessage" => self.send(self.queue("sqs:SendMessage")?, &self.body)?,
            "ReceiveMessage" => self.receive(self.queue("sqs:ReceiveMessage")?).await?,
            "DeleteMessage" => {
                self.queue("sqs:DeleteMessage")?.delete(self.receipt())?;
                json!({})
            }
            "ChangeMessageVisibility" => {
                let queue = self.queue("sqs:ChangeMessageVisibility")?;
                let time = self.seconds("VisibilityTimeout", LONGEST_HIDDEN)?;
                let time = time.ok_or_else(|| Failure::new("MissingParameter", "there is no VisibilityTimeout"))?;
                if !queue.hide(self.receipt(), time) {
                    return Err(Failure::new("ReceiptHandleIsInvalid", "no message has this receipt handle"));
                }
                json!({})
            }
            "PurgeQueue" => {
                self.queue("sqs:PurgeQueue")?.purge()?;
                json!({})
            }
            "GetQueueAttributes" => attributes(self.queue("sqs:GetQueueAttributes")?),
            other => {
                let message =
                    format!("{other} is not supported here; messages are sent, received and deleted one by one");
                return Err(Failure::new("UnsupportedOperation", message));
            }
        })
    }

    /// The queue of the request, if the caller may do this to it.
    fn queue(&self, action: &str) -> Result<&Queue, Failure> {
        let queue = self.queues.at(self.body["QueueUrl"].as_str().unwrap_or_default())?;
        self.permit(action, &queue.about.arn)?;
        Ok(queue)
    }

    fn permit(&self, action: &str, resource: &str) -> Result<(), Failure> {
        let wish = Wish::new(action, resource.to_owned());
        let allowed = Permissions::check_unless_off(self.permissions, &self.signature.access_key, &wish);
        allowed.map_err(|message| Failure::new("AccessDeniedException", message))
    }

    fn send(&self, queue: &Queue, message: &Value) -> Result<Value, Failure> {
        let body = message["MessageBody"].as_str().unwrap_or_default();
        if body.is_empty() || body.len() > LARGEST {
            return Err(Failure::new("InvalidParameterValue", "a message has 1 byte to 1 MB"));
        }
        let attributes = match &message["MessageAttributes"] {
            Value::Null => BTreeMap::new(),
            given => serde_json::from_value::<BTreeMap<String, Attribute>>(given.clone())
                .map_err(|error| Failure::new("InvalidParameterValue", format!("the attributes: {error}")))?,
        };
        let id = queue.send(body, attributes, self.seconds("DelaySeconds", LONGEST_DELAY)?)?;
        Ok(json!({"MessageId": id, "MD5OfMessageBody": md5(body.as_bytes())}))
    }

    async fn receive(&self, queue: &Queue) -> Result<Value, Failure> {
        let most = self.number("MaxNumberOfMessages", 1..=MOST_AT_ONCE)?.unwrap_or(1) as usize;
        let wait = self.seconds("WaitTimeSeconds", LONGEST_WAIT)?.unwrap_or(queue.about.wait);
        let hidden = self.seconds("VisibilityTimeout", LONGEST_HIDDEN)?;
        let received = queue.wait(most, hidden, Instant::now() + wait).await;
        if received.is_empty() {
            return Ok(json!({}));
        }
        let message = |(message, receipt, receives): (super::Message, String, u32)| {
            let mut shown = json!({
                "MessageId": message.message_id,
                "ReceiptHandle": receipt,
                "MD5OfBody": md5(message.body.as_bytes()),
                "Body": message.body,
                "Attributes": {
                    "SentTimestamp": message.sent.to_string(),
                    "ApproximateReceiveCount": receives.to_string(),
                },
            });
            if !message.message_attributes.is_empty() {
                shown["MessageAttributes"] = json!(message.message_attributes);
            }
            shown
        };
        Ok(json!({"Messages": received.into_iter().map(message).collect::<Vec<_>>()}))
    }

    fn receipt(&self) -> &str {
        self.body["ReceiptHandle"].as_str().unwrap_or_default()
    }

    /// A duration; `None` if absent.
    fn seconds(&self, name: &str, most: u64) -> Result<Option<Duration>, Failure> {
        Ok(self.number(name, 0..=most)?.map(Duration::from_secs))
    }

    /// A whole number within bounds; `None` if absent.
    fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Failure> {
        let given = &self.body[name];
        let number = given.as_u64().filter(|number| bounds.contains(number));
        if number.is_some() || given.is_null() {
            return Ok(number);
        }
        let (least, most) = bounds.into_inner();
        let message = format!(
            "Value {given} for parameter {name} is invalid. Reason: Must be a whole number from {least} to {most}."
        );
        Err(Failure::new("InvalidParameterValue", message))
    }

    /// The address of a queue, for clients that send requests to it.
    fn url(&self, queue: &Queue) -> String {
        format!("http://{}/{}/{}", self.host, crate::template::ACCOUNT, queue.about.name)
    }
}

fn attributes(queue: &Queue) -> Value {
    let (visible, hidden) = queue.count();
    json!({"Attributes": {
        "QueueArn": queue.about.arn,
        "ApproximateNumberOfMessages": visible.to_string(),
        "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
        "ApproximateNumberOfMessagesDelayed": "0",
        "VisibilityTimeout": queue.about.visibility.as_secs().to_string(),
        "DelaySeconds": queue.about.delay.as_secs().to_string(),
        "ReceiveMessageWaitTimeSeconds": queue.about.wait.as_secs().to_string(),
    }})
}

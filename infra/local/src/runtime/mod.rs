//! Functions, run as Lambda runs them: in environments, each a process with a Runtime API of its own.
//!
//! - [`Pool`] gives every invocation an idle environment, starts one if there is none, or makes it wait.
//! - An environment is an actor: everything that happens to its process passes through one task, so that a response, a
//!   crash and a timeout at the same moment cannot all count.
//! - An environment whose process ends is never used again, and its invocation fails as it would in AWS. An invocation
//!   that it had not fetched yet goes to another one.

mod api;
mod environment;
mod output;
mod pool;
mod variables;

pub use pool::{Pool, PoolConfig};
pub use variables::variables;

use bytes::Bytes;
use serde_json::json;

/// The most bytes of an event.
pub const MAX_EVENT: usize = 6 * 1024 * 1024;
/// The most bytes of a response. Lambda allows a little more than for events.
pub const MAX_RESPONSE: usize = MAX_EVENT + 100;

/// Why an invocation has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function failed, or its process did.
    #[error("{kind}: {message}")]
    Function {
        /// The stable name of the error.
        kind: String,
        /// The error's message.
        message: String,
        /// The function's full answer, as AWS passes it on.
        payload: Bytes,
    },
    /// The event is larger than [`MAX_EVENT`].
    #[error("the event has {0} bytes; {MAX_EVENT} are allowed")]
    EventTooLarge(usize),
    /// The function may have no environments at all.
    #[error("the function's reserved concurrency is 0")]
    Throttled,
    /// No environment was free in time.
    #[error("no environment was free in time")]
    TooLate,
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
    /// The environment ended before it had fetched the event.
    #[error("the environment ended before it began")]
    NotStarted,
}

impl InvokeError {
    /// An error of the environment, in Lambda's format.
    fn environment(kind: &str, message: String) -> Self {
        let payload = json!({"errorType": kind, "errorMessage": message}).to_string().into();
        Self::Function { kind: kind.to_owned(), message, payload }
    }

    /// An error that the function reported.
    fn reported(payload: Bytes) -> Self {
        let value: serde_json::Value = serde_json::from_slice(&payload).unwrap_or_default();
        let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let kind = text("errorType").unwrap_or_else(|| "Unhandled".to_owned());
        Self::Function { kind, message: text("errorMessage").unwrap_or_default(), payload }
    }

    /// A short, stable name for logs.
    pub fn kind(&self) -> &str {
        match self {
            Self::Function { kind, .. } => kind,
            Self::EventTooLarge(_) => "EventTooLarge",
            Self::Throttled => "Throttled",
            Self::TooLate => "TooLate",
            Self::Stopping => "Stopping",
            Self::NotStarted => "NotStarted",
        }
    }
}

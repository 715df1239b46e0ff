//! The failures of an invocation, typed so that alarms and retries can rely on them.

use lambda_runtime::Diagnostic;
use table::StoreError;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The event is not one that this function handles.
    #[error("this function does not handle the event: {0}")]
    BadEvent(String),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source of files failed.
    #[error("the inbox: {0}")]
    Source(std::io::Error),
    /// A function could not be invoked.
    #[error("a function could not be invoked: {0}")]
    Invoke(String),
    /// Connections could not be reached, and nobody knows what they have received.
    #[error("connections could not be reached: {0}")]
    Push(String),
}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        let error_type = match fault {
            Fault::BadEvent(_) => "BadEvent",
            Fault::Store(_) => "Store",
            Fault::Source(_) => "Source",
            Fault::Invoke(_) => "Invoke",
            Fault::Push(_) => "Push",
        };
        Self { error_type: error_type.into(), error_message: fault.to_string() }
    }
}

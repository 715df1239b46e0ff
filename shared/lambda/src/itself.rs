//! A function that invokes itself, for work that continues after its answer.

use super::clients;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::types::InvocationType;
use serde::Serialize;
use web::config::ConfigError;

/// Lambda's variable for the function's name.
const NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// This function.
pub struct Itself {
    client: Client,
    name: String,
}

impl Itself {
    /// The function in whose environment this runs.
    pub fn new() -> Result<Self, ConfigError> {
        let missing =
            || ConfigError { name: NAME.into(), value: String::new(), expected: "the name of this function".into() };
        let name = clients::variable(NAME).ok_or_else(missing)?;
        Ok(Self { client: clients::lambda()?, name })
    }

    /// Invokes it asynchronously: waits only until Lambda has accepted the event.
    pub async fn invoke(&self, event: &impl Serialize) -> Result<(), String> {
        let event = serde_json::to_vec(event).map_err(|error| error.to_string())?;
        let invoke = self.client.invoke().function_name(&self.name).invocation_type(InvocationType::Event);
        let sent = invoke.payload(event.into()).send().await;
        sent.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
    }
}

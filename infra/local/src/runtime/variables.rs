//! The environment variables of a function's process.

use crate::template::{Function, region};

/// Variables inherited from the gateway's own environment: what a process needs to run at all, and certificates.
const INHERITED: [&str; 7] = ["PATH", "HOME", "TMPDIR", "LANG", "RUST_BACKTRACE", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// All variables of a function except the Runtime API's address. Later ones win: Lambda's, the template's, then the
/// command line's.
pub fn variables(
    function: &Function,
    endpoints: &[(&str, String)],
    secret: &str,
    given: &[(String, String)],
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: String| match all.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => all.push((name.to_owned(), value)),
    };
    for name in INHERITED {
        if let Ok(value) = std::env::var(name) {
            set(name, value);
        }
    }
    let stream = jiff::Timestamp::now().strftime("%Y/%m/%d/[$LATEST]local").to_string();
    set("AWS_LAMBDA_FUNCTION_NAME", function.name.clone());
    set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned());
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string());
    set("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name));
    set("AWS_LAMBDA_LOG_STREAM_NAME", stream);
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned());
    set("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned());
    set("_HANDLER", function.handler.clone());
    set("TZ", ":UTC".to_owned());
    set("AWS_REGION", region());
    set("AWS_DEFAULT_REGION", region());
    // The access key identifies the function when permissions are checked.
    set("AWS_ACCESS_KEY_ID", function.id.clone());
    set("AWS_SECRET_ACCESS_KEY", secret.to_owned());
    for (service, endpoint) in endpoints {
        set(&format!("AWS_ENDPOINT_URL_{service}"), endpoint.clone());
    }
    for (name, value) in function.environment.iter().chain(given) {
        set(name, value.clone());
    }
    all
}

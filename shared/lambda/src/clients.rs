//! Clients of AWS services, configured by what Lambda puts into the environment.
//!
//! `aws-config` is not used: it looks in a dozen other places, but a function's credentials are never there. Only the
//! root certificates of AWS are known: reading the system's took most of a function's start (docs/aws-figures.md, "How
//! fast functions start").

use aws_credential_types::Credentials;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use web::config::ConfigError;

const ROOTS: &[u8] = include_bytes!("amazon-roots.pem");
/// The SDK's variable for another endpoint of the table.
const DYNAMODB_ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// The SDK's variable for another endpoint of S3.
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
/// The SDK's variable for another endpoint of Lambda.
const LAMBDA_ENDPOINT: &str = "AWS_ENDPOINT_URL_LAMBDA";
/// The SDK's variable for a file with other root certificates.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(super) fn dynamodb() -> Result<aws_sdk_dynamodb::Client, ConfigError> {
    let endpoint = variable(DYNAMODB_ENDPOINT);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client(endpoint.as_deref())?)
        .credentials_provider(credentials())
        .region(region());
    let config = match endpoint {
        Some(url) => config.endpoint_url(url),
        None => config,
    };
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}

/// The configuration of an S3 client, and whether it has an endpoint of its own.
pub fn s3() -> Result<(aws_sdk_s3::config::Builder, bool), ConfigError> {
    let endpoint = variable(S3_ENDPOINT);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .http_client(http_client(endpoint.as_deref())?)
        .credentials_provider(credentials())
        .region(region());
    let has_own_endpoint = endpoint.is_some();
    Ok((if let Some(url) = endpoint { config.endpoint_url(url) } else { config }, has_own_endpoint))
}

/// A client of the Lambda service.
pub(super) fn lambda() -> Result<aws_sdk_lambda::Client, ConfigError> {
    let endpoint = variable(LAMBDA_ENDPOINT);
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .http_client(http_client(endpoint.as_deref())?)
        .credentials_provider(credentials())
        .region(region());
    let config = if let Some(url) = endpoint { config.endpoint_url(url) } else { config };
    Ok(aws_sdk_lambda::Client::from_conf(config.build()))
}

/// A client without retries: the SDK would also retry what may have arrived.
pub(super) fn management(
    endpoint: &str,
    timeouts: TimeoutConfig,
) -> Result<aws_sdk_apigatewaymanagement::Client, ConfigError> {
    let config = aws_sdk_apigatewaymanagement::Config::builder()
        .behavior_version(aws_sdk_apigatewaymanagement::config::BehaviorVersion::latest())
        .http_client(http_client(Some(endpoint))?)
        .credentials_provider(credentials())
        .region(region())
        .retry_config(aws_sdk_apigatewaymanagement::config::retry::RetryConfig::disabled())
        .timeout_config(timeouts)
        .endpoint_url(endpoint);
    Ok(aws_sdk_apigatewaymanagement::Client::from_conf(config.build()))
}

/// Lambda always sets it; elsewhere endpoints are given, and any region will do.
fn region() -> Region {
    Region::new(variable("AWS_REGION").unwrap_or_else(|| "local".into()))
}

fn credentials() -> Credentials {
    let [key, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| variable(name).unwrap_or_default());
    Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "environment")
}

fn http_client(endpoint: Option<&str>) -> Result<SharedHttpClient, ConfigError> {
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        return Ok(Builder::new().build_http());
    }
    let roots = match variable(CA_BUNDLE) {
        None => ROOTS.to_vec(),
        Some(path) => std::fs::read(&path).map_err(|error| ConfigError {
            name: CA_BUNDLE.into(),
            value: path,
            expected: format!("a file of certificates ({error})"),
        })?,
    };
    let trust = TrustStore::empty().with_pem_certificate(roots);
    let context = TlsContext::builder().with_trust_store(trust).build().map_err(|error| ConfigError {
        name: CA_BUNDLE.into(),
        value: variable(CA_BUNDLE).unwrap_or_default(),
        expected: format!("certificates ({error})"),
    })?;
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context);
    Ok(builder.build_https())
}

//! Reaching the table: embedded, in AWS, or wherever the SDK is pointed to.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::ValueEnum;
use embedded::Embedded;
use table::Store;
use web::config::Config;

/// Names another endpoint to the AWS SDK.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// Where the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// In this process, kept in OW_SC_DATA_DIR
    Embedded,
    /// DynamoDB, or what AWS_ENDPOINT_URL_DYNAMODB points to, with the credentials that the AWS SDK finds
    Aws,
}

/// Which database is meant.
pub(crate) fn choose(asked: Option<Database>) -> Database {
    let elsewhere = std::env::var_os(ENDPOINT).is_some_and(|value| !value.is_empty());
    asked.unwrap_or(if elsewhere { Database::Aws } else { Database::Embedded })
}

/// A store on the table of the configuration.
pub(crate) async fn connect(config: &Config, embedded: Option<&Embedded>) -> Store {
    let client = match embedded {
        Some(embedded) => embedded.client(),
        None => Client::new(&aws().await),
    };
    Store::new(client, &config.table)
}

/// What the SDK's clients need to know: region, credentials, endpoints.
pub(crate) async fn aws() -> aws_config::SdkConfig {
    let tls = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(tls).load().await
}

//! Connects to the table: embedded, in AWS, or at another endpoint of the SDK.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use clap::ValueEnum;
use embedded::Embedded;
use table::Store;
use web::config::Config;

/// The SDK's variable for another endpoint.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// Where the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    /// In this process, stored in OW_SC_DATA_DIR
    Embedded,
    /// DynamoDB, or what AWS_ENDPOINT_URL_DYNAMODB points to, with the credentials that the AWS SDK finds
    Aws,
}

/// The database to use.
pub(crate) fn choose(asked: Option<Database>) -> Database {
    let elsewhere = std::env::var_os(ENDPOINT).is_some_and(|value| !value.is_empty());
    asked.unwrap_or(if elsewhere { Database::Aws } else { Database::Embedded })
}

/// A store for the configured table.
pub(crate) async fn connect(config: &Config, embedded: Option<&Embedded>) -> Store {
    let client = match embedded {
        Some(embedded) => embedded.client(),
        None => Client::new(&aws().await),
    };
    Store::new(client, &config.table)
}

/// The configuration of the SDK's clients: region, credentials, endpoints.
pub(crate) async fn aws() -> aws_config::SdkConfig {
    let tls = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(tls).load().await
}

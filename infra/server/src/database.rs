//! Reaching the table: embedded, in AWS, or wherever the SDK is pointed to.

use crate::cli::Database;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use embedded::Embedded;
use table::Store;
use web::config::Config;

/// Names another endpoint to the AWS SDK.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// Which database is meant.
pub fn choose(asked: Option<Database>) -> Database {
    let elsewhere = std::env::var_os(ENDPOINT).is_some_and(|value| !value.is_empty());
    asked.unwrap_or(if elsewhere { Database::Aws } else { Database::Embedded })
}

/// A store on the table of the configuration.
pub async fn connect(config: &Config, embedded: Option<&Embedded>) -> Store {
    let client = match embedded {
        Some(embedded) => embedded::client(&embedded.endpoint()),
        None => Client::new(&aws().await),
    };
    Store::new(client, &config.table)
}

/// What the SDK's clients need to know: region, credentials, endpoints.
pub async fn aws() -> aws_config::SdkConfig {
    let tls = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(tls).load().await
}

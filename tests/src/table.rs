//! A table for a test: on the embedded engine, or on a named one.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use embedded::{Caller, Embedded};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use table::Store;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The engine for all tables instead of the embedded one, such as DynamoDB Local (`make test-dynamodb`), if named.
pub fn engine() -> Option<String> {
    std::env::var("OWSC_TEST_ENDPOINT").ok().filter(|url| !url.is_empty())
}

/// A table name for a directory. Names of directories differ in their letters and digits.
pub fn name_for(directory: &Path) -> String {
    let known: String = directory.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("owsc{known}")
}

/// A client for an endpoint that does not verify signatures.
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(Builder::new().build_http());
    Client::from_conf(config.build())
}

/// The embedded engine on a port, which the product does not open: programs under test and proxies reach it over HTTP,
/// as they would reach DynamoDB.
#[derive(Debug)]
struct Served {
    endpoint: String,
    runtime: Option<Runtime>,
    _embedded: Embedded,
}

impl Served {
    fn start(directory: &Path) -> anyhow::Result<Self> {
        let embedded = Embedded::start(directory)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(embedded.caller());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await });
        Ok(Self { endpoint, runtime: Some(runtime), _embedded: embedded })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(caller): State<Caller>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = caller.call(target.to_owned(), body).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer.body).into_response()
}

/// A table for a single test.
#[derive(Debug)]
pub struct Table {
    endpoint: String,
    name: String,
    _served: Option<Served>,
    _directory: TempDir,
}

impl Table {
    /// A table that is not created yet.
    pub fn new() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let (endpoint, served) = match engine() {
            Some(url) => (url, None),
            None => {
                let served = Served::start(directory.path())?;
                (served.endpoint.clone(), Some(served))
            }
        };
        Ok(Self { endpoint, name: name_for(directory.path()), _served: served, _directory: directory })
    }

    /// The table that the local gateway creates for `template.yaml`, on an engine of its own.
    pub fn of_template() -> anyhow::Result<Self> {
        Ok(Self { name: "local-Table".to_owned(), ..Self::new()? })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys of all its items, in order.
    pub async fn keys(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut pages =
            client(&self.endpoint).scan().table_name(&self.name).consistent_read(true).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page?.items() {
                let key = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
                keys.push((key("pk"), key("sk")));
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Access to it.
    pub fn store(&self) -> Store {
        Store::new(client(&self.endpoint), &self.name)
    }
}

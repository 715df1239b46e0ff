//! An HTTP client whose errors say what went wrong.

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// The API of a server.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Api {
    /// The API at an address, without a token.
    pub fn new(server: &crate::Server) -> Self {
        Self::at(&server.url(""))
    }

    /// The API of whatever listens at a URL, without a token.
    pub fn at(base: &str) -> Self {
        Self { client: Client::new(), base: base.to_owned(), token: None }
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request for a path.
    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The response to a GET, whatever its status.
    pub async fn get(&self, path: &str) -> anyhow::Result<Response> {
        Ok(self.request(reqwest::Method::GET, path).send().await?)
    }

    /// The JSON answer to a GET; an error if the status is not 200.
    pub async fn json(&self, path: &str) -> anyhow::Result<Value> {
        let (status, body) = read(self.get(path).await?).await?;
        ensure!(status == StatusCode::OK, "{path}: {status} {body}");
        Ok(body)
    }

    /// Posts a file to `/api/ingest` with a query such as `?site=a`.
    pub async fn ingest(&self, query: &str, csv: impl Into<reqwest::Body>) -> anyhow::Result<(StatusCode, Value)> {
        let request = self.request(reqwest::Method::POST, &format!("/api/ingest{query}"));
        read(request.header("content-type", "text/csv").body(csv).send().await?).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        read(self.request(reqwest::Method::POST, path).json(body).send().await?).await
    }

    /// Deletes a resource.
    pub async fn delete(&self, path: &str) -> anyhow::Result<(StatusCode, Value)> {
        read(self.request(reqwest::Method::DELETE, path).send().await?).await
    }

    /// Puts JSON.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        read(self.request(reqwest::Method::PUT, path).json(body).send().await?).await
    }

    /// All entries of a list, page by page.
    pub async fn list(&self, path: &str, name: &str) -> anyhow::Result<Vec<Value>> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let next = cursor.map(|cursor| format!("{separator}cursor={cursor}")).unwrap_or_default();
            let mut page = self.json(&format!("{path}{next}")).await?;
            let entries = page[name].take();
            all.extend(entries.as_array().with_context(|| format!("{path}: no list {name}"))?.iter().cloned());
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}

/// Status and JSON body of a response.
pub async fn read(response: Response) -> anyhow::Result<(StatusCode, Value)> {
    let status = response.status();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).with_context(|| format!("{status}: not JSON: {text:.200}"))?;
    Ok((status, body))
}

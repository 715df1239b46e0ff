//! WebSocket connect: who may, and to which site.

use http::HeaderMap;
use serde::Deserialize;
use shared::domain::name::{self, DEFAULT_SITE};
use shared::http::guard::Guard;
use shared::http::{ApiError, ApiResult};
use shared::live::ports::{Connection, Connections};
use std::net::IpAddr;

/// What may stand in the query of a WebSocket's URL. Unknown names are no error: proxies add some.
#[derive(Deserialize, Default)]
pub struct Options {
    /// The site whose events are wanted; `default` if absent.
    pub site: Option<String>,
    /// The token, from clients that cannot send a header.
    pub token: Option<String>,
}

/// A client that wants to connect.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The id that the connection will have.
    pub id: &'a str,
    /// Its address.
    pub client: IpAddr,
    /// The path that it asks for, which counts apart in rate limits.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Whether the path is that of alerts.
    pub alerts_only: bool,
}

/// Admits a client and registers its connection, or says why not.
pub async fn connect<C: Connections>(
    guard: &Guard,
    connections: &C,
    caller: Caller<'_>,
    options: &Options,
) -> ApiResult<Connection> {
    guard.admit_websocket(caller.client, caller.path, caller.headers, options.token.as_deref())?;
    let site = options.site.as_deref().unwrap_or(DEFAULT_SITE);
    let site = name::check(site).map_err(|error| ApiError::bad_request(format!("site: {error}")))?;
    let connection = Connection { id: caller.id.to_owned(), site: site.to_owned(), alerts_only: caller.alerts_only };
    connections.register(&connection).await?;
    Ok(connection)
}

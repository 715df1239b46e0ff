//! WebSocket connect: who may, and to which site.

pub mod gateway;

use domain::name::{self, DEFAULT_SITE};
use domain::time;
use http::HeaderMap;
use live::ports::{Connection, Connections};
use serde::Deserialize;
use std::net::IpAddr;
use web::guard::Guard;
use web::{ApiError, ApiResult};

/// What may stand in the query of a WebSocket's URL. Unknown names are no error: proxies add some.
#[derive(Deserialize, Default)]
pub struct Options {
    /// The site whose events are wanted; `default` if absent.
    pub site: Option<String>,
    /// The token, from clients that cannot send a header.
    pub token: Option<String>,
    /// `alerts` where only those are wanted, and the path does not say so already.
    pub events: Option<String>,
    /// `true`: no event is sent before the first message. Who comes back with `subscribe` and `after` gets none twice
    /// then, however long that message takes.
    #[serde(default)]
    pub wait: Wait,
}

/// Whether events wait for the first message; as a query holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// For a moment.
    #[default]
    False,
    /// Until it has come.
    True,
}

impl Options {
    /// Whether only alerts are wanted.
    pub fn alerts_only(&self) -> ApiResult<bool> {
        match self.events.as_deref() {
            None | Some("all") => Ok(false),
            Some("alerts") => Ok(true),
            Some(other) => Err(ApiError::bad_request(format!("events: all or alerts is expected, not {other:.40}"))),
        }
    }
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
    guard.admit_websocket(caller.client, caller.path, caller.headers, options.token.as_deref()).await?;
    let site = options.site.as_deref().unwrap_or(DEFAULT_SITE);
    let site = name::check(site).map_err(|error| ApiError::bad_request(format!("site: {error}")))?;
    let connection = Connection {
        id: caller.id.to_owned(),
        site: site.to_owned(),
        alerts_only: caller.alerts_only,
        waits: options.wait == Wait::True,
        since: time::now(),
    };
    connections.register(&connection).await?;
    Ok(connection)
}

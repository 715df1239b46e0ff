//! WebSocket connect: who may connect, and to which site.

pub mod gateway;

use domain::name::{self, DEFAULT_SITE};
use domain::time;
use http::HeaderMap;
use live::ports::{Connection, Connections};
use serde::Deserialize;
use std::net::IpAddr;
use web::guard::Guard;
use web::{ApiError, ApiResult};

/// The query of a WebSocket's URL. Unknown names are allowed: proxies add some.
#[derive(Deserialize, Default)]
pub struct Options {
    /// The site whose events are wanted; `default` if absent.
    pub site: Option<String>,
    /// The token, from clients that cannot send a header.
    pub token: Option<String>,
    /// `alerts` to get only those, unless the path says so already.
    pub events: Option<String>,
    /// `true`: no event is sent before the first message. A client that resumes with `subscribe` and `after` then gets
    /// no event twice, however late that message comes.
    #[serde(default)]
    pub wait: Wait,
}

/// Whether events wait for the first message, as the query says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// For half a second at most.
    #[default]
    False,
    /// Until it arrives.
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
    /// The id of the new connection.
    pub id: &'a str,
    /// Its address.
    pub client: IpAddr,
    /// The path it requests; each has its own rate limit.
    pub path: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Whether the path is the one for alerts.
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

//! A live connection to a server.

use super::{Address, connector};
use anyhow::Context;
use axum::http::{HeaderValue, Uri, header};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tower::Service;

/// A connection, with TLS or without.
pub(crate) type Socket = WebSocketStream<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>;

/// Connects to a path of a server. The token goes in a header, where no log shows it.
pub(crate) async fn connect(address: &Address, path: &str) -> anyhow::Result<Socket> {
    let base = address.url.trim_end_matches('/');
    let (scheme, host) = base.split_once("://").with_context(|| format!("{base}: an http or https URL is expected"))?;
    let uri: Uri = format!("{scheme}://{host}{path}").parse().with_context(|| format!("{base} is not a URL"))?;
    let live = if scheme == "https" { "wss" } else { "ws" };
    let mut request = format!("{live}://{host}{path}").into_client_request()?;
    if let Some(token) = address.token.as_deref().filter(|token| !token.is_empty()) {
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).context("the token is not valid in a header")?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    let connection =
        connector()?.call(uri).await.map_err(|error| anyhow::anyhow!("{base} does not answer: {error}"))?;
    let upgraded = tokio_tungstenite::client_async(request, TokioIo::new(connection)).await;
    Ok(upgraded.with_context(|| format!("{base} refuses the connection"))?.0)
}

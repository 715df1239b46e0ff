//! A file server elsewhere: a laboratory's, EPA's, or an attacker's.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::serve::Listener;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// The answer for a path.
#[derive(Debug, Clone)]
pub enum Page {
    /// A file, with an `ETag` or without.
    File(String, Option<&'static str>),
    /// A file for those who send this `Authorization`.
    Guarded(String, &'static str),
    /// Any other answer, with its content type.
    Other(u16, &'static str, &'static str),
    /// A redirect.
    Moved(String),
    /// Bytes without an end.
    Endless,
    /// A file whose rows arrive slowly, one by one.
    Slow(Vec<String>),
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct Lab {
    /// Scheme, name and port.
    origin: String,
    shared: Shared,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    pages: BTreeMap<String, Page>,
    asked: Vec<(String, HeaderMap)>,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lab {
    /// Starts it.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        Ok(Self::serve(origin, listener))
    }

    /// Starts it with TLS, as `localhost`; also returns its self-signed certificate.
    pub async fn start_with_tls() -> anyhow::Result<(Self, String)> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("https://localhost:{}", listener.local_addr()?.port());
        let tls = Tls { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        Ok((Self::serve(origin, tls), made.cert.pem()))
    }

    fn serve<L: Listener<Addr: std::fmt::Debug>>(origin: String, listener: L) -> Self {
        let shared = Shared::default();
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move {
            // It ends only by being aborted.
            let _ = axum::serve(listener, app).await;
        });
        Self { origin, shared, task }
    }

    /// Its host name and port.
    pub fn host(&self) -> &str {
        self.origin.split("//").nth(1).unwrap_or_default()
    }

    /// Its port.
    pub fn port(&self) -> &str {
        self.origin.rsplit(':').next().unwrap_or_default()
    }

    /// Sets the answer for a path; returns the URL.
    pub fn page(&self, path: &str, page: Page) -> String {
        self.shared.0.lock().pages.insert(path.to_owned(), page);
        format!("{}{path}", self.origin)
    }

    /// The paths, queries and headers of all requests.
    pub fn asked(&self) -> Vec<(String, HeaderMap)> {
        self.shared.0.lock().asked.clone()
    }
}

/// Accepts connections that begin with a TLS handshake.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // A client that does not trust the certificate disconnects.
            if let Ok((stream, address)) = self.listener.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn answer(State(Shared(kept)): State<Shared>, request: Request) -> Response {
    let uri = request.uri();
    let path_and_query = uri.path_and_query().map_or("", |asked| asked.as_str()).to_owned();
    let page = {
        let mut kept = kept.lock();
        kept.asked.push((path_and_query, request.headers().clone()));
        kept.pages.get(uri.path()).cloned()
    };
    let sent = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    match page {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Page::File(_, Some(etag))) if sent(header::IF_NONE_MATCH) == Some(etag) => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        Some(Page::File(text, etag)) => {
            let mut answer = ([(header::CONTENT_TYPE, "text/csv")], text).into_response();
            answer.headers_mut().extend(etag.map(|etag| (header::ETAG, HeaderValue::from_static(etag))));
            answer
        }
        Some(Page::Guarded(text, secret)) if sent(header::AUTHORIZATION) == Some(secret) => text.into_response(),
        Some(Page::Guarded(..)) => StatusCode::UNAUTHORIZED.into_response(),
        Some(Page::Other(status, kind, text)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
            (status, [(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Some(Page::Moved(to)) => Redirect::temporary(&to).into_response(),
        Some(Page::Endless) => {
            let rows = Bytes::from("1,SO4,900\n".repeat(6000));
            let all = stream::repeat(rows).map(Ok::<_, std::io::Error>);
            Body::from_stream(all).into_response()
        }
        Some(Page::Slow(rows)) => {
            let rows = stream::iter(rows).then(|row| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok::<_, std::io::Error>(row)
            });
            Body::from_stream(rows).into_response()
        }
    }
}

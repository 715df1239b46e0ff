//! Fetches a file over HTTP.

use super::address::{AddressError, Allowed, is_public};
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use url::Url;

/// The timeout for a connection, and for silence on it. EPA's service computes a chart before it sends the first byte.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(120);
/// The most redirects.
const MAX_REDIRECTS: usize = 5;
const AGENT: &str = concat!("owsc/", env!("CARGO_PKG_VERSION"));

/// Fetches files.
pub(super) struct Fetcher {
    allowed: Allowed,
    /// For hosts on the Internet, with TLS only.
    guarded: Http<Guarded>,
    /// For hosts that the installation names.
    open: Http<hyper_util::client::legacy::connect::dns::GaiResolver>,
}

type Http<R> = Client<HttpsConnector<HttpConnector<R>>, Empty<Bytes>>;

/// A request.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// The known version, as the server named it.
    pub(super) etag: Option<&'a str>,
    pub(super) modified: Option<&'a str>,
    /// A host, and the header that is sent to it.
    pub(super) authorization: Option<(&'a str, &'a HeaderValue)>,
}

/// The answer.
pub(super) enum Fetched {
    /// Nothing new.
    Unchanged,
    /// A body.
    Body(Body),
}

/// A body that arrives.
pub(super) struct Body {
    body: hyper::body::Incoming,
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
    pub(super) is_page: bool,
}

/// Why no file came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// An address that is not asked.
    #[error("{led}{error}")]
    Address {
        /// Empty, or that a redirect led there.
        led: &'static str,
        /// Why.
        error: AddressError,
    },
    /// The server cannot be reached, or the connection breaks.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It answers with an error.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// Too many redirects.
    #[error("the server redirects more than {MAX_REDIRECTS} times, or to an address that cannot be read")]
    Redirects,
    /// Not a file of readings.
    #[error("the server answers with {0} and not with CSV; it may want a login")]
    NoFile(&'static str),
    /// Too many bytes.
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    /// Too long.
    #[error("the file takes too long: {0}")]
    TooSlow(String),
    /// The installation has no such secret.
    #[error("OW_SC_SOURCE_SECRETS has no secret named {0:?}")]
    NoSecret(String),
    /// The inbox.
    #[error("the inbox does not take the file: {0}")]
    Inbox(#[from] io::Error),
}

impl FetchError {
    /// For machines: stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { error: AddressError::Private(_), .. } => "private_address",
            Self::Address { .. } => "bad_address",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "bad_status",
            Self::Redirects => "too_many_redirects",
            Self::NoFile(_) => "no_csv",
            Self::TooLarge(_) => "too_large",
            Self::TooSlow(_) => "too_slow",
            Self::NoSecret(_) => "no_secret",
            Self::Inbox(_) => "internal",
        }
    }
}

impl Fetcher {
    /// Fetches from hosts on the Internet, and from these.
    pub(super) fn new(allowed: Allowed) -> io::Result<Self> {
        let tls = || HttpsConnectorBuilder::new().with_native_roots();
        let guarded =
            tls()?.https_only().enable_http1().wrap_connector(connector(HttpConnector::new_with_resolver(Guarded)));
        let open = tls()?.https_or_http().enable_http1().wrap_connector(connector(HttpConnector::new()));
        // Each connection resolves its host again.
        let client = || Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).to_owned();
        Ok(Self { allowed, guarded: client().build(guarded), open: client().build(open) })
    }

    /// Requests an address, and follows redirects.
    pub(super) async fn fetch(&self, mut url: Url, wanted: &Wanted<'_>, until: Instant) -> Result<Fetched, FetchError> {
        for hop in 0..=MAX_REDIRECTS {
            self.allowed.check_url(&url).map_err(|error| FetchError::Address { led: led(hop), error })?;
            let request = request(&url, wanted)?;
            let is_open = self.allowed.has(&url);
            let answer =
                async { if is_open { self.open.request(request).await } else { self.guarded.request(request).await } };
            let answer =
                in_time(answer, until, "it does not answer").await?.map_err(|error| broken(&error, led(hop)))?;
            let headers = answer.headers();
            match answer.status() {
                StatusCode::NOT_MODIFIED => return Ok(Fetched::Unchanged),
                StatusCode::OK => {
                    let is_page =
                        text(headers, CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
                    let (etag, modified) = (text(headers, ETAG), text(headers, LAST_MODIFIED));
                    return Ok(Fetched::Body(Body { etag, modified, is_page, body: answer.into_body() }));
                }
                status if status.is_redirection() => {
                    let next = text(headers, LOCATION).and_then(|to| url.join(&to).ok());
                    url = next.ok_or(FetchError::Redirects)?;
                }
                status => return Err(FetchError::Status(status)),
            }
        }
        Err(FetchError::Redirects)
    }
}

impl Body {
    /// The next bytes.
    pub(super) async fn next(&mut self, until: Instant) -> Result<Option<Bytes>, FetchError> {
        loop {
            let Some(frame) = in_time(self.body.frame(), until, "it has stopped sending").await? else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| broken(&error, ""))?;
            // A frame without data is a trailer.
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }
}

fn led(hop: usize) -> &'static str {
    if hop > 0 { "the server redirects: " } else { "" }
}

fn request(url: &Url, wanted: &Wanted<'_>) -> Result<Request<Empty<Bytes>>, FetchError> {
    let mut request = Request::get(url.as_str()).header(USER_AGENT, AGENT);
    for (name, value) in [(IF_NONE_MATCH, wanted.etag), (IF_MODIFIED_SINCE, wanted.modified)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    if let Some((host, value)) = wanted.authorization
        && url.host_str() == Some(host)
    {
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Empty::new()).map_err(|error| FetchError::Unreachable(error.to_string()))
}

async fn in_time<T>(work: impl Future<Output = T>, until: Instant, what: &str) -> Result<T, FetchError> {
    let left = until.saturating_duration_since(Instant::now());
    let slow = |_| FetchError::TooSlow(if left < SILENCE { "the time for it is over".into() } else { what.to_owned() });
    tokio::time::timeout(left.min(SILENCE), work).await.map_err(slow)
}

fn connector<R>(mut connector: HttpConnector<R>) -> HttpConnector<R> {
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The error of a connection that fails or breaks.
fn broken(error: &(dyn Error + 'static), led: &'static str) -> FetchError {
    let (mut texts, mut cause) = (Vec::new(), Some(error));
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(private) = inner.and_then(|inner| inner.downcast_ref::<AddressError>()) {
            return FetchError::Address { led, error: private.clone() };
        }
        texts.push(error.to_string());
        cause = error.source();
    }
    texts.dedup();
    FetchError::Unreachable(texts.join(": "))
}

/// Resolves hosts, and refuses private addresses.
#[derive(Debug, Clone)]
struct Guarded;

impl tower::Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One private address among others is too many: the next lookup might return it alone.
            match found.iter().map(SocketAddr::ip).find(|ip: &IpAddr| !is_public(*ip)) {
                Some(ip) => Err(io::Error::other(AddressError::Private(ip))),
                None => Ok(found.into_iter()),
            }
        })
    }
}

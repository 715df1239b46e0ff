//! Sources that are fetched on a schedule. The file is put into the inbox, which takes it in like any other: the
//! original is kept, and a long file continues over invocations.

mod address;
mod fetch;

pub use address::{AddressError, Allowed};
pub use fetch::FetchError;

use crate::metrics;
use crate::uploads::deposit::Deposit;
use crate::uploads::{Depot, UploadError};
use bytes::Bytes;
use domain::calendar::Calendar;
use domain::schedule::Schedule;
use domain::time;
use engine::original::GZIP;
use engine::record::{Ingestor, Upload};
use engine::settle::Beating;
use fetch::{Body, Fetched, Fetcher, Wanted};
use futures_util::{StreamExt, stream};
use http::HeaderValue;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};
use table::ingests::{Refusal, Stage};
use table::leases::{Watch, Work};
use table::scheduled::{Asked, Origin, Outcome, Received, ScheduledSource};
use table::{Store, StoreError};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use url::Url;

/// EPA's service for the values that permit holders have reported
/// (echo.epa.gov/tools/web-services/effluent-charts). Without dates it gives the last three years.
const ECHO: &str = "https://echodata.epa.gov/echo/eff_rest_services.download_effluent_chart";
/// Sources that are fetched at the same time.
const AT_ONCE: usize = 4;
/// How long a file may take to arrive.
const TO_COME: Duration = Duration::from_secs(3600);
/// How many first bytes of a file are checked.
const FIRST: usize = 512;

/// Secrets by name: what is sent to a host as `Authorization`.
pub type Secrets = BTreeMap<String, (String, HeaderValue)>;

/// Fetches from sources on their schedules.
pub struct Pulls {
    ingestor: Ingestor,
    depot: Depot,
    allowed: Allowed,
    /// Created when first needed: it reads the system's certificates.
    fetcher: OnceCell<Fetcher>,
    secrets: Secrets,
    /// The most bytes of a file.
    limit: u64,
    stopping: CancellationToken,
    /// Leases of other processes, by source.
    watches: Mutex<BTreeMap<String, Watch>>,
}

/// Where the file of a source is.
pub fn url_of(origin: &Origin) -> String {
    match origin {
        Origin::Address { url } => url.clone(),
        Origin::Echo { permit, url } => {
            let base = url.as_deref().unwrap_or(ECHO);
            let joint = if base.contains('?') { '&' } else { '?' };
            let permit = percent_encoding::utf8_percent_encode(permit, percent_encoding::NON_ALPHANUMERIC);
            format!("{base}{joint}p_id={permit}")
        }
    }
}

/// When a source is next due, in microseconds since 1970, by the clock of its site. One that was never fetched, or that
/// a person asked for, is due at once. `None` if its schedule cannot be read.
pub fn due_at(source: &ScheduledSource, calendar: &Calendar) -> Option<i64> {
    let Some(asked) = &source.asked else { return Some(source.definition.set_at) };
    if let Some(wanted) = source.wanted_at.filter(|wanted| *wanted > asked.at) {
        return Some(wanted);
    }
    Schedule::parse(&source.definition.schedule).ok()?.next(asked.at, calendar)
}

impl Pulls {
    /// Fetches from sources into an inbox. It starts nothing more once `stopping` is cancelled.
    pub fn new(
        ingestor: Ingestor,
        depot: Depot,
        allowed: Allowed,
        secrets: Secrets,
        limit: u64,
        stopping: CancellationToken,
    ) -> Self {
        Self { ingestor, depot, allowed, fetcher: OnceCell::new(), secrets, limit, stopping, watches: Mutex::default() }
    }

    /// Fetches from the sources that are due; returns how many brought a file.
    pub async fn look(&self, until: Option<Instant>) -> Result<usize, StoreError> {
        let sources = self.ingestor.store().scheduled_sources().await?;
        let asked = (0..sources.len()).map(|index| self.turn(&sources[index], until));
        let results: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        // One that fails does not delay the others.
        results.into_iter().sum()
    }

    /// Fetches from a source if it is due and no other process does; returns 1 if it brought a file.
    async fn turn(&self, source: &ScheduledSource, until: Option<Instant>) -> Result<usize, StoreError> {
        if self.stopping.is_cancelled() || !self.is_due(source).await? {
            return Ok(0);
        }
        let store = self.ingestor.store();
        let mut watch = self.watches.lock().get(&source.name).cloned().unwrap_or_default();
        let taken = store.take_lease(Work::Source(format!("scheduled {}", source.name)), &mut watch).await?;
        self.watches.lock().insert(source.name.clone(), watch);
        let Some(lease) = taken else { return Ok(0) };
        let beating = Beating::start(store.clone(), lease.clone());
        let asked = self.ask_if_due(&source.name, until).await;
        drop(beating);
        store.give_back(&lease).await?;
        asked
    }

    /// Fetches from a source, unless another process has done so just before.
    async fn ask_if_due(&self, name: &str, until: Option<Instant>) -> Result<usize, StoreError> {
        let source = self.ingestor.store().scheduled_source(name).await?;
        match source {
            Some(source) if self.is_due(&source).await? => self.ask(&source, until).await,
            _ => Ok(0),
        }
    }

    async fn is_due(&self, source: &ScheduledSource) -> Result<bool, StoreError> {
        let calendar = calendar_of(self.ingestor.store(), source).await?;
        Ok(due_at(source, &calendar).is_some_and(|due| due <= time::now()))
    }

    async fn ask(&self, source: &ScheduledSource, until: Option<Instant>) -> Result<usize, StoreError> {
        let latest = Instant::now() + TO_COME;
        let at = time::now();
        let result = tokio::select! {
            result = self.pull(source, at, until.map_or(latest, |until| until.min(latest))) => result,
            // The next process fetches again.
            () = self.stopping.cancelled() => return Ok(0),
        };
        let before = source.asked.as_ref();
        let last = before.and_then(|before| before.last.clone());
        let (outcome, code, message, last) = match result {
            Ok(Some(received)) => (Outcome::Taken, "", "a file came, and is in the inbox".to_owned(), Some(received)),
            Ok(None) => (Outcome::Unchanged, "", "nothing new".to_owned(), last),
            Err(error) => (Outcome::Failed, error.code(), error.to_string(), last),
        };
        let goes_on =
            before.filter(|before| outcome != Outcome::Taken && before.outcome == outcome && before.code == code);
        let (since, times) = goes_on.map_or((at, 1), |before| (before.since, before.times + 1));
        let asked = Asked { at, outcome, code: code.to_owned(), message, since, times, last };
        metrics::asked(outcome);
        self.note(source, &asked).await?;
        match self.ingestor.store().note_asked(source, &asked).await {
            // It was changed, and is fetched again.
            Err(StoreError::Conflict) => {}
            done => done?,
        }
        Ok(usize::from(outcome == Outcome::Taken))
    }

    /// Writes the outcome to the ledger; for a file, the inbox does this.
    async fn note(&self, source: &ScheduledSource, asked: &Asked) -> Result<(), StoreError> {
        let name = &source.name;
        let (state, code) = match asked.outcome {
            Outcome::Taken => {
                tracing::info!(source = name, "a file came from a source, and is in the inbox");
                return Ok(());
            }
            Outcome::Unchanged => (Stage::Unchanged, "unchanged"),
            Outcome::Failed => (Stage::Failed, &*asked.code),
        };
        if asked.outcome == Outcome::Failed && asked.times == 1 {
            tracing::warn!(source = name, reason = asked.message, "no file came from a source");
        }
        let since = time::rfc3339(asked.since);
        let message = match asked.times {
            1 => asked.message.clone(),
            times => format!("{}; {times} times since {since}", asked.message),
        };
        let upload = Upload {
            site: source.definition.site.clone(),
            source: format!("source {name}"),
            who: "schedule".to_owned(),
            ..Upload::default()
        };
        let refusal = Refusal { code: code.to_owned(), message, details: None };
        self.ingestor.note_look(&upload, asked.since, state, refusal).await
    }

    /// Gets the file of a source into the inbox; `None` if it is the one that came before.
    async fn pull(&self, source: &ScheduledSource, at: i64, until: Instant) -> Result<Option<Received>, FetchError> {
        let definition = &source.definition;
        let url = Url::parse(&url_of(&definition.origin))
            .map_err(|error| FetchError::Address { led: "", error: AddressError::NoUrl(error.to_string()) })?;
        let secret = definition
            .secret
            .as_ref()
            .map(|name| self.secrets.get(name).ok_or_else(|| FetchError::NoSecret(name.clone())));
        let last = source.asked.as_ref().and_then(|asked| asked.last.as_ref());
        let wanted = Wanted {
            etag: last.and_then(|last| last.etag.as_deref()),
            modified: last.and_then(|last| last.modified.as_deref()),
            authorization: secret.transpose()?.map(|(host, value)| (host.as_str(), value)),
        };
        let fetcher = self.fetcher.get_or_try_init(async || Fetcher::new(self.allowed.clone())).await;
        let fetcher = fetcher.map_err(|error| FetchError::Unreachable(error.to_string()))?;
        let Fetched::Body(mut body) = fetcher.fetch(url, &wanted, until).await? else { return Ok(None) };
        let (etag, modified) = (body.etag.take(), body.modified.take());
        let name = format!("{} {}.csv", source.name, time::rfc3339(at).replace(':', "-"));
        let first = first_bytes(&mut body, until).await?;
        let site = definition.site.as_deref();
        let mut deposit = self.depot.deposit(site, &name).await.map_err(of_inbox)?;
        let is_new = |digest: &str| last.is_none_or(|last| last.digest != digest);
        match self.receive(&mut deposit, first, body, until).await {
            Ok(digest) if is_new(&digest) => {
                let place = deposit.finish().await?;
                Ok(Some(Received { at, etag, modified, digest, inbox: self.depot.inbox(), place }))
            }
            result => {
                deposit.give_up().await?;
                result.map(|_| None)
            }
        }
    }

    /// Puts a body into the inbox, and returns its digest.
    async fn receive(
        &self,
        deposit: &mut Deposit<'_>,
        first: Vec<u8>,
        mut body: Body,
        until: Instant,
    ) -> Result<String, FetchError> {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut next = Some(Bytes::from(first));
        while let Some(data) = next {
            bytes += data.len() as u64;
            if bytes > self.limit {
                return Err(FetchError::TooLarge(self.limit));
            }
            hash.update(&data);
            deposit.write(&data).await?;
            next = body.next(until).await?;
        }
        Ok(hex::encode(hash.finalize()))
    }
}

/// The calendar of a source's site; UTC without one.
pub async fn calendar_of(store: &Store, source: &ScheduledSource) -> Result<Calendar, StoreError> {
    match &source.definition.site {
        Some(site) => Ok(store.permit(site).await?.history.calendar.clone()),
        None => Ok(Calendar::default()),
    }
}

/// The first bytes of a body, unless they show that it is no file of readings: servers that want a login, or report an
/// error, may still answer 200 with a page.
async fn first_bytes(body: &mut Body, until: Instant) -> Result<Vec<u8>, FetchError> {
    let mut first = Vec::new();
    while first.len() < FIRST
        && let Some(data) = body.next(until).await?
    {
        first.extend_from_slice(&data);
    }
    if first.is_empty() {
        return Err(FetchError::NoFile("nothing"));
    }
    if first.starts_with(&GZIP) {
        return Ok(first);
    }
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first).trim_ascii_start();
    match text.first() {
        _ if body.is_page => Err(FetchError::NoFile("a page of HTML")),
        Some(b'<') => Err(FetchError::NoFile("a page of HTML or XML")),
        Some(b'{' | b'[') => Err(FetchError::NoFile("JSON")),
        _ => Ok(first),
    }
}

fn of_inbox(error: UploadError) -> FetchError {
    FetchError::Inbox(io::Error::other(error))
}

//! An ingest from body to answer.
//!
//! The steps, each of which can be the last one before a crash; the same file posted again takes up the record that
//! the first attempt left, writes the same items under the same keys, and goes on:
//!
//! 1. The body is spooled and its digest looked up. A file that is done is answered from its record.
//! 2. The file is read once, to refuse it as a whole if it has to be; nothing is stored until then.
//! 3. The record is written, with a revision for each site.
//! 4. The file is read again and written as segments.
//! 5. Each series is judged. What is found is noted, then the alerts are written.
//! 6. The events of each site are appended to its feed, in one transaction with the mark that they have been.
//! 7. The record is closed with the answer.

use super::announce::{self, Brought, Finding};
use super::answer::{Answer, Status};
use super::spool::{SpoolError, Spooled};
use super::turn::Turn;
use super::writing::{Written, write};
use crate::metrics::{self as names, FileOutcome, RowOutcome};
use crate::verdicts;
use domain::name::{self, NameError};
use domain::permit::Permit;
use domain::time;
use formats::reader::{ReadError, Rows};
use formats::report::Report;
use formats::{HeaderError, Shape};
use futures_util::{StreamExt, TryStreamExt, stream};
use live::ports::Announce;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::feed::Event;
use table::ingests::{Ingest, Note, State, id_of};
use table::series::Entry;
use table::{Store, StoreError, Transaction};
use tokio::io::AsyncBufRead;
use tokio::sync::Semaphore;

/// How often a process that waits for another one with the same file looks whether that is done.
const LOOK: Duration = Duration::from_millis(50);

/// Sites, or series, that are worked on at the same time: each waits for the table several times, and API Gateway for a
/// file no longer than 30 s.
pub(super) const AT_ONCE: usize = 16;
/// The most readings of the series that are judged at the same time, but for a single one that has more: a verdict on
/// a million that all exceed takes 30 MB.
const READINGS_AT_ONCE: u32 = 65_536;

/// Takes files in.
#[derive(Clone)]
pub struct Ingestor {
    store: Store,
    announce: Arc<dyn Announce>,
    limits: Limits,
    spool: PathBuf,
}

/// How large a file may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes after decompression.
    pub bytes: u64,
    /// Data rows.
    pub rows: u64,
}

/// What comes with a body.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The body is gzip.
    pub gzip: bool,
    /// The site of rows that name none, and of an effluent chart whatever its rows name.
    pub site: Option<String>,
    /// Refuse the whole file if one row is bad.
    pub strict: bool,
    /// What the client calls the file.
    pub source: String,
    /// The client.
    pub who: String,
}

/// Why a file was not taken. Nothing of it has been stored, except after `Store` and `Io`, where posting the same
/// file again finishes the work.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The body.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The site in the query.
    #[error("site: {0}")]
    Site(NameError),
    /// A header, and nothing below it.
    #[error("the file has a header and no rows")]
    NoRows,
    /// More rows than allowed.
    #[error("the file has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// Bad rows, and the client asked to take all or nothing; or no row could be read.
    #[error("{} of {} rows cannot be read", .0.rows_refused, .0.rows)]
    Refused(Box<Report>),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The spooled bytes.
    #[error("the spooled file cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl From<ReadError> for IngestError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Header(header) => Self::Header(header),
            ReadError::Io(io) => Self::Io(io),
        }
    }
}

/// What the first reading of a file tells.
struct Scanned {
    shape: Shape,
    report: Report,
    sites: Vec<String>,
}

impl Ingestor {
    /// An ingestor. Bodies are spooled in `spool`.
    pub fn new(store: Store, announce: Arc<dyn Announce>, limits: Limits, spool: PathBuf) -> Self {
        Self { store, announce, limits, spool }
    }

    /// The store it writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes a file in.
    pub async fn run<B>(&self, body: B, upload: Upload) -> Result<Answer, IngestError>
    where
        B: AsyncBufRead + Unpin + Send,
    {
        let site = upload.site.as_deref().map(name::check).transpose().map_err(IngestError::Site)?.map(str::to_owned);
        let spooled = Spooled::take(body, upload.gzip, self.limits.bytes, &self.spool).await?;
        let started = Instant::now();
        let id = id_of(&spooled.digest, site.as_deref());
        let result = self.run_once(spooled, Upload { site, ..upload }, id.clone(), started).await;
        count(&result, started);
        result
    }

    /// Takes a spooled file in, unless it is known. The same file twice at once: the second waits until the first is
    /// done.
    async fn run_once(
        &self,
        spooled: Spooled,
        upload: Upload,
        id: String,
        started: Instant,
    ) -> Result<Answer, IngestError> {
        loop {
            if let Some(answer) = self.store.ingest(&id).await?.as_ref().and_then(known) {
                return Ok(answer);
            }
            let Some(turn) = Turn::take(&self.store, &id).await? else {
                tokio::time::sleep(LOOK).await;
                continue;
            };
            let result = self.work(spooled, upload, id, started, &turn).await;
            turn.end().await?;
            return result;
        }
    }

    async fn work(
        &self,
        spooled: Spooled,
        upload: Upload,
        id: String,
        started: Instant,
        turn: &Turn,
    ) -> Result<Answer, IngestError> {
        let earlier = self.store.ingest(&id).await?;
        if let Some(answer) = earlier.as_ref().and_then(known) {
            return Ok(answer);
        }
        let store = self.store.metered();
        let (mut spooled, scanned) = self.scan(spooled, &upload).await?;
        let mut ingest = match earlier {
            Some(unfinished) => unfinished,
            None => self.begin(&store, &spooled, &upload, id, &scanned).await?,
        };
        let written = write(&store, &mut spooled, &ingest).await?;
        let permits = permits(&store, &ingest).await?;
        let findings = judge(&store, &ingest, &written, &permits).await?;
        let verdict = announce::summary(&findings, &permits);
        self.publish(&store, &ingest, &scanned, &findings, turn).await?;
        let mut answer = Answer {
            id: ingest.id.clone(),
            status: Status::Stored,
            message: String::new(),
            digest: ingest.digest.clone(),
            bytes: ingest.bytes,
            shape: scanned.shape,
            sites: scanned.sites,
            series: written.len() as u64,
            report: scanned.report,
            verdict,
            write_units: 0.0,
            seconds: 0.0,
            left_out: BTreeMap::new(),
        };
        answer.bound();
        answer.message = sentence(&answer);
        answer.write_units = store.write_units();
        answer.seconds = started.elapsed().as_secs_f64();
        ingest.state = State::Done;
        ingest.answer = serde_json::to_value(&answer).ok();
        let notes = store.notes(&ingest.id).await?;
        store.end_ingest(&ingest, &notes).await?;
        for (severity, count) in announce::new_by_severity(&findings) {
            names::alerts_raised(severity, count);
        }
        Ok(answer)
    }

    /// Reads the file without storing anything of it.
    async fn scan(&self, mut spooled: Spooled, upload: &Upload) -> Result<(Spooled, Scanned), IngestError> {
        let (limit, site, strict) = (self.limits.rows, upload.site.clone(), upload.strict);
        blocking(move || {
            let mut rows = Rows::open(spooled.rewind()?, site.as_deref())?;
            let mut readings = Vec::new();
            while rows.next_row(&mut readings)? {
                readings.clear();
                if rows.report.rows > limit {
                    return Err(IngestError::TooManyRows { limit });
                }
            }
            let report = rows.report.clone();
            if report.rows == 0 {
                return Err(IngestError::NoRows);
            }
            if report.rows_refused > 0 && (strict || report.rows_refused == report.rows) {
                return Err(IngestError::Refused(Box::new(report)));
            }
            let mut sites: Vec<String> = Vec::new();
            for series in rows.series() {
                if !sites.iter().any(|site| name::same(site, &series.site)) {
                    sites.push(series.site.clone());
                }
            }
            let shape = rows.shape();
            drop(rows);
            Ok((spooled, Scanned { shape, report, sites }))
        })
        .await
    }

    /// Writes the record under which everything else is written.
    async fn begin(
        &self,
        store: &Store,
        spooled: &Spooled,
        upload: &Upload,
        id: String,
        scanned: &Scanned,
    ) -> Result<Ingest, IngestError> {
        let revisions = scanned.sites.iter().cloned().map(|site| async move {
            store.note_site(&site).await?;
            let revision = store.next_revision(&site).await?;
            Ok::<_, IngestError>((site, revision))
        });
        let revisions = stream::iter(revisions).buffered(AT_ONCE).try_collect().await?;
        let ingest = Ingest {
            id,
            digest: spooled.digest.clone(),
            bytes: spooled.bytes,
            site: upload.site.clone(),
            source: upload.source.clone(),
            who: upload.who.clone(),
            received_at: time::rfc3339(time::now()),
            code_version: env!("CARGO_PKG_VERSION").into(),
            state: State::Writing,
            revisions,
            answer: None,
        };
        match store.begin_ingest(&ingest).await {
            // Another process took the same file at the same moment: both go on under the record of the first.
            Err(StoreError::Conflict) => Ok(store.ingest(&ingest.id).await?.ok_or(StoreError::Conflict)?),
            done => Ok(done.map(|()| ingest)?),
        }
    }

    /// Appends the events of each site to its feed, once.
    async fn publish(
        &self,
        store: &Store,
        ingest: &Ingest,
        scanned: &Scanned,
        findings: &[Finding],
        turn: &Turn,
    ) -> Result<(), IngestError> {
        for site in ingest.revisions.keys() {
            let own: Vec<_> = findings.iter().filter(|f| name::same(announce::site(f), site)).cloned().collect();
            let summary = announce::summary(&own, &BTreeMap::new());
            let account = json!({
                "ingest": ingest.id, "shape": scanned.shape, "source": ingest.source, "rows": scanned.report.rows,
                "rows_taken": scanned.report.rows_taken, "rows_refused": scanned.report.rows_refused,
                "rows_without_reading": scanned.report.rows_without_reading,
                "readings_judged": summary.readings_judged, "alerts": summary.alerts.total,
                "alerts_new": summary.alerts.new,
            });
            self.publish_once(store, ingest, site, &announce::events(&own, &account), turn).await?;
        }
        Ok(())
    }

    async fn publish_once(
        &self,
        store: &Store,
        ingest: &Ingest,
        site: &str,
        events: &[Event],
        turn: &Turn,
    ) -> Result<(), IngestError> {
        while !store.is_announced(&ingest.id, site).await? {
            let mut transaction = Transaction::default();
            store.mark_announced(&mut transaction, &ingest.id, site)?;
            store.demand_turn(&mut transaction, &ingest.id, turn.holder())?;
            let head = store.head(site).await?;
            let entries = store.append(&mut transaction, site, head, events)?;
            match store.commit(transaction).await {
                Ok(()) => self.announce.announce(site, entries),
                // Somebody else wrote to the site: it is tried again behind what they wrote.
                Err(StoreError::Conflict)
                    if store.turn_of(&ingest.id).await?.is_some_and(|holder| holder == turn.holder()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The answer to a file that was taken in before.
fn known(ingest: &Ingest) -> Option<Answer> {
    let mut answer: Answer = serde_json::from_value(ingest.answer.clone()?).ok()?;
    answer.status = Status::Known;
    answer.message = format!("This file is known: it was taken in at {}. Nothing was changed.", ingest.received_at);
    answer.write_units = 0.0;
    Some(answer)
}

/// The permits of a file's sites. Single readings that come from now on see the new segments: their cache ends with the
/// revision.
async fn permits(store: &Store, ingest: &Ingest) -> Result<BTreeMap<String, Permit>, IngestError> {
    let permits = ingest.revisions.keys().cloned().map(|site| async move {
        store.next_revision(&site).await?;
        let permit = store.permit(&site).await?.permit;
        Ok((site, permit))
    });
    stream::iter(permits).buffered(AT_ONCE).try_collect().await
}

async fn judge(
    store: &Store,
    ingest: &Ingest,
    written: &Written,
    permits: &BTreeMap<String, Permit>,
) -> Result<Vec<Finding>, IngestError> {
    let permits: HashMap<_, _> = permits.iter().map(|(site, permit)| (name::key(site), permit)).collect();
    let (permits, room) = (&permits, &Semaphore::new(READINGS_AT_ONCE as usize));
    let judging = (0..written.len()).map(|index| async move {
        let (entry, brought) = &written[index];
        let readings = u32::try_from(brought.readings).unwrap_or(u32::MAX).min(READINGS_AT_ONCE);
        // Nobody closes it.
        let _room = room.acquire_many(readings).await;
        // The record has every site of the rows, unless somebody else wrote it.
        let permit = permits.get(&name::key(&entry.series.site)).ok_or(StoreError::Conflict)?;
        judge_series(store, ingest, entry, brought, permit).await
    });
    let findings: Vec<_> = stream::iter(judging).buffered(AT_ONCE).try_collect().await?;
    Ok(announce::joined(findings.concat()))
}

/// Judges one series, notes what is found and writes the alerts; again if somebody else wrote in between.
async fn judge_series(
    store: &Store,
    ingest: &Ingest,
    entry: &Entry,
    brought: &Brought,
    permit: &Permit,
) -> Result<Vec<Finding>, IngestError> {
    let mut findings = Vec::new();
    for attempt in 0.. {
        let entry = store.series(&entry.series.site, &entry.id).await?.ok_or(StoreError::Conflict)?;
        let mut judged = verdicts::judge(store, entry, permit, brought.touched).await?;
        let found = serde_json::to_value(Finding::of(&judged, brought)).map_err(std::io::Error::other)?;
        let note = Note { key: format!("{}#{attempt:03}", judged.entry.id), found };
        let noted = store.note(&ingest.id, note).await?;
        findings.push(serde_json::from_value(noted.found).map_err(std::io::Error::other)?);
        match store.write_alerts(&mut judged.entry, &judged.changes).await {
            Err(StoreError::Conflict) => {}
            done => {
                done?;
                break;
            }
        }
    }
    Ok(findings)
}

fn sentence(answer: &Answer) -> String {
    let report = &answer.report;
    let alerts = &answer.verdict.alerts;
    let mut text = format!("{} of {} rows taken", report.rows_taken, report.rows);
    if report.rows_refused > 0 {
        text += &format!(", {} refused", report.rows_refused);
    }
    if report.rows_without_reading > 0 {
        text += &format!(", {} without a reading", report.rows_without_reading);
    }
    text + &format!("; {} readings judged, {} exceedances.", answer.verdict.readings_judged, alerts.total)
}

fn count(result: &Result<Answer, IngestError>, started: Instant) {
    let outcome = match result {
        Ok(Answer { status: Status::Stored, report, .. }) => {
            names::rows_ingested(RowOutcome::Taken, report.rows_taken);
            names::rows_ingested(RowOutcome::Refused, report.rows_refused);
            names::rows_ingested(RowOutcome::WithoutReading, report.rows_without_reading);
            FileOutcome::Stored
        }
        Ok(_) => FileOutcome::Known,
        Err(IngestError::Store(_) | IngestError::Io(_)) => FileOutcome::Failed,
        Err(_) => FileOutcome::Refused,
    };
    if let Err(IngestError::Refused(report)) = result {
        names::rows_ingested(RowOutcome::Refused, report.rows_refused);
    }
    names::file_ingested(outcome, started.elapsed());
}

/// Runs what would hold up other requests on a thread of its own.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, IngestError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, IngestError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

/// What an ingest record says, for `GET /api/ingests/{id}`.
pub fn record_json(ingest: &Ingest) -> Value {
    json!({
        "id": ingest.id, "digest": ingest.digest, "bytes": ingest.bytes, "site": ingest.site,
        "source": ingest.source, "who": ingest.who, "received_at": ingest.received_at,
        "code_version": ingest.code_version, "state": ingest.state,
        "sites": ingest.revisions.keys().collect::<Vec<_>>(), "answer": ingest.answer,
    })
}

//! Recording a file: its readings are stored, and what they touch is marked to be judged.
//!
//! The steps, each of which can be the last one before a crash; the same file posted again takes up the record that
//! the first attempt left, writes the same items under the same keys, and goes on:
//!
//! 1. The body is spooled and its digest looked up. A file that is done is answered from its record.
//! 2. The file is read once, to refuse it as a whole if it has to be; nothing is stored until then.
//! 3. The record is written, with a revision for each site.
//! 4. The stretches that it touches are marked: whatever can be seen of it from now on is known to be unjudged.
//! 5. The file is read again and written as segments, and its series are brought into the directory.
//! 6. Each site is told that the readings are there; with that the marks are free to be settled.
//!
//! From there on the settler goes on, and whoever waits for the answer waits for it.

mod scan;
mod through_lanes;
mod write;

use crate::answer::{Answer, Status};
use crate::events::event;
use crate::lanes::Lanes;
use crate::metrics::{self as names, FileOutcome, RowOutcome};
use crate::settle::{Beating, Settler};
use crate::spool::{SpoolError, Spooled};
use crate::summary::answer_of;
use domain::name::{self, NameError};
use domain::time;
use formats::HeaderError;
use formats::reader::ReadError;
use formats::report::Report;
use futures_util::{StreamExt, TryStreamExt, stream};
use live::ports::Announce;
use scan::{Scanned, Touched, scan};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::feed::Draft;
use table::ingests::{Ingest, Stage, id_of};
use table::leases::{Lease, Watch, Work};
use table::marks::{Mark, Origin};
use table::{Store, StoreError};
use tokio::io::AsyncBufRead;
use tokio::sync::watch;

/// How often a process that waits for another one with the same file looks whether that is done.
const LOOK: Duration = Duration::from_millis(50);
/// How long a request waits for verdicts. API Gateway waits for 29 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);
/// How long a file's task waits for its verdicts, for the sake of its metrics.
const LONG: Duration = Duration::from_secs(3600);
/// Sites, or series, that are worked on at the same time: each waits for the table several times, and API Gateway for a
/// file no longer than 29 s.
const AT_ONCE: usize = 16;
/// The most series that the events of a file list at one site.
const MAX_SERIES: usize = 2000;
/// Series in one event.
const SERIES_PER_EVENT: usize = 50;

/// Takes files in.
#[derive(Clone)]
pub struct Ingestor {
    pub(crate) store: Store,
    pub(crate) announce: Arc<dyn Announce>,
    pub(crate) lanes: Lanes,
    pub(crate) settler: Settler,
    pub(crate) limits: Limits,
    pub(crate) spool: PathBuf,
    /// Whether tasks go on after their request has been answered.
    pub(crate) outlives: bool,
}

/// What became of a file by the time that its request is answered.
#[derive(Debug)]
pub enum Taken {
    /// It is judged.
    Answered(Box<Answer>),
    /// It will be, whoever waits for it or not.
    Underway(Underway),
}

/// A file whose verdicts are still being worked out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Underway {
    /// The id of the ingest record.
    pub id: String,
    /// How far it has come.
    pub state: Stage,
    /// A sentence for a person.
    pub message: String,
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
    /// Take the file in even if the same bytes were taken in before.
    pub again: bool,
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

/// How far the task of a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// It may still be refused, and nobody would find out why if its request were over.
    Reading,
    /// Its record is written.
    Recording,
    Recorded,
}

impl Ingestor {
    /// The store it writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes a file in. Once the body is there, a client that goes away stops nothing.
    pub async fn run<B>(&self, body: B, upload: Upload) -> Result<Taken, IngestError>
    where
        B: AsyncBufRead + Unpin + Send,
    {
        let site = upload.site.as_deref().map(name::check).transpose().map_err(IngestError::Site)?.map(str::to_owned);
        let spooled = Spooled::take(body, upload.gzip, self.limits.bytes, &self.spool).await?;
        let upload = Upload { site, ..upload };
        let id = self.id(&spooled.digest, &upload).await?;
        let (step, mut steps) = watch::channel(Step::Reading);
        let (ingestor, of) = (self.clone(), id.clone());
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let result = ingestor.take(spooled, upload, of, &step).await;
            count(&result, started);
            result
        });
        let mut task = std::pin::pin!(task);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut task).await {
            return done.map_err(std::io::Error::other)?.map(|answer| Taken::Answered(Box::new(answer)));
        }
        // Without its request, what is not recorded would stand still with its process, unless that lives on.
        let enough = if self.outlives { Step::Recording } else { Step::Recorded };
        tokio::select! {
            done = &mut task => {
                return done.map_err(std::io::Error::other)?.map(|answer| Taken::Answered(Box::new(answer)));
            }
            Ok(_) = steps.wait_for(|step| *step >= enough) => {}
        }
        let state = if *steps.borrow() == Step::Recorded { Stage::Judging } else { Stage::Recording };
        let message = format!("The file is being worked on; GET /api/ingests/{id} tells how far it is.");
        Ok(Taken::Underway(Underway { id, state, message }))
    }

    /// The id of a file. One that was withdrawn, or that is to be taken in again, is a new file.
    async fn id(&self, digest: &str, upload: &Upload) -> Result<String, StoreError> {
        let mut again = 0;
        loop {
            let id = id_of(digest, upload.site.as_deref(), again);
            match self.store.ingest(&id).await? {
                Some(ingest) if ingest.withdrawn.is_some() => {}
                Some(ingest) if upload.again && ingest.state == Stage::Done => {}
                _ => return Ok(id),
            }
            again += 1;
        }
    }

    /// Takes a spooled file in, unless it is known. The same file twice at once: the second waits for the first.
    async fn take(
        &self,
        spooled: Spooled,
        upload: Upload,
        id: String,
        step: &watch::Sender<Step>,
    ) -> Result<Answer, IngestError> {
        let started = time::now();
        let mut watch = Watch::default();
        let lease = loop {
            let state = match self.store.ingest(&id).await? {
                Some(ingest) if ingest.state == Stage::Done => {
                    return known(&ingest).ok_or_else(|| StoreError::Conflict.into());
                }
                other => other.map(|ingest| ingest.state),
            };
            if state == Some(Stage::Judging) {
                step.send_replace(Step::Recorded);
                return self.answer(&id, Status::Known).await;
            }
            match self.store.take_lease(Work::File(id.clone()), &mut watch).await? {
                Some(lease) => break lease,
                None => tokio::time::sleep(LOOK).await,
            }
            if state.is_some() {
                step.send_replace(Step::Recording);
            }
        };
        let beating = Beating::start(self.store.clone(), lease.clone());
        let recorded = self.record(spooled, upload, &id, started, &lease, step).await;
        drop(beating);
        self.store.give_back(&lease).await?;
        let ingest = recorded?;
        step.send_replace(Step::Recorded);
        ingest.revisions.keys().for_each(|site| self.settler.kick(site));
        self.answer(&id, Status::Stored).await
    }

    /// Waits for the answer to a file that is recorded.
    async fn answer(&self, id: &str, status: Status) -> Result<Answer, IngestError> {
        let look = || async { Ok(self.store.ingest(id).await?.filter(|ingest| ingest.state == Stage::Done)) };
        let done = self.settler.wait(Instant::now() + LONG, look).await?.ok_or(StoreError::Conflict)?;
        let answer = match status {
            Status::Stored => answer_of(&done),
            Status::Known => known(&done),
        };
        Ok(answer.ok_or(StoreError::Conflict)?)
    }

    /// Stores all readings of a file, and marks what they touch.
    async fn record(
        &self,
        spooled: Spooled,
        upload: Upload,
        id: &str,
        started: i64,
        lease: &Lease,
        step: &watch::Sender<Step>,
    ) -> Result<Ingest, IngestError> {
        if let Some(recorded) = self.store.ingest(id).await?.filter(|ingest| ingest.state != Stage::Recording) {
            return Ok(recorded);
        }
        let store = self.store.metered();
        let (mut spooled, scanned) = scan(&store, spooled, &upload, self.limits.rows).await?;
        let mut ingest = self.begin(&store, &spooled, &upload, id, &scanned).await?;
        step.send_replace(Step::Recording);
        let by_site = by_site(&ingest, &scanned);
        let (of, about) = (&by_site, (&store, &ingest, &scanned));
        let marking = (0..by_site.len()).map(|index| mark(about, lease, &of[index].0, &of[index].1));
        // In the order of the sites.
        let new: Vec<bool> = stream::iter(marking).buffered(AT_ONCE).try_collect().await?;
        let settled = write::write(&store, &self.lanes, &mut spooled, &ingest, &scanned).await?;
        let (of, ways) = (&by_site, (&store, &self.lanes, &*self.announce));
        let ending = (0..by_site.len()).filter(|index| new[*index]).map(|index| async move {
            let (site, touched) = &of[index];
            through_lanes::end(ways, lease, id, site, touched).await
        });
        stream::iter(ending).buffer_unordered(AT_ONCE).try_for_each(async |()| Ok(())).await?;
        let answer = draft(&ingest, scanned, settled, store.write_units(), started);
        if ingest.revisions.is_empty() {
            // Nothing is to be judged.
            return self.close(store, ingest, answer).await;
        }
        ingest.state = Stage::Judging;
        ingest.draft = serde_json::to_value(&answer).ok();
        store.save_ingest(&ingest).await?;
        Ok(ingest)
    }

    async fn close(&self, store: Store, mut ingest: Ingest, mut answer: Answer) -> Result<Ingest, IngestError> {
        answer.finish();
        ingest.state = Stage::Done;
        ingest.answer = serde_json::to_value(&answer).ok();
        store.end_ingest(&ingest).await?;
        Ok(ingest)
    }

    /// Writes the record under which everything else is written.
    async fn begin(
        &self,
        store: &Store,
        spooled: &Spooled,
        upload: &Upload,
        id: &str,
        scanned: &Scanned,
    ) -> Result<Ingest, IngestError> {
        if let Some(unfinished) = store.ingest(id).await? {
            return Ok(unfinished);
        }
        let revisions = scanned.sites.iter().cloned().map(|site| async move {
            store.note_site(&site).await?;
            let revision = through_lanes::revision(store, &self.lanes, &site).await?;
            Ok::<_, IngestError>((site, revision))
        });
        let revisions = stream::iter(revisions).buffered(AT_ONCE).try_collect().await?;
        let ingest = Ingest {
            id: id.to_owned(),
            digest: spooled.digest.clone(),
            bytes: spooled.bytes,
            site: upload.site.clone(),
            source: upload.source.clone(),
            who: upload.who.clone(),
            received_at: time::rfc3339(time::now()),
            code_version: env!("CARGO_PKG_VERSION").into(),
            state: Stage::Recording,
            revisions,
            draft: None,
            answer: None,
            withdrawn: None,
            resolution: None,
        };
        Ok(store.begin_ingest(ingest).await?)
    }
}

/// What a file touches, by site, in the order of the record.
fn by_site<'a>(ingest: &Ingest, scanned: &'a Scanned) -> Vec<(String, Vec<&'a Touched>)> {
    let of = |site: &String| {
        let key = name::key(site);
        scanned.touched.iter().filter(|touched| name::key(&touched.series.site) == key).collect()
    };
    match ingest.revisions.len() {
        1 => ingest.revisions.keys().map(|site| (site.clone(), scanned.touched.iter().collect())).collect(),
        _ => ingest.revisions.keys().map(|site| (site.clone(), of(site))).collect(),
    }
}

async fn mark(
    (store, ingest, scanned): (&Store, &Ingest, &Scanned),
    lease: &Lease,
    site: &str,
    touched: &[&Touched],
) -> Result<bool, IngestError> {
    let report = &scanned.report;
    let about = json!({
        "ingest": ingest.id, "shape": scanned.shape, "source": ingest.source, "rows": report.rows,
        "rows_taken": report.rows_taken, "rows_refused": report.rows_refused,
        "rows_without_reading": report.rows_without_reading, "series": touched.len(),
    });
    let origin = Origin::File(ingest.id.clone());
    let marks: Vec<_> = touched
        .iter()
        .map(|touched| Mark::new(&touched.series.id(), origin.clone(), touched.stretch, touched.readings))
        .collect();
    Ok(store.begin_file(lease, site, &ingest.id, &marks, about).await?)
}

/// What subscribers are told of the readings themselves.
fn readings_events(id: &str, touched: &[&Touched]) -> Vec<Draft> {
    let shown = |touched: &&Touched| {
        let series = &touched.series;
        json!({
            "series": series.id(), "outfall": series.outfall, "parameter": series.parameter, "base": series.base,
            "readings": touched.readings, "from": time::shown(touched.stretch.0, touched.kind),
            "to": time::shown(touched.stretch.1, touched.kind), "latest": touched.latest, "unit": touched.unit,
        })
    };
    let listed = &touched[..touched.len().min(MAX_SERIES)];
    let chunks = listed.chunks(SERIES_PER_EVENT);
    chunks
        .map(|chunk| {
            let series: Vec<Value> = chunk.iter().map(shown).collect();
            event("readings", json!({"ingest": id, "series": series}))
        })
        .collect()
}

/// The answer without verdicts.
fn draft(ingest: &Ingest, scanned: Scanned, settled: write::Settled, write_units: f64, started: i64) -> Answer {
    let mut report = scanned.report;
    report.repeated(settled.rows_repeated, settled.readings_repeated);
    report.readings_replaced += settled.readings_replaced;
    let mut answer = Answer {
        id: ingest.id.clone(),
        status: Status::Stored,
        message: String::new(),
        digest: ingest.digest.clone(),
        bytes: ingest.bytes,
        shape: scanned.shape,
        sites: scanned.sites,
        series: scanned.touched.len() as u64,
        report,
        replacements: settled.replacements,
        verdict: crate::answer::VerdictSummary::default(),
        write_units,
        seconds: 0.0,
        started,
        left_out: BTreeMap::new(),
    };
    answer.bound();
    answer
}

/// The answer to a file that was taken in before.
fn known(ingest: &Ingest) -> Option<Answer> {
    let mut answer = answer_of(ingest)?;
    answer.status = Status::Known;
    answer.message = format!("This file is known: it was taken in at {}. Nothing was changed.", ingest.received_at);
    answer.write_units = 0.0;
    Some(answer)
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
async fn blocking<T, F>(work: F) -> Result<T, IngestError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, IngestError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

/// What an ingest record says, for `GET /api/ingests/{id}`. `left`: how many series are still to be judged.
pub fn record_json(ingest: &Ingest, left: Option<u64>) -> Value {
    let mut record = json!({
        "id": ingest.id, "digest": ingest.digest, "bytes": ingest.bytes, "site": ingest.site,
        "source": ingest.source, "who": ingest.who, "received_at": ingest.received_at,
        "code_version": ingest.code_version, "state": ingest.state,
        "sites": ingest.revisions.keys().collect::<Vec<_>>(), "answer": ingest.answer,
        "withdrawn": ingest.withdrawn, "resolution": ingest.resolution,
    });
    if let Some(left) = left {
        record["series_left"] = json!(left);
    }
    record
}

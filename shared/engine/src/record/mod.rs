//! Records a file: its readings are stored, and what they touch is marked to be judged.
//!
//! A crash may follow any step. If the same file is posted again, it continues the record of the first attempt, writes
//! the same items under the same keys, and goes on:
//!
//! 1. The bytes are spooled, or read where they are, and their digest is looked up. A file that is done is answered
//!    from its record.
//! 2. The file is read once, to refuse it as a whole if necessary; nothing is stored before that.
//! 3. The record is written, with a revision for each site.
//! 4. The stretches that it touches are marked: whatever becomes visible from now on is known to be unjudged.
//! 5. The file is read again and written as segments, and its series are entered into the directory.
//! 6. The readings are announced at each site, which releases the marks to be settled.
//!
//! From there on the settler does the work, and the request waits for it.

mod begin;
mod error;
mod noted;
mod scan;
mod through_lanes;
mod touched;
mod write;

use crate::answer::{Answer, Status};
use crate::lanes::Lanes;
use crate::metrics::{self as names, FileOutcome, RowOutcome};
use crate::original::Original;
use crate::settle::{Beating, Settler};
use crate::summary::answer_of;
use begin::{gone, is_recorded};
use domain::name;
use domain::time;
pub use error::IngestError;
use formats::Options;
use futures_util::{StreamExt, TryStreamExt, stream};
use live::ports::Announce;
pub use noted::{FileProgress, IngestRecord};
use noted::{draft, known};
use scan::{Bounds, Scanned, Touched, scan, scan_as};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::ingests::{Ingest, Stage, id_of};
use table::leases::{Lease, Watch, Work};
use table::reached::Reached;
use table::{Store, StoreError};
use tokio::io::AsyncBufRead;
use tokio::sync::watch;
use touched::{by_site, is_marked, mark, readings_events};
use write::Writing;

/// How often a process that waits for another one with the same file checks whether that is done.
const LOOK: Duration = Duration::from_millis(50);
/// How long a request waits for verdicts. API Gateway waits for 29 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);
/// How long a file's task waits for its verdicts, for its metrics.
const LONG: Duration = Duration::from_secs(3600);
/// Sites, or series, that are processed at the same time: each waits for the table several times, and API Gateway waits
/// for a file at most 29 s.
const AT_ONCE: usize = 16;

/// Ingests files.
#[derive(Clone)]
pub struct Ingestor {
    pub(crate) store: Store,
    pub(crate) announce: Arc<dyn Announce>,
    pub(crate) lanes: Lanes,
    pub(crate) settler: Settler,
    pub(crate) limits: Limits,
    pub(crate) spool: PathBuf,
    /// Whether tasks continue after their request is answered.
    pub(crate) outlives: bool,
}

/// The state of a file when its request is answered.
#[derive(Debug)]
pub enum Taken {
    /// It is judged.
    Answered(Box<Answer>),
    /// It is still being judged, whether or not anybody waits.
    Underway(Underway),
}

/// A file whose verdicts are pending.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = IngestUnderway)]
pub struct Underway {
    /// The id of the ingest record.
    pub id: String,
    /// Its state.
    pub state: Stage,
    /// A sentence for a person.
    pub message: String,
}

/// The limits on a file's size.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes after decompression.
    pub bytes: u64,
    /// Data rows.
    pub rows: u64,
}

/// The limits for reading a file, and the folder for copies.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// The most bytes after decompression.
    pub bytes: u64,
    /// The folder for copies.
    pub spool: &'a Path,
    /// When reading pauses.
    pub until: Option<Instant>,
}

/// The parameters of a body.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The body is gzip.
    pub gzip: bool,
    /// The site of rows that name none; for an effluent chart, whatever its rows name.
    pub site: Option<String>,
    /// Refuse the whole file if one row is bad.
    pub strict: bool,
    /// Ingest the file even if the same bytes were ingested before.
    pub again: bool,
    /// The client's name for the file.
    pub source: String,
    /// The client.
    pub who: String,
}

/// A file, and its ingest.
#[derive(Debug, Clone)]
pub struct Identified {
    upload: Upload,
    /// The id of the ingest.
    pub id: String,
}

/// The progress of a file's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// It may still be refused, and nobody would learn why if its request were over.
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

    /// Ingests a file. Once the body has arrived, a client that disconnects stops nothing.
    pub async fn run<B>(&self, body: B, upload: Upload) -> Result<Taken, IngestError>
    where
        B: AsyncBufRead + Unpin + Send,
    {
        // Checked before the body is read.
        upload.site.as_deref().map(name::check_site).transpose().map_err(IngestError::Site)?;
        let original = Original::spooled(body, upload.gzip, self.limits.bytes, &self.spool).await?;
        let Identified { upload, id } = self.identified(&original, upload).await?;
        let (step, mut steps) = watch::channel(Step::Reading);
        let (ingestor, of) = (self.clone(), id.clone());
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let result = ingestor.take(original, upload, of, None, &step).await;
            count(&result, started);
            result
        });
        let mut task = std::pin::pin!(task);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut task).await {
            return done.map_err(std::io::Error::other)?.map(|answer| Taken::Answered(Box::new(answer)));
        }
        // Unless the process lives on, unrecorded work would stop with the request.
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

    /// The limits for files without a waiting client.
    pub fn room(&self, until: Option<Instant>) -> Room<'_> {
        Room { bytes: self.limits.bytes, spool: &self.spool, until }
    }

    /// Ingests a file without a waiting client, and returns when it is judged. What is not done by `until` pauses; the
    /// next attempt resumes.
    pub async fn take_in(
        &self,
        original: Original,
        Identified { upload, id }: Identified,
        until: Option<Instant>,
    ) -> Result<Answer, IngestError> {
        let started = Instant::now();
        let result = self.take(original, upload, id, until, &watch::Sender::new(Step::Reading)).await;
        count(&result, started);
        result
    }

    /// Determines the ingest of a file.
    pub async fn identified(&self, original: &Original, upload: Upload) -> Result<Identified, IngestError> {
        let site = upload.site.as_deref().map(name::check_site).transpose().map_err(IngestError::Site)?;
        let site = site.map(str::to_owned);
        let upload = Upload { site, ..upload };
        let id = self.id(&original.digest, &upload).await?;
        Ok(Identified { upload, id })
    }

    /// The id of a file. A file counts as new if it was withdrawn, if one of its sites was removed, or if it is to be
    /// ingested again.
    async fn id(&self, digest: &str, upload: &Upload) -> Result<String, StoreError> {
        let mut again = 0;
        loop {
            let id = id_of(digest, upload.site.as_deref(), again);
            match self.store.ingest(&id).await? {
                Some(ingest) if ingest.withdrawn.is_some() => {}
                Some(ingest) if upload.again && ingest.state == Stage::Done => {}
                Some(ingest) if is_recorded(ingest.state) && !gone(&self.store, &ingest).await?.is_empty() => {}
                _ => return Ok(id),
            }
            again += 1;
        }
    }

    /// Ingests a spooled file, unless it is known. If the same file comes twice at once, the second waits for the
    /// first.
    async fn take(
        &self,
        original: Original,
        upload: Upload,
        id: String,
        until: Option<Instant>,
        step: &watch::Sender<Step>,
    ) -> Result<Answer, IngestError> {
        let started = time::now();
        let mut watch = Watch::default();
        let is_over = || until.is_some_and(|until| Instant::now() >= until);
        let lease = loop {
            let state = match self.store.ingest(&id).await? {
                Some(ingest) if ingest.state == Stage::Done => {
                    return known(&ingest).ok_or_else(|| StoreError::Conflict.into());
                }
                other => other.map(|ingest| ingest.state),
            };
            if state == Some(Stage::Judging) {
                step.send_replace(Step::Recorded);
                return self.answer(&id, Status::Known, until).await;
            }
            match self.store.take_lease(Work::File(id.clone()), &mut watch).await? {
                Some(lease) => break lease,
                None if is_over() => return Err(IngestError::Paused),
                None => tokio::time::sleep(LOOK).await,
            }
            if state.is_some() {
                step.send_replace(Step::Recording);
            }
        };
        let beating = Beating::start(self.store.clone(), lease.clone());
        let recorded = self.record(original, upload, (&id, started, until), &lease, step).await;
        drop(beating);
        self.store.give_back(&lease).await?;
        let ingest = recorded?;
        step.send_replace(Step::Recorded);
        ingest.revisions.keys().for_each(|site| self.settler.kick(site));
        self.answer(&id, Status::Stored, until).await
    }

    /// Waits for the answer to a recorded file.
    async fn answer(&self, id: &str, status: Status, until: Option<Instant>) -> Result<Answer, IngestError> {
        let look = || async { Ok(self.store.ingest(id).await?.filter(|ingest| ingest.state == Stage::Done)) };
        let waited = self.settler.wait(until.unwrap_or_else(|| Instant::now() + LONG), look).await?;
        let done = match (waited, until) {
            (Some(done), _) => done,
            (None, Some(_)) => return Err(IngestError::Paused),
            (None, None) => return Err(StoreError::Conflict.into()),
        };
        let answer = match status {
            Status::Stored => answer_of(&done),
            Status::Known => known(&done),
        };
        Ok(answer.ok_or(StoreError::Conflict)?)
    }

    /// Stores all readings of a file, and marks what they touch.
    async fn record(
        &self,
        original: Original,
        upload: Upload,
        (id, started, until): (&str, i64, Option<Instant>),
        lease: &Lease,
        step: &watch::Sender<Step>,
    ) -> Result<Ingest, IngestError> {
        let begun = self.store.ingest(id).await?;
        if let Some(recorded) = begun.as_ref().filter(|ingest| ingest.state != Stage::Recording) {
            return Ok(recorded.clone());
        }
        let store = self.store.metered();
        let (mut before, options) = match &begun {
            Some(_) => kept(store.reached(id).await?),
            None => Default::default(),
        };
        let was_marked = before.is_marked;
        let writing = |ingest, options, before, tells| Writing {
            store: &store,
            lanes: &self.lanes,
            lease,
            ingest,
            options,
            before,
            tells,
            until,
        };
        let earlier = before.write_units;
        if let (Some(ingest), Some(options), true) = (&begun, &options, was_marked)
            && is_marked(&store, ingest).await?
        {
            step.send_replace(Step::Recording);
            let written = writing(ingest, options, before, true).write(original).await?;
            let scanned = written.scanned.ok_or(StoreError::Conflict)?;
            let new = vec![true; ingest.revisions.len()];
            let units = earlier + store.write_units();
            return self.end(&store, ingest.clone(), scanned, written.settled, (new, units, started), lease).await;
        }
        let bounds = Bounds { rows: self.limits.rows, until };
        let (original, scanned) = match options.clone() {
            Some(options) => scan_as(original, options, bounds).await?,
            None => scan(&store, original, &upload, bounds).await?,
        };
        let (ingest, is_anew) = self.begin(&store, &original, &upload, (id, lease), &scanned).await?;
        if is_anew {
            before.segments = 0;
        }
        step.send_replace(Step::Recording);
        if was_marked && !is_anew {
            // Until everything is marked again: an attempt that ends in between must not be mistaken for a complete
            // one.
            store.note_reached(lease, id, &Reached { is_marked: false, ..before.clone() }).await?;
        }
        let by_site = by_site(&ingest, &scanned);
        let (of, about) = (&by_site, (&store, &ingest, &scanned));
        let marking = (0..by_site.len()).map(|index| mark(about, lease, &of[index].0, &of[index].1));
        // In the order of the sites.
        let new: Vec<bool> = stream::iter(marking).buffered(AT_ONCE).try_collect().await?;
        drop(by_site);
        let written = writing(&ingest, &scanned.options, before, false).write(original).await?;
        let units = earlier + store.write_units();
        self.end(&store, ingest, scanned, written.settled, (new, units, started), lease).await
    }

    /// Announces that all readings of a file are there: at each site that is `new` to it, and in its record.
    async fn end(
        &self,
        store: &Store,
        mut ingest: Ingest,
        scanned: Scanned,
        settled: write::Settled,
        (new, write_units, started): (Vec<bool>, f64, i64),
        lease: &Lease,
    ) -> Result<Ingest, IngestError> {
        let by_site = by_site(&ingest, &scanned);
        let (of, ways, id) = (&by_site, (store, &self.lanes, &*self.announce), &ingest.id);
        let ending = (0..by_site.len()).filter(|index| new[*index]).map(|index| async move {
            let (site, touched) = &of[index];
            through_lanes::end(ways, lease, id, site, touched).await
        });
        stream::iter(ending).buffer_unordered(AT_ONCE).try_for_each(async |()| Ok(())).await?;
        drop(by_site);
        let answer = draft(&ingest, scanned, settled, write_units, started);
        if ingest.revisions.is_empty() {
            // There is nothing to judge.
            return self.close(store, ingest, answer).await;
        }
        ingest.state = Stage::Judging;
        ingest.draft = serde_json::to_value(&answer).ok();
        store.save_ingest(&ingest).await?;
        Ok(ingest)
    }

    async fn close(&self, store: &Store, mut ingest: Ingest, mut answer: Answer) -> Result<Ingest, IngestError> {
        answer.finish();
        ingest.state = Stage::Done;
        ingest.answer = serde_json::to_value(&answer).ok();
        store.end_ingest(&ingest).await?;
        Ok(ingest)
    }
}

/// The progress of earlier attempts, and how they have read the file. Without the latter, the former is useless: read
/// differently, the file may give other segments.
fn kept(reached: Option<Reached>) -> (Reached, Option<Options>) {
    let reached = reached.unwrap_or_default();
    match reached.options.as_deref().map(serde_json::from_str) {
        Some(Ok(options)) => (reached, Some(options)),
        _ => (Reached { segments: 0, ..reached }, None),
    }
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
        // It is counted when it is done.
        Err(IngestError::Paused) => return,
        Err(error) if error.is_of_the_file() => FileOutcome::Refused,
        Err(_) => FileOutcome::Failed,
    };
    if let Err(IngestError::Refused(report)) = result {
        names::rows_ingested(RowOutcome::Refused, report.rows_refused);
    }
    names::file_ingested(outcome, started.elapsed());
}

/// Runs blocking work on a thread of its own.
async fn blocking<T, F>(work: F) -> Result<T, IngestError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, IngestError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

//! Takes in what waits at a source.

use crate::metrics;
use crate::source::{Listing, Of, Shelf, Source, Waiting};
use engine::answer::Answer;
use engine::record::{IngestError, IngestRecord, Ingestor, Upload};
use engine::settle::Beating;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Instant;
use table::StoreError;
use table::arrivals::Arrival;
use table::ingests::Stage;
use table::leases::{Watch, Work};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Sites whose files are taken in at the same time, over all looks: each file may need room on the disk. Files of one
/// site go one after another, in the order of their names: a later one may correct an earlier one.
const SITES_AT_ONCE: usize = 4;

/// An inbox: a source, and the ingestor for its files.
pub struct Inbox<S> {
    source: S,
    ingestor: Ingestor,
    stopping: CancellationToken,
    /// Leases of other processes, by site.
    watches: Mutex<BTreeMap<Option<String>, Watch>>,
    room: Semaphore,
}

/// The result of a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files that may still be written.
    pub growing: usize,
    /// Sites whose files other processes are taking in.
    pub elsewhere: usize,
    /// Sites with files left for a later look: the time was over, or they cannot be read.
    pub left: usize,
}

/// Why a look at an inbox failed.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The source.
    #[error(transparent)]
    Source(#[from] io::Error),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of the files of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    /// All complete files are taken in.
    Through,
    /// Another process takes them in.
    Elsewhere,
    /// The time was over, or a file cannot be read.
    Unfinished,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// It is put away.
    Away,
    /// It cannot be read now.
    Unreadable,
    /// The time was over.
    Paused,
}

impl<S: Source> Inbox<S> {
    /// An inbox. It starts nothing more once `stopping` is cancelled.
    pub fn new(source: S, ingestor: Ingestor, stopping: CancellationToken) -> Self {
        Self { source, ingestor, stopping, watches: Mutex::default(), room: Semaphore::new(SITES_AT_ONCE) }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Takes in what waits, until the time is over. One process at a time takes in the files of a site.
    pub async fn look(&self, of: Of<'_>, until: Option<Instant>) -> Result<Looked, InboxError> {
        let looked = self.look_through(of, until).await;
        if looked.is_err() {
            metrics::failure();
        }
        looked
    }

    async fn look_through(&self, of: Of<'_>, until: Option<Instant>) -> Result<Looked, InboxError> {
        let Listing { whole, growing } = self.source.list(of).await?;
        if of == Of::All {
            metrics::waiting(whole.len() + growing);
        }
        let sites: BTreeSet<Option<String>> = whole.into_iter().map(|file| file.site).collect();
        let sites: Vec<_> = sites.into_iter().collect();
        let work = (0..sites.len()).map(|index| self.work(&sites[index], until));
        let results: Vec<_> = stream::iter(work).buffer_unordered(SITES_AT_ONCE).collect().await;
        let (mut looked, mut failure) = (Looked { growing, ..Looked::default() }, None);
        for result in results {
            match result {
                Ok(Worked::Through) => {}
                Ok(Worked::Elsewhere) => looked.elsewhere += 1,
                Ok(Worked::Unfinished) => looked.left += 1,
                Err(error) => failure = Some(error),
            }
        }
        // A site that fails has not delayed the others.
        failure.map_or(Ok(looked), Err)
    }

    /// Takes in the files of a site.
    async fn work(&self, site: &Option<String>, until: Option<Instant>) -> Result<Worked, InboxError> {
        let store = self.ingestor.store();
        let name = format!("{}/{}", self.source.name(), site.as_deref().unwrap_or_default());
        let is_over = || self.stopping.is_cancelled() || until.is_some_and(|until| Instant::now() >= until);
        loop {
            // Before the lease: while this process waits for room, another may have some. The semaphore is never
            // closed.
            let _room = self.room.acquire().await;
            let mut watch = self.watches.lock().get(site).cloned().unwrap_or_default();
            let taken = store.take_lease(Work::Source(name.clone()), &mut watch).await?;
            self.watches.lock().insert(site.clone(), watch);
            let Some(lease) = taken else { return Ok(Worked::Elsewhere) };
            let beating = Beating::start(store.clone(), lease.clone());
            let worked = self.take_all(Of::Site(site.as_deref()), until, is_over).await;
            drop(beating);
            store.give_back(&lease).await?;
            // Processes that found the lease held have gone away, and left what came meanwhile.
            if worked? == Worked::Unfinished || is_over() {
                return Ok(Worked::Unfinished);
            }
            if self.source.list(Of::Site(site.as_deref())).await?.whole.is_empty() {
                return Ok(Worked::Through);
            }
        }
    }

    async fn take_all(
        &self,
        of: Of<'_>,
        until: Option<Instant>,
        is_over: impl Fn() -> bool,
    ) -> Result<Worked, InboxError> {
        // Another process may have put away listed files before it released the lease.
        let mut worked = Worked::Through;
        for file in self.source.list(of).await?.whole {
            let took = if is_over() { Took::Paused } else { self.take(&file, until).await? };
            match took {
                Took::Away => {}
                Took::Unreadable => worked = Worked::Unfinished,
                Took::Paused => return Ok(Worked::Unfinished),
            }
        }
        Ok(worked)
    }

    /// Takes a file in, or refuses it, and puts it away. After a kill this is repeated: a file that is done is known by
    /// its bytes.
    async fn take(&self, file: &Waiting, until: Option<Instant>) -> Result<Took, InboxError> {
        if let Some(before) = self.half_recorded(file).await?
            && self.take_one(before, until).await? == Took::Paused
        {
            return Ok(Took::Paused);
        }
        self.take_one(file.clone(), until).await
    }

    /// The file that was at this place before, if it is half recorded. It is finished first, if the source still has
    /// it.
    async fn half_recorded(&self, file: &Waiting) -> Result<Option<Waiting>, StoreError> {
        let store = self.ingestor.store();
        let Some(Arrival::Ingest { id, version }) = store.arrival(self.source.name(), &file.place).await? else {
            return Ok(None);
        };
        let is_half = store.ingest(&id).await?.is_some_and(|ingest| ingest.state == Stage::Recording);
        // The version that was opened is more exact than the listed one.
        Ok((is_half && !version.starts_with(&file.version)).then(|| Waiting { version, ..file.clone() }))
    }

    async fn take_one(&self, mut file: Waiting, until: Option<Instant>) -> Result<Took, InboxError> {
        let upload = Upload {
            site: file.site.clone(),
            source: format!("{}/{}", self.source.name(), file.place),
            who: "inbox".to_owned(),
            ..Upload::default()
        };
        let (shelf, account) = match self.ingest(&mut file, upload.clone(), until).await {
            Ok(answer) => {
                tracing::info!(source = upload.source, ingest = answer.id, "a file was taken in: {}", answer.message);
                (Shelf::Done, self.account(answer).await?)
            }
            Err(IngestError::Paused) => return Ok(Took::Paused),
            Err(error) if error.is_of_the_file() => {
                tracing::warn!(source = upload.source, %error, "a file is refused");
                let refusal = self.ingestor.note_refused(&upload, &file.version, &error).await?;
                self.note(&file, Arrival::Refused(refusal)).await?;
                let details = json!({"code": error.code(), "message": error.to_string(), "details": error.details()});
                (Shelf::Refused, json!({"source": upload.source, "error": details}))
            }
            // Later files wait: otherwise this one would replace their corrections.
            Err(IngestError::Store(error)) => return Err(error.into()),
            Err(error) => {
                // A file without read permission, or one that is gone, delays no other.
                metrics::failure();
                tracing::error!(source = upload.source, %error, "a file could not be read; a retry follows");
                return Ok(Took::Unreadable);
            }
        };
        self.source.put_away(&file, shelf, &account).await?;
        Ok(Took::Away)
    }

    async fn ingest(&self, file: &mut Waiting, upload: Upload, until: Option<Instant>) -> Result<Answer, IngestError> {
        let (original, version) = self.source.open(file, self.ingestor.room(until)).await?;
        file.version = version;
        let known = self.ingestor.identified(&original, upload).await?;
        self.note(file, Arrival::Ingest { id: known.id.clone(), version: file.version.clone() }).await?;
        self.ingestor.take_in(original, known, until).await
    }

    /// For clients that ask about a file they put there.
    async fn note(&self, file: &Waiting, arrival: Arrival) -> Result<(), StoreError> {
        self.ingestor.store().note_arrival(self.source.name(), &file.place, &arrival).await
    }

    /// The account beside a file that was taken in: its record, as `GET /api/ingests/{id}` has it.
    async fn account(&self, answer: Answer) -> Result<Value, StoreError> {
        let record = self.ingestor.store().ingest(&answer.id).await?;
        Ok(record.map_or_else(|| json!({ "answer": answer }), |record| json!(IngestRecord::from(record))))
    }
}

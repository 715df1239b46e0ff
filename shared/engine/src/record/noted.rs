//! Writes and reads the ledger's records of files.

use super::{IngestError, Ingestor, Scanned, Upload, write};
use crate::answer::{Answer, Status, VerdictSummary};
use crate::summary::answer_of;
use domain::reading::short_digest;
use domain::{name, time};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use table::StoreError;
use table::ingests::{Decision, Ingest, Refusal, Stage};
use table::removals::Removal;

impl Ingestor {
    /// Records in the ledger that the fetch of a source brought no file, replacing an earlier entry with the same
    /// `since`.
    pub async fn note_look(
        &self,
        upload: &Upload,
        since: i64,
        state: Stage,
        refusal: Refusal,
    ) -> Result<(), StoreError> {
        let id = short_digest(&["look", &upload.source, &since.to_string()]);
        self.store.note_look(&Ingest { id, state, refusal: Some(refusal), ..opened(upload) }).await
    }

    /// Records in the ledger that a file was refused, once for each `version`: nobody is waiting for the answer.
    pub async fn note_refused(
        &self,
        upload: &Upload,
        version: &str,
        error: &IngestError,
    ) -> Result<Refusal, StoreError> {
        let refusal = Refusal { code: error.code().to_owned(), message: error.to_string(), details: error.details() };
        let ingest = Ingest {
            id: short_digest(&["refused", &upload.source, version]),
            state: Stage::Refused,
            refusal: Some(refusal.clone()),
            ..opened(upload)
        };
        self.store.note_refused(&ingest).await?;
        Ok(refusal)
    }
}

/// The record of a file of which only the sender is known.
pub(super) fn opened(upload: &Upload) -> Ingest {
    Ingest {
        id: String::new(),
        digest: String::new(),
        bytes: 0,
        site: upload.site.clone(),
        source: upload.source.clone(),
        who: upload.who.clone(),
        received_at: time::rfc3339(time::now()),
        code_version: env!("CARGO_PKG_VERSION").into(),
        state: Stage::Recording,
        revisions: BTreeMap::new(),
        draft: None,
        answer: None,
        refusal: None,
        withdrawn: None,
        resolution: None,
    }
}

/// The answer without verdicts.
pub(super) fn draft(
    ingest: &Ingest,
    scanned: Scanned,
    settled: write::Settled,
    write_units: f64,
    started: i64,
) -> Answer {
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
        verdict: VerdictSummary::default(),
        write_units,
        seconds: 0.0,
        started,
        left_out: BTreeMap::new(),
    };
    answer.bound();
    answer
}

/// The answer to a file that was ingested before.
pub(super) fn known(ingest: &Ingest) -> Option<Answer> {
    let mut answer = answer_of(ingest)?;
    answer.status = Status::Known;
    answer.message = format!("This file is known: it was taken in at {}. Nothing was changed.", ingest.received_at);
    answer.write_units = 0.0;
    Some(answer)
}

/// The record of a file: where readings came from, and their outcome.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IngestRecord {
    /// Its id.
    pub id: String,
    /// SHA-256 of the decompressed bytes.
    pub digest: String,
    /// Decompressed size.
    pub bytes: u64,
    /// The site given with the file.
    pub site: Option<String>,
    /// The client's name for the file; may be empty.
    pub source: String,
    /// Who sent it.
    pub who: String,
    /// When it was first sent.
    #[schema(format = DateTime)]
    pub received_at: String,
    /// The version of the program that ingested it.
    pub code_version: String,
    /// Its state.
    pub state: Stage,
    /// The sites that it has readings of.
    pub sites: Vec<String>,
    /// The answer, once it is done.
    #[schema(value_type = Option<Answer>)]
    pub answer: Option<Value>,
    /// Why it was refused.
    pub error: Option<Refusal>,
    /// Its withdrawal.
    pub withdrawn: Option<Decision>,
    /// A person's decision about the refused rows.
    pub resolution: Option<Decision>,
    /// The sites that were removed since, together with the file's readings.
    pub removed: Vec<RemovedFrom>,
    /// How many series are still to be judged; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub series_left: Option<u64>,
    /// How much of the file has been read, while it is recorded; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub progress: Option<FileProgress>,
}

/// How much of a file has been read.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct FileProgress {
    /// Bytes after decompression.
    pub read: u64,
    /// The total.
    pub of: u64,
}

/// A site that was removed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RemovedFrom {
    /// Its name.
    pub site: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The client that removed it.
    pub who: String,
    /// Why.
    pub reason: String,
}

impl From<&Removal> for RemovedFrom {
    fn from(removal: &Removal) -> Self {
        Self {
            site: removal.site.clone(),
            at: time::rfc3339_seconds(removal.at),
            who: removal.who.clone(),
            reason: removal.reason.clone(),
        }
    }
}

impl From<Ingest> for IngestRecord {
    fn from(ingest: Ingest) -> Self {
        Self::of(ingest, &[])
    }
}

impl IngestRecord {
    /// The record of a file, some of whose sites may have been removed. `removals` are sorted by site and time.
    pub fn of(ingest: Ingest, removals: &[Removal]) -> Self {
        let took = |removal: &&Removal| ingest.revisions.iter().any(|(site, revision)| removal.took(site, *revision));
        // If a site was removed several times, the first removal after the file counts.
        let mut taken: Vec<&Removal> = removals.iter().filter(took).collect();
        taken.dedup_by(|later, first| name::same(&later.site, &first.site));
        Self {
            removed: taken.into_iter().map(RemovedFrom::from).collect(),
            id: ingest.id,
            digest: ingest.digest,
            bytes: ingest.bytes,
            site: ingest.site,
            source: ingest.source,
            who: ingest.who,
            received_at: ingest.received_at,
            code_version: ingest.code_version,
            state: ingest.state,
            sites: ingest.revisions.into_keys().collect(),
            answer: ingest.answer,
            error: ingest.refusal,
            withdrawn: ingest.withdrawn,
            resolution: ingest.resolution,
            series_left: None,
            progress: None,
        }
    }
}

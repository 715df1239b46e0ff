//! Where the readings of a period came from.

use domain::name;
use std::collections::{BTreeMap, BTreeSet};
use table::feed::is_of_single_readings;
use table::ingests::{Ingest, Stage};
use table::{Store, StoreError};

/// How many records of the ledger are searched, the latest first. Each is a read.
const MAX_RECORDS: usize = 1000;
/// Records read at once.
const PAGE: usize = 100;

/// The files and single readings behind a certificate.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The files, in the order in which they arrived.
    pub(super) files: Vec<File>,
    /// The number of files whose records are too far back in the ledger to be found, and of their readings.
    pub(super) unknown: (u64, u64),
    /// Readings that came one by one.
    pub(super) single: u64,
}

/// A file that brought readings of the period.
#[derive(Debug)]
pub(super) struct File {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) source: String,
    pub(super) who: String,
    pub(super) received_at: String,
    pub(super) code_version: String,
    pub(super) done: bool,
    pub(super) rows_taken: Option<u64>,
    pub(super) rows_refused: Option<u64>,
    /// Whether a person has dealt with the refused rows.
    pub(super) is_resolved: bool,
    pub(super) readings_replaced: u64,
    /// How many readings of the period it brought, including those that were corrected later.
    pub(super) readings: u64,
}

/// Finds the files of these revisions, which map to their numbers of readings.
pub(super) async fn find(store: &Store, site: &str, revisions: &BTreeMap<u64, u64>) -> Result<Ledger, StoreError> {
    let (single, of_files): (BTreeMap<u64, u64>, _) =
        revisions.iter().partition(|(revision, _)| is_of_single_readings(**revision));
    let mut ledger = Ledger { single: single.values().sum(), ..Ledger::default() };
    let mut missing: BTreeSet<u64> = BTreeMap::into_keys(of_files).collect();
    let mut before: Option<String> = None;
    for _ in 0..MAX_RECORDS / PAGE {
        if missing.is_empty() {
            break;
        }
        let records = store.ingests(before.as_deref(), PAGE).await?;
        let at_end = records.len() < PAGE;
        before = records.last().map(|(place, _)| place.clone());
        for (_, ingest) in records {
            let revision = ingest.revisions.iter().find(|(of, _)| name::same(of, site)).map(|(_, revision)| *revision);
            if let Some(revision) = revision.filter(|revision| missing.remove(revision)) {
                ledger.files.push(File::new(ingest, revisions.get(&revision).copied().unwrap_or_default()));
            }
        }
        if at_end {
            break;
        }
    }
    let readings = missing.iter().filter_map(|revision| revisions.get(revision)).sum();
    ledger.unknown = (missing.len() as u64, readings);
    ledger.files.reverse();
    Ok(ledger)
}

impl File {
    fn new(ingest: Ingest, readings: u64) -> Self {
        let rows = |name: &str| ingest.answer.as_ref().and_then(|answer| answer[name].as_u64());
        Self {
            rows_taken: rows("rows_taken"),
            rows_refused: rows("rows_refused"),
            is_resolved: ingest.resolution.is_some(),
            readings_replaced: rows("readings_replaced").unwrap_or_default(),
            id: ingest.id,
            digest: ingest.digest,
            source: ingest.source,
            who: ingest.who,
            received_at: ingest.received_at,
            code_version: ingest.code_version,
            done: ingest.state == Stage::Done,
            readings,
        }
    }
}

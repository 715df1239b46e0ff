//! Writes a file's readings to the table: cut and packed on one thread, written on another.

use super::scan::{Scanned, Tally};
use super::{AT_ONCE, IngestError, blocking};
use crate::lanes::Lanes;
use crate::original::Original;
use crate::settle::replacement;
use domain::reading::Series;
use domain::{name, time};
use formats::Options;
use formats::cutter::{Cutter, Piece};
use formats::reader::Rows;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use table::accounts::{MAX_REPLACEMENTS, Replacement};
use table::ingests::Ingest;
use table::leases::{BEAT, Lease};
use table::reached::Reached;
use table::segments::{self, Order};
use table::series::Entry;
use table::{Item, Store, StoreError};
use tokio::sync::mpsc;

/// Packed segments waiting to be written.
const WAITING: usize = 8;
/// Bytes of packed segments in one batch; BatchWriteItem accepts 16 MB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// How often the progress of a recording is saved.
const A_WHILE: Duration = Duration::from_secs(5);

/// A file that is being recorded, and how.
pub(super) struct Writing<'a> {
    pub(super) store: &'a Store,
    pub(super) lanes: &'a Lanes,
    pub(super) lease: &'a Lease,
    pub(super) ingest: &'a Ingest,
    /// How to read it.
    pub(super) options: &'a Options,
    /// The progress of earlier attempts.
    pub(super) before: Reached,
    /// Whether to collect the result of the rows on the way.
    pub(super) tells: bool,
    /// When it pauses.
    pub(super) until: Option<Instant>,
}

/// The result of writing a file.
pub(super) struct Written {
    entries: Vec<Entry>,
    pub(super) settled: Settled,
    /// The result of the rows, if requested.
    pub(super) scanned: Option<Scanned>,
}

impl Writing<'_> {
    /// Writes the file as segments and enters its series into the directory. What an earlier attempt has written is
    /// read again, because the account covers all rows, but it is not written again.
    pub(super) async fn write(self, original: Original) -> Result<Written, IngestError> {
        let (sender, mut packed) = mpsc::channel::<Item>(WAITING);
        let read = Arc::new(AtomicU64::new(0));
        let bytes_all = original.bytes;
        let cutting = {
            let revisions = self.ingest.revisions.iter();
            let cut = Cut {
                options: self.options.clone(),
                revisions: revisions.map(|(site, revision)| (name::key(site), *revision)).collect(),
                skipped: self.before.segments,
                sender,
                read: read.clone(),
                tells: self.tells,
            };
            tokio::spawn(blocking(move || cut.cut(original)))
        };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut reached = Reached { is_marked: true, options: serde_json::to_string(self.options).ok(), ..self.before };
        let earlier = reached.write_units;
        let mut noted = Instant::now();
        let mut held = Instant::now();
        while let Some(item) = packed.recv().await {
            bytes += segments::packed_size(&item);
            batch.push(item);
            if bytes < BATCH_BYTES && !packed.is_empty() {
                continue;
            }
            if held.elapsed() >= BEAT {
                // Segments are written without a condition: a process that was suspended for so long that it was taken
                // for dead notices before the next batch, not when it saves its progress.
                self.store.beat(self.lease).await?;
                held = Instant::now();
            }
            reached.segments += batch.len() as u64;
            self.store.put_segments(std::mem::take(&mut batch)).await?;
            bytes = 0;
            let is_over = self.until.is_some_and(|until| Instant::now() >= until);
            if is_over || noted.elapsed() >= A_WHILE {
                reached.read = (read.load(Relaxed), bytes_all);
                reached.write_units = earlier + self.store.write_units();
                reached.paused_at = is_over.then(time::now);
                self.store.note_reached(self.lease, &self.ingest.id, &reached).await?;
                noted = Instant::now();
            }
            if is_over {
                return Err(IngestError::Paused);
            }
        }
        self.store.put_segments(batch).await?;
        let written = cutting.await.map_err(std::io::Error::other)??;
        let mut by_site: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in &written.entries {
            by_site.entry(name::key(&entry.series.site)).or_default().push(entry.clone());
        }
        let merging = by_site.into_values().map(|entries| self.lanes.merge(self.store, entries));
        stream::iter(merging).buffer_unordered(AT_ONCE).try_for_each(async |()| Ok(())).await?;
        Ok(written)
    }
}

/// The outcome of a file's rows beside other rows of the same file.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) rows_repeated: u64,
    pub(super) readings_repeated: u64,
    pub(super) readings_replaced: u64,
    pub(super) replacements: Vec<Replacement>,
}

impl Settled {
    fn note(&mut self, piece: &Piece, series: &Series) {
        self.rows_repeated += piece.rows_repeated;
        self.readings_repeated += piece.readings_repeated;
        self.readings_replaced += piece.readings_replaced;
        let room = MAX_REPLACEMENTS.saturating_sub(self.replacements.len());
        let shown = piece.replaced.iter().take(room).map(|(old, new)| replacement(series, *old, *new));
        self.replacements.extend(shown);
    }
}

/// Cuts a file into segments, on a thread of its own.
struct Cut {
    options: Options,
    /// By the key of the site.
    revisions: HashMap<String, u64>,
    /// Segments before this one are not sent.
    skipped: u64,
    sender: mpsc::Sender<Item>,
    /// Bytes read so far.
    read: Arc<AtomicU64>,
    tells: bool,
}

impl Cut {
    /// Reads the file and sends its segments, packed.
    fn cut(self, mut original: Original) -> Result<Written, IngestError> {
        let counting = Counting { bytes: original.rewind()?, read: &self.read };
        let mut rows = Rows::open(counting, &self.options)?;
        let mut tally = self.tells.then(Tally::default);
        let mut settled = Settled::default();
        let mut cutter = Cutter::default();
        let mut written: Vec<Option<Entry>> = Vec::new();
        let mut readings = Vec::new();
        let mut index = 0;
        let mut send = |piece: Piece, series: &[Series], cutter: &mut Cutter| {
            let at = piece.series as usize;
            settled.note(&piece, &series[at]);
            if written.len() <= at {
                written.resize_with(at + 1, || None);
            }
            let entry = written[at].get_or_insert_with(|| Entry::new(series[at].clone()));
            let revision = self.revisions.get(&name::key(&entry.series.site)).copied().unwrap_or_default();
            let order = Order { revision, index };
            entry.note(&piece.columns, order);
            let item =
                if index < self.skipped { None } else { Some(segments::item(&entry.id, order, &piece.columns)?) };
            index += 1;
            cutter.recycle(piece.columns);
            // The receiver is dropped when a write failed; that error counts.
            let stopped = |_| IngestError::Store(StoreError::Service("writing has stopped".into()));
            item.map_or(Ok(()), |item| self.sender.blocking_send(item).map_err(stopped))
        };
        while rows.next_row(&mut readings)? {
            for reading in readings.drain(..) {
                if let Some(tally) = &mut tally {
                    tally.note(&reading);
                }
                if let Some(piece) = cutter.push(&reading, rows.units()) {
                    send(piece, rows.series(), &mut cutter)?;
                }
            }
        }
        while let Some(piece) = cutter.finish() {
            send(piece, rows.series(), &mut cutter)?;
        }
        let entries = written.into_iter().flatten().collect();
        let scanned = tally.map(|tally| tally.scanned(&rows, self.options.clone()).0);
        Ok(Written { entries, settled, scanned })
    }
}

/// Counts bytes.
struct Counting<'a, R> {
    bytes: R,
    read: &'a AtomicU64,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

//! A file's readings into the table: cut and packed on one thread, written on another.

use super::scan::Scanned;
use super::{AT_ONCE, IngestError, blocking, through_lanes};
use crate::lanes::Lanes;
use crate::settle::replacement;
use crate::spool::Spooled;
use domain::name;
use domain::reading::Series;
use formats::Options;
use formats::cutter::{Cutter, Piece};
use formats::reader::Rows;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::HashMap;
use table::accounts::{MAX_REPLACEMENTS, Replacement};
use table::ingests::Ingest;
use table::segments::{self, Order};
use table::series::Entry;
use table::{Item, Store, StoreError};
use tokio::sync::mpsc;

/// Packed segments waiting to be written.
const WAITING: usize = 8;
/// Bytes of packed segments in one batch; BatchWriteItem takes 16 MB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// Writes the file as segments and brings its series into the directory.
pub(super) async fn write(
    store: &Store,
    lanes: &Lanes,
    spooled: &mut Spooled,
    ingest: &Ingest,
    scanned: &Scanned,
) -> Result<Settled, IngestError> {
    let (sender, mut packed) = mpsc::channel::<Item>(WAITING);
    let revisions: HashMap<String, u64> =
        ingest.revisions.iter().map(|(site, revision)| (name::key(site), *revision)).collect();
    let options = scanned.options.clone();
    // Reading needs the spooled bytes on another thread and gives them back.
    let mut own = std::mem::replace(spooled, Spooled::empty());
    let cutting = tokio::spawn(blocking(move || {
        let written = cut(&mut own, &options, &revisions, &sender)?;
        Ok((own, written))
    }));
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(item) = packed.recv().await {
        bytes += segments::packed_size(&item);
        batch.push(item);
        if bytes >= BATCH_BYTES || packed.is_empty() {
            store.put_segments(std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    store.put_segments(batch).await?;
    let (own, (written, settled)) = cutting.await.map_err(std::io::Error::other)??;
    *spooled = own;
    let merging = (0..written.len()).map(|index| through_lanes::merge(store, lanes, &written[index]));
    stream::iter(merging).buffer_unordered(AT_ONCE).try_for_each(async |()| Ok(())).await?;
    Ok(settled)
}

/// What became of rows of a file beside others of its own.
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

/// Reads the file and sends its segments, packed.
fn cut(
    spooled: &mut Spooled,
    options: &Options,
    revisions: &HashMap<String, u64>,
    sender: &mpsc::Sender<Item>,
) -> Result<(Vec<Entry>, Settled), IngestError> {
    let mut rows = Rows::open(spooled.rewind()?, options)?;
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
        let revision = revisions.get(&name::key(&entry.series.site)).copied().unwrap_or_default();
        let order = Order { revision, index };
        entry.note(&piece.columns, order);
        let item = segments::item(&entry.id, order, &piece.columns)?;
        index += 1;
        cutter.recycle(piece.columns);
        // The receiver is gone when a write failed; its error is what counts.
        sender.blocking_send(item).map_err(|_| IngestError::Store(StoreError::Service("writing has stopped".into())))
    };
    while rows.next_row(&mut readings)? {
        for reading in readings.drain(..) {
            if let Some(piece) = cutter.push(&reading, rows.units()) {
                send(piece, rows.series(), &mut cutter)?;
            }
        }
    }
    while let Some(piece) = cutter.finish() {
        send(piece, rows.series(), &mut cutter)?;
    }
    Ok((written.into_iter().flatten().collect(), settled))
}
